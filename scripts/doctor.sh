#!/bin/sh
# Prints a line a tool: what was found, and whether it is what is needed. At the end, which make targets lack what. Exit
# code 1 if make start and make test lack something.
cd "$(dirname "$0")/.."
target=doctor
. scripts/lib/cluster.sh
. scripts/lib/images.sh

row() { # NAME FOUND VERDICT
  printf '  %-26s %-20s %s\n' "$1" "$2" "$3"
}

lacking=
lacks() { # TARGETS NAME
  lacking="$lacking$1: $2
"
}

# Prints the row of a tool, and notes it with the targets that lack it; these may be none: what has alternatives.
judge() { # TARGETS NAME NEEDED VERSION HOW-TO-GET
  if [ -z "$4" ]; then
    row "$2" 'not found' "${1:+MISSING: }needs $3 or newer; $5"
  elif at_least "$3" "$4"; then
    row "$2" "$4" 'ok'
    return 0
  else
    row "$2" "$4" "TOO OLD: needs $3 or newer; $5"
  fi
  if [ -n "$1" ]; then lacks "$1" "$2 $3"; fi
}

version_of() { # COMMAND...
  version_in "$("$@" 2>/dev/null | head -n 1)"
}

echo 'Needed by make deploy:'
kubectl_version=$(version_in "$(kubectl version --client 2>/dev/null | sed -n 's/^Client Version: .*\(v[0-9]\)/\1/p')")
judge 'make deploy' kubectl 1.27 "$kubectl_version" https://kubernetes.io/docs/tasks/tools
context=$(kubectl config current-context 2>/dev/null) || context=
if [ -z "$context" ]; then
  row cluster 'no current context' 'MISSING: make cluster-up makes one'
  lacks 'make deploy' 'a cluster'
else
  row context "$context" 'of kubectl'
  server=$(kubectl --request-timeout=5s get --raw /version 2>/dev/null | sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p')
  if [ -n "$server" ]; then
    judge 'make deploy' cluster 1.30 "$(version_in "$server")" 'make cluster-up makes one'
  else
    row cluster 'no answer' 'MISSING: the cluster of this context is not there'
    lacks 'make deploy' 'a cluster that answers'
  fi
fi
if is_podman; then
  row docker "podman $(version_of client --version)" 'not tried: docs/kubernetes.md'
else
  engine_needed=23.0
  if client info --format '{{.DriverStatus}}' 2>/dev/null | grep -q io.containerd.snapshotter; then engine_needed=28.0; fi
  how=https://docs.docker.com/engine/install
  judge 'make deploy, make images' 'docker client' "$engine_needed" "$(version_in "$(client version --format '{{.Client.Version}}' 2>/dev/null)")" "$how"
  judge 'make deploy, make images' 'docker engine' "$engine_needed" "$(version_in "$(client version --format '{{.Server.Version}}' 2>/dev/null)")" "start it, or $how"
fi

echo 'One of these for make deploy, unless the cluster is of a desktop, REGISTRY is set, or IMAGE_LOADER:'
kind_version=$(version_of kind version)
minikube_version=$(version_of minikube version --short)
# Its own name has a digit.
k3d_version=$(version_in "$(k3d version 2>/dev/null | sed -n 's/^k3d version //p')")
judge '' kind 0.25 "$kind_version" https://kind.sigs.k8s.io
judge '' minikube 1.30 "$minikube_version" https://minikube.sigs.k8s.io
judge '' k3d 5.0 "$k3d_version" https://k3d.io
row IMAGE_LOADER "${IMAGE_LOADER:-not set}" 'a command that reads image archives'
loader=
case $(if [ -n "$context" ]; then cluster_type; fi) in
  'kind '*) at_least 0.25 "${kind_version:-0.0}" || loader='kind 0.25' ;;
  'minikube '*) at_least 1.30 "${minikube_version:-0.0}" || loader='minikube 1.30' ;;
  'k3d '*) at_least 5.0 "${k3d_version:-0.0}" || loader='k3d 5.0' ;;
  'other '*) loader='IMAGE_LOADER or REGISTRY, as this context is of no cluster of this machine' ;;
