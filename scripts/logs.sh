#!/bin/sh
# Follows the logs of all pods, until Ctrl-C, which is its ordinary end.
cd "$(dirname "$0")/.."
target=logs
. scripts/lib/cluster.sh
use_context
trap 'exit 0' INT
kube logs --follow --prefix --max-log-requests 50 --tail 20 --selector app.kubernetes.io/part-of=movies
