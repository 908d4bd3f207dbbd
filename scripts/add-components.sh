#!/bin/sh
# Reads objects, and prints them with components of k8s/components on top, in the namespace NAMESPACE (default: movies):
#   NAMESPACE=staging sh scripts/add-components.sh dev debug <objects.yaml
cd "$(dirname "$0")/.."
target=dev
. scripts/lib/cluster.sh

for component in "$@"; do
  test -f "k8s/components/$component/kustomization.yaml" ||
    fail "there is no component '$component'; there are: $(cd k8s/components && echo *)"
done
make_work_folder

# Kustomize takes relative paths only, and only files below its folder.
cp -R k8s/components/. "$work"
cat >"$work/objects.yaml"
{
  echo "namespace: '$namespace'"
  echo 'resources: [objects.yaml]'
  echo 'components:'
  for component in "$@"; do echo "  - $component"; done
} >"$work/kustomization.yaml"
# Skaffold reads standard error as if it were objects. So it gets no warnings, and errors only when this fails.
kubectl kustomize "$work" 2>"$work/errors" || {
  cat "$work/errors" >&2
  exit 1
}