esac
if [ -n "$loader" ] && [ -z "${IMAGE_LOADER:-}" ] && is_local; then lacks 'make deploy' "$loader"; fi
if ! at_least 0.25 "${kind_version:-0.0}"; then lacks 'make cluster-up' 'kind 0.25'; fi

echo 'Needed by make dev, with all the above:'
judge 'make dev' skaffold 2.15 "$(version_of skaffold version)" https://skaffold.dev/docs/install

echo 'Needed by make start and make test:'
judge 'make start, make test' make 3.81 "$(version_of make --version)" "your system's package manager"
judge 'make start, make test' npm 11.0 "$(version_of npm --version)" 'npm install --global npm'
judge 'make start, make test' node 20.17 "$(version_of node --version)" 'for npm itself: https://nodejs.org'
if [ -x node_modules/.bin/node ]; then
  row 'node (ours)' "$(version_of node_modules/.bin/node --version)" 'ok'
else
  row 'node (ours)' 'not installed' 'make start and make test do it'
fi

found_or() { # NAME VERSION HOW-TO-GET
  row "$1" "${2:-not found}" "$(if [ -n "$2" ]; then echo found; else echo "MISSING: $3"; fi)"
}

echo 'Needed by make test-postgres:'
postgres=
for folder in "${POSTGRES_BIN:-}" "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(command -v initdb || echo /)")" /usr/lib/postgresql/*/bin; do
  if [ -z "$postgres" ]; then postgres=$(version_of "$folder/initdb" --version); fi
done
judge '' postgresql 14.0 "$postgres" 'POSTGRES_BIN is the folder of its programs (Debian: postgresql)'

echo 'Needed for the tutorial with Consul, and by make test-consul:'
found_or consul "$(version_of "${CONSUL_BIN:-consul}" version)" 'CONSUL_BIN, or https://developer.hashicorp.com/consul/install'

echo 'Needed by make test-dns:'
found_or dnsmasq "$(version_of "${DNSMASQ_BIN:-$(command -v dnsmasq || echo /usr/sbin/dnsmasq)}" --version)" \
  "DNSMASQ_BIN, or your system's package manager (Debian: dnsmasq-base)"

echo 'Needed by make lint-manifests, and shellcheck by make test-manifests; both need kubectl:'
# shellcheck disable=SC2086 # A command that may have arguments.
found_or kube-score "$(version_of ${KUBE_SCORE:-kube-score} version)" 'KUBE_SCORE, or https://github.com/zegl/kube-score'
found_or actionlint "$(version_of "${ACTIONLINT:-actionlint}" -version)" \
  'ACTIONLINT, or go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'
found_or shellcheck "$(version_in "$(shellcheck --version 2>/dev/null)")" "your system's package manager"

echo 'Needed by make test-kubernetes, on Linux as root, with kubectl:'
for tool in ip iptables; do
  found_or "$tool" "$(command -v "$tool")" 'Debian: iproute2, iptables'
done

echo 'For all of make test-cluster and make rollout-test, shell commands; tests that need one that is not set are left out:'
command_row() { # VARIABLE WHAT-IT-DOES
  eval "command=\${$1:-}"
  row "$1" "$(if [ -n "$command" ]; then echo set; else echo 'not set'; fi)" "$2"
}
command_row CLUSTER_API_STOP 'stops the API server'
command_row CLUSTER_API_START 'starts it and waits for it'
command_row CLUSTER_COMPACT 'compacts its etcd'
command_row CLUSTER_KILL_POD 'kills -n NAMESPACE POD'
command_row CLUSTER_NODE_STOP 'cuts the power of NODE'
command_row CLUSTER_NODE_START 'switches it on again'
command_row CLUSTER_ENFORCES_POLICIES '1: the network enforces NetworkPolicies'
command_row CLUSTER_IS_MINE '1: tests and make undeploy may delete in a cluster that is not of this machine'

echo
if [ -z "$lacking" ]; then
  echo 'Nothing is missing for make start, make test, make deploy and make dev.'
else
  printf '%s' "$lacking" | sed 's/^/Lacking for /'
fi
case $lacking in
  *'make start, make test: '*) exit 1 ;;
esac
