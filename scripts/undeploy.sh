#!/bin/sh
# Deletes the namespace with all that is in it.
cd "$(dirname "$0")/.."
target=undeploy
. scripts/lib/cluster.sh
guard
need_answer

# NAMESPACE may be in the environment for something else, whose namespace this must not take for its own.
part_of=$(kube get namespace "$namespace" --ignore-not-found --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/part-of}')
there=$(kube get namespace "$namespace" --ignore-not-found --output name)
if [ -n "$there" ] && [ "$namespace" != movies ] && [ "$part_of" != movies ]; then
  fail "the namespace '$namespace' is not one that make deploy made: kubectl delete namespace $namespace, if it is to go"
fi
echo "make undeploy: deletes the namespace $namespace with all that is in it, also the volumes and what PostgreSQL has in them" >&2
kube delete namespace "$namespace" --ignore-not-found --timeout=180s
