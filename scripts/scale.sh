#!/bin/sh
# Changes how many instances of SERVICE there are, to N.
cd "$(dirname "$0")/.."
target=scale
. scripts/lib/cluster.sh
case ${SERVICE:-} in
  metadata | rating | movie) ;;
  *) fail "SERVICE is metadata, rating or movie, and not '${SERVICE:-}': make scale SERVICE=rating N=3" ;;
esac
if [ "${N:-}" != 0 ]; then need_number N "${N:-}" 1000; fi
use_context
kube scale "deployment/$SERVICE" --replicas="$N"
kube rollout status --timeout=180s "deployment/$SERVICE"
