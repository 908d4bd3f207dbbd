# The cluster of the current kubectl context, and the namespace in it.
. scripts/lib/base.sh

namespace=${NAMESPACE:-movies}
# Fails unless it is up to 63 of a-z, 0-9 and -, with a letter or digit first and last.
need_name() { # WHAT VALUE
  case $2 in
    '' | *[!a-z0-9-]* | -* | *-) ;;
    *) if [ "${#2}" -le 63 ]; then return; fi ;;
  esac
  fail "$1 is up to 63 of a-z, 0-9 and -, with a letter or digit first and last; and not '$2'"
}
need_name NAMESPACE "$namespace"

# The same with dots in it, up to 253 characters.
need_subdomain() { # WHAT VALUE
  case $2 in
    '' | *[!a-z0-9.-]* | [!a-z0-9]* | *[!a-z0-9]) ;;
    *) if [ "${#2}" -le 253 ]; then return; fi ;;
  esac
  fail "$1 is up to 253 of a-z, 0-9, - and ., with a letter or digit first and last; and not '$2'"
}

# Fails unless the folder has an overlay of that name.
need_overlay() { # FOLDER NAME
  if [ ! -f "$1/$2/kustomization.yaml" ] || [ "$2" != "${2##*/}" ]; then
    fail "there is no overlay '$2'; there are: $(cd "$1" && echo *)"
  fi
}

# What a command in a message needs, so that it is for the same namespace.
for_namespace=
# shellcheck disable=SC2034 # For those who read this.
if [ "$namespace" != movies ]; then for_namespace=" NAMESPACE=$namespace"; fi

# Says where the target acts. `kube` then stays there, as do scripts that this one runs, also when the user takes another
# context meanwhile.
use_context() {
  need kubectl
  context=${MOVIES_CONTEXT:-}
  if [ -n "$context" ]; then return; fi
  context=$(kubectl config current-context 2>/dev/null) ||
    fail 'kubectl has no current context: make cluster-up makes a cluster; kubectl config use-context NAME takes one that is there'
  MOVIES_CONTEXT=$context
  export MOVIES_CONTEXT
  echo "make ${target:?}: context $context, namespace $namespace" >&2
}

kube() { # ARGUMENT...
  kubectl --context "$context" --namespace "$namespace" "$@"
}

need_answer() {
  kube --request-timeout=10s get --raw /readyz >/dev/null || fail "the cluster of the context '$context' does not answer"
}

# Prints what made the cluster, and its name there: `kind NAME`, `minikube PROFILE`, `k3d NAME`, `desktop NAME`, or
# `other NAME`. The kubeconfig's entry of the cluster tells, since a context can have any name; else the context's name.
cluster_type() {
  entry=$(kubectl config view --minify --context "$context" --output 'jsonpath={.contexts[0].context.cluster}')
  providers=$(kubectl config view --minify --context "$context" --output 'jsonpath={..extension.provider}')
  case $providers in
    *minikube.sigs.k8s.io*)
      echo "minikube $entry"
      return
      ;;
  esac
  for name in "$entry" "$context"; do
    case $name in
      kind-*) echo "kind ${name#kind-}" ;;
      k3d-*) echo "k3d ${name#k3d-}" ;;
      docker-desktop | orbstack | colima | colima-* | rancher-desktop) echo "desktop $name" ;;
      *) continue ;;
    esac
    return
  done
  echo "other $entry"
}

# Before what deletes: goes on in a cluster of this machine only, or in one that the user says is his.
guard() {
  use_context
  if [ "${CLUSTER_IS_MINE:-}" = 1 ]; then return; fi
  # What cannot be told is not of this machine either.
  case $(cluster_type) in
    'other '* | '')
      fail "the context '$context' is none of kind, minikube, k3d, Docker Desktop, OrbStack, Colima or Rancher Desktop; make $target deletes things in a cluster: CLUSTER_IS_MINE=1 says that it may in this one"
      ;;
  esac
}
