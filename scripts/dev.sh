#!/usr/bin/env bash
# Runs `skaffold dev` on an overlay, once all is there that it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
overlay=${OVERLAY:-kubernetes}

fail() {
  echo "make dev: $*" >&2
  exit 1
}

for tool in skaffold kubectl; do
  command -v "$tool" >/dev/null || fail "$tool is not there; make doctor says how to get it"
done
found=$(skaffold version) || fail "'skaffold version' fails"
[[ $found =~ ^v?([0-9]+)\.([0-9]+)\. ]] || fail "'skaffold version' says '$found', and not which it is"
((BASH_REMATCH[1] > 2 || BASH_REMATCH[1] == 2 && BASH_REMATCH[2] >= 15)) ||
  fail "skaffold.yaml needs skaffold 2.15 or newer, and this is $found; make doctor says how to get it"
[[ $overlay != */* && -f k8s/skaffold/$overlay/kustomization.yaml ]] ||
  fail "there is no overlay '$overlay'; there are: $(cd k8s/skaffold && echo *)"
[[ ${DOCKER_BUILD_FLAGS:-} != *' '* ]] || fail "skaffold.yaml takes one flag of DOCKER_BUILD_FLAGS, and not '$DOCKER_BUILD_FLAGS'"

profile=()
if [[ $overlay != kubernetes ]]; then profile=(--profile "$overlay"); fi
# An empty list in quotes is an unset variable to Bash before 4.4.
exec skaffold dev ${profile[@]+"${profile[@]}"}
