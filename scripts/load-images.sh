#!/bin/sh
# Puts the images tagged VERSION into the cluster of the current kubectl context: by IMAGE_LOADER where it is set, a
# command that reads an image archive named as its argument, else by kind, minikube or k3d. A desktop's cluster has the
# images of its engine as they are.
cd "$(dirname "$0")/.."
target=load-images
. scripts/lib/images.sh
. scripts/lib/cluster.sh
need_client
# With --check it only finds out whether there is a way into the cluster.
only_check=${1:-}

# An engine's images are the cluster's own where its nodes run them by that engine.
nothing_to_load() { # DESKTOP
  # Docker Desktop has no other engine. Of a cluster that does not answer nothing else is known.
  case $1 in
    docker-desktop) runtime= ;;
    *) runtime=$(kube --request-timeout=10s get nodes --output 'jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}' 2>/dev/null) || runtime= ;;
  esac
  case $runtime in
    '' | docker://*) ;;
    *)
      fail "the nodes of '$1' run $runtime, which has none of Docker's images: let it run on the engine of Docker, or IMAGE_LOADER='nerdctl --namespace k8s.io load --input'"
      ;;
  esac
  if [ -n "$only_check" ]; then exit 0; fi
  engine=$(client info --format '{{.Name}}, {{.OperatingSystem}}')
  echo "nothing to load: '$1' has the images of its own engine; these were built by the engine of $engine"
  exit 0
}

verify_minikube() {
  # It exits with 0 also when a node has refused the images.
  there=$(minikube --profile "$cluster" image ls) || fail "'minikube --profile $cluster image ls' has failed"
  for name in $names; do
    printf '%s\n' "$there" | grep -qxF "$name" || fail "minikube has not taken $name"
  done
}

cluster=
verify=:
if [ -n "${IMAGE_LOADER:-}" ]; then
  loader=$IMAGE_LOADER
else
  use_context
  found=$(cluster_type) || exit
  cluster=${found#* }
  case ${found%% *} in
    kind) loader="kind load image-archive --name $cluster" ;;
    minikube)
      loader="minikube --profile $cluster image load"
      verify=verify_minikube
      ;;
    k3d) loader="k3d image import --cluster $cluster" ;;
    desktop) nothing_to_load "$cluster" ;;
    *)
      fail "there is no way known into the cluster of the context '$context': IMAGE_LOADER=<command that reads image archives>, or make deploy REGISTRY=<where the cluster can pull from>"
      ;;
  esac
  need "${loader%% *}"
fi
if [ -n "$only_check" ]; then exit 0; fi

names=
for service in $services; do
  of_service=$(names_of "$service") || exit
  names="$names $of_service"
done

make_work_folder

# The containerd image store keeps images of several platforms, of which not all need be there, and whose archives a
# cluster then refuses. With the platform said, only that one is in the archive; Docker from 28.0 on can.
platform=
if client info --format '{{.DriverStatus}}' 2>/dev/null | grep -q io.containerd.snapshotter; then
  platform="--platform $(client version --format '{{.Server.Os}}/{{.Server.Arch}}')"
fi

load() { # NAME...
  # The shell writes the archive: a Docker from snap may not, in the folders of others.
  # shellcheck disable=SC2086 # Words on purpose.
  client save $platform "$@" >"$work/images.tar" || fail "the images could not be saved: $*"
  $loader "$work/images.tar" || fail "'$loader' has failed"
}

# shellcheck disable=SC2086
set -- $names
if is_podman; then
  # It takes further names for further tags of the first image, and each image has two.
  while [ $# -gt 0 ]; do
    load "$1" "$2"
    shift 2
  done
else
  # In one archive, so that what they share is in it once.
  load "$@"
fi
$verify
for name in $names; do echo "$name loaded"; done
