#!/bin/sh
# Runs `skaffold dev` on an overlay, once all is there that it needs.
cd "$(dirname "$0")/.."
target=dev
. scripts/lib/cluster.sh
overlay=${OVERLAY:-kubernetes}

need skaffold kubectl
found=$(skaffold version) || fail "'skaffold version' fails"
number=$(version_in "$found")
[ -n "$number" ] || fail "'skaffold version' says '$found', and not which it is"
at_least 2.15 "$number" ||
  fail "skaffold.yaml needs skaffold 2.15 or newer, and this is $found; make doctor says how to get it"
need_overlay k8s/skaffold "$overlay"
case ${DOCKER_BUILD_FLAGS:-} in
  *' '*) fail "skaffold.yaml takes one flag of DOCKER_BUILD_FLAGS, and not '$DOCKER_BUILD_FLAGS'" ;;
esac
# Ctrl-C deletes what make deploy had deployed, too.
guard

# How long skaffold waits for further edits before it syncs one. Its own second is most of what an edit waits for.
export SKAFFOLD_WATCH_POLL_INTERVAL="${SKAFFOLD_WATCH_POLL_INTERVAL:-200}"

set -- dev --kube-context "$context"
if [ "$overlay" != kubernetes ]; then set -- "$@" --profile "$overlay"; fi
# Ctrl-C is for skaffold, which then deletes what it deployed. What it leaves is said when that is done.
trap : INT
code=0
NAMESPACE=$namespace skaffold "$@" || code=$?
if kube --request-timeout=10s get namespace "$namespace" >/dev/null 2>&1; then
  echo "make dev: the namespace $namespace stays, with the volume of PostgreSQL if there is one; make undeploy$for_namespace deletes both" >&2
fi
exit "$code"
