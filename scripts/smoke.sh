#!/bin/sh
# Sends requests to movie from a pod in the cluster, as any client would, and prints which instances served them.
cd "$(dirname "$0")/.."
target=smoke
. scripts/lib/base.sh
requests=${REQUESTS:-40}
need_number REQUESTS "$requests" 99999
exec sh scripts/client-pod.sh smoke 300 scripts/smoke-client.mjs "REQUESTS=$requests"
