#!/bin/sh
# Shows what runs in the namespace, and where.
cd "$(dirname "$0")/.."
target=status
. scripts/lib/cluster.sh
use_context
kube get deployments,statefulsets,pods,persistentvolumeclaims,services,endpointslices --output wide
