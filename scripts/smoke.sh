#!/bin/sh
# Asks the deployed services from a pod in the cluster, as any client would, and prints who served.
cd "$(dirname "$0")/.."
target=smoke
. scripts/lib/base.sh
requests=${REQUESTS:-40}
need_number REQUESTS "$requests" 99999
exec sh scripts/client-pod.sh smoke 300 scripts/smoke-client.mjs "REQUESTS=$requests"
