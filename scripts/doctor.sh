#!/bin/sh
# Prints a line a tool: what it is needed for, the version found, or how to get it.
# Exit code 1 if something is missing that `make start` and `make test` need.
missing=0

row() { # NAME NEEDED-FOR VERSION
  printf '  %-17s %-30s %s\n' "$1" "$2" "$3"
}

need() { # NAME NEEDED-FOR HOW-TO-GET VERSION-COMMAND...
  name=$1 purpose=$2 how=$3
  shift 3
  if version=$("$@" 2>/dev/null | head -n 1) && [ -n "$version" ]; then
    row "$name" "$purpose" "$version"
  else
    row "$name" "$purpose" "MISSING: $how"
    missing=1
  fi
}

echo 'Needed by everything:'
need make 'this' "your system's package manager" make --version
need npm 'installing; 11 or newer' 'comes with Node: https://nodejs.org' npm --version
need node 'npm itself; 20 or newer' 'https://nodejs.org' node --version
if [ -x node_modules/.bin/node ]; then
  row node 'everything else; comes along' "$(node_modules/.bin/node --version) (node_modules)"
else
  row node 'everything else; comes along' 'not installed yet: make start and make test do it'
fi

echo 'Needed by make test-postgres:'
postgres='not found: POSTGRES_BIN, the folder of its programs (Debian: postgresql); 14 or newer'
for folder in "$POSTGRES_BIN" "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(command -v initdb || echo /)")" /usr/lib/postgresql/*/bin; do
  if version=$("$folder/initdb" --version 2>/dev/null); then
    postgres="$version ($folder)"
    break
  fi
done
row postgresql 'POSTGRES_BIN, or found' "$postgres"

echo 'Needed for the tutorial with Consul, and by make test-consul:'
consul=${CONSUL_BIN:-consul}
if version=$("$consul" version 2>/dev/null | head -n 1) && [ -n "$version" ]; then
  row consul 'CONSUL_BIN, or on the PATH' "$version"
else
  row consul 'CONSUL_BIN, or on the PATH' 'not found: https://developer.hashicorp.com/consul/install'
fi

echo 'Needed by make test-dns:'
dnsmasq=${DNSMASQ_BIN:-$(command -v dnsmasq || echo /usr/sbin/dnsmasq)}
if version=$("$dnsmasq" --version 2>/dev/null | head -n 1) && [ -n "$version" ]; then
  row dnsmasq 'DNSMASQ_BIN, or on the PATH' "$version"
else
  row dnsmasq 'DNSMASQ_BIN, or on the PATH' "not found: your system's package manager (Debian: dnsmasq-base)"
fi

echo 'Needed by make lint-manifests, which takes kubectl too, as make test-manifests does:'
kube_score=${KUBE_SCORE:-kube-score}
# A command that may have arguments.
if version=$($kube_score version 2>/dev/null | head -n 1) && [ -n "$version" ]; then
  row kube-score 'KUBE_SCORE, or on the PATH' "$version"
else
  row kube-score 'KUBE_SCORE, or on the PATH' 'not found: https://github.com/zegl/kube-score'
fi

echo 'Needed by make test-cluster, make rollout-test and make soak; the first two take docker and two nodes, too:'
if version=$(kubectl version --client 2>/dev/null | head -n 1) && [ -n "$version" ]; then
  row kubectl 'on the PATH' "$version"
else
  row kubectl 'on the PATH' 'not found: https://kubernetes.io/docs/tasks/tools'
fi
if [ -z "$KUBECONFIG" ]; then
  row cluster 'KUBECONFIG' 'not set: the path of the kubeconfig of a cluster that tests may use'
elif answer=$(kubectl --request-timeout=5s get --raw /readyz 2>&1); then
  row cluster 'KUBECONFIG' "ready ($KUBECONFIG)"
else
  row cluster 'KUBECONFIG' "no answer ($KUBECONFIG): $(echo "$answer" | tail -n 1)"
fi

command_row() { # VARIABLE WHAT-IT-DOES
  eval "command=\$$1"
  row "$1" "$2" "${command:-not set: a shell command that does it}"
}

command_row CLUSTER_API_STOP 'stops the API server'
command_row CLUSTER_API_START 'starts it and waits for it'
command_row CLUSTER_COMPACT 'compacts its etcd'
command_row CLUSTER_KILL_POD 'kills -n NAMESPACE POD'
command_row CLUSTER_NODE_STOP 'cuts the power of NODE'
command_row CLUSTER_NODE_START 'switches it on again'
if [ -n "$CLUSTER_ENFORCES_POLICIES" ]; then
  row 'network policies' CLUSTER_ENFORCES_POLICIES 'enforced'
else
  row 'network policies' CLUSTER_ENFORCES_POLICIES 'not set: 1 where the network enforces them'
fi
echo 'Needed by make test-kubernetes, on Linux as root:'
for tool in kubectl ip iptables; do
  if found=$(command -v "$tool"); then
    row "$tool" 'on the PATH' "$found"
  else
    row "$tool" 'on the PATH' 'not found: kubectl from https://kubernetes.io/docs/tasks/tools, iproute2, iptables'
  fi
done

echo 'Needed by make images and make test-images:'
docker=${DOCKER:-docker}
# Words on purpose: the client may have arguments.
# shellcheck disable=SC2086
if version=$($docker version --format '{{.Client.Version}}, engine {{.Server.Version}}' 2>/dev/null); then
  row docker 'DOCKER, or on the PATH' "$version"
  # shellcheck disable=SC2086
  if $docker info --format '{{.DriverStatus}}' 2>/dev/null | grep -q io.containerd.snapshotter; then
    row 'image store' 'make load-images' "containerd's: wants docker 28 or newer, since 'kind load docker-image' fails with it"
  fi
else
  row docker 'DOCKER, or on the PATH' 'not found, or no engine: https://docs.docker.com/engine/install'
fi

echo 'One of them is needed by make load-images, or IMAGE_LOADER:'
tool_row() { # NAME WHERE-TO-GET VERSION-COMMAND...
  name=$1 how=$2
  shift 2
  version=$("$@" 2>/dev/null | head -n 1) || version=
  row "$name" 'on the PATH' "${version:-not found: $how}"
}
tool_row kind https://kind.sigs.k8s.io kind version
tool_row minikube https://minikube.sigs.k8s.io minikube version --short
command_row IMAGE_LOADER 'reads image archives'

echo 'Needed by make dev, with docker and kubectl:'
tool_row skaffold 'https://skaffold.dev/docs/install, 2.15 or newer' skaffold version

exit $missing
