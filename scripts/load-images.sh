#!/bin/sh
# Puts the images tagged VERSION into the cluster of the current kubectl context: by IMAGE_LOADER where it is set, a
# command that reads image archives named as arguments, else by kind or minikube.
set -eu
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
version=${VERSION:?the tag of the images, as in: make load-images VERSION=1.2.3}
images="movies/metadata:$version movies/rating:$version movies/movie:$version"

fail() {
  echo "make load-images: $*" >&2
  exit 1
}

need() { # COMMAND
  command -v "$1" >/dev/null || fail "'$1' is not there; make doctor says how to get it"
}

# A context of minikube may have any name; minikube says in the kubeconfig that it is its own.
minikube_extension='{.contexts[0].context.extensions[?(@.name=="context_info")].extension.provider}'

choose_loader() {
  if [ -n "${IMAGE_LOADER:-}" ]; then
    loader=$IMAGE_LOADER
    return
  fi
  need kubectl
  context=$(kubectl config current-context 2>/dev/null) ||
    fail 'kubectl has no current context: kubectl config use-context NAME, or IMAGE_LOADER=<command>'
  case $context in
    kind-*)
      need kind
      loader="kind load image-archive --name ${context#kind-}"
      ;;
    *)
      provider=$(kubectl config view --minify -o "jsonpath=$minikube_extension")
      [ "$provider" = minikube.sigs.k8s.io ] ||
        fail "the context '$context' is neither of kind nor of minikube: IMAGE_LOADER=<command that reads image archives>"
      need minikube
      loader="minikube --profile $context image load"
      ;;
  esac
}

need "${docker%% *}"
for image in $images; do
  # Words on purpose, here and below: these may have arguments.
  # shellcheck disable=SC2086
  $docker image inspect "$image" >/dev/null 2>&1 || fail "there is no $image: make images VERSION=$version"
done
choose_loader

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The containerd image store keeps images of several platforms, of which not all need be there, and whose archives a
# cluster then refuses. With the platform said, only that one is in the archive; Docker from 28.0 on can.
platform=
# shellcheck disable=SC2086
if $docker info --format '{{.DriverStatus}}' 2>/dev/null | grep -q io.containerd.snapshotter; then
  platform="--platform $($docker version --format '{{.Server.Os}}/{{.Server.Arch}}')"
fi
# In one archive, so that what they share is in it once.
# shellcheck disable=SC2086
$docker save $platform --output "$work/images.tar" $images || fail 'the images could not be saved'
$loader "$work/images.tar" || fail "'$loader' has failed"
for image in $images; do echo "$image loaded"; done
