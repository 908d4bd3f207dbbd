#!/bin/sh
# Reads objects, and prints them with components of k8s/components on top: add-components.sh dev debug <objects.yaml
set -eu
cd "$(dirname "$0")/.."

for component in "$@"; do
  test -f "k8s/components/$component/kustomization.yaml" || {
    echo "add-components: there is no component '$component'; there are: $(cd k8s/components && echo *)" >&2
    exit 2
  }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Kustomize takes relative paths only, and files from below its folder only.
cp -R k8s/components/. "$work"
cat >"$work/objects.yaml"
{
  echo 'resources: [objects.yaml]'
  echo 'components:'
  for component in "$@"; do echo "  - $component"; done
} >"$work/kustomization.yaml"
# Who reads the objects may read errors along with them: of what is no failure there is nothing to be said.
kubectl kustomize "$work" 2>"$work/errors" || {
  cat "$work/errors" >&2
  exit 1
}
