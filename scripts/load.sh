#!/bin/sh
# Sends RATE requests a second from a pod in the cluster, and prints a line a second of what came of them, until Ctrl-C
# or until DURATION seconds are over; then the total.
cd "$(dirname "$0")/.."
target=load
. scripts/lib/cluster.sh
rate=${RATE:-300}
duration=${DURATION:-900}
need_number RATE "$rate" 5000
need_number DURATION "$duration" 86400
if [ -n "${AVOID:-}" ]; then need_subdomain AVOID "$AVOID"; fi
use_context
# By their addresses, since it is not the cluster's DNS that is tried.
movie=$(kube get service/movie --output 'jsonpath={.spec.clusterIP}') || fail "movie is not deployed: make deploy$for_namespace"
rating=$(kube get service/rating --output 'jsonpath={.spec.clusterIP}') || fail "rating is not deployed: make deploy$for_namespace"

row='%8s  %8s  %6s  %8s  %6s  %s\n'
report() {
  # Said here, too: bash forgets that a command in the background is to ignore it.
  trap '' INT
  all_requests=0 all_failed=0 all_degraded=0
  # shellcheck disable=SC2059 # One layout for all rows.
  printf "$row" time requests failed degraded 'p99 ms' 'instances that served'
  while read -r requests failed degraded p99 words; do
    # shellcheck disable=SC2059
    printf "$row" "$(date +%H:%M:%S)" "$requests" "$failed" "$degraded" "$p99" "$words"
    all_requests=$((all_requests + requests))
    all_failed=$((all_failed + failed))
    all_degraded=$((all_degraded + degraded))
  done
  # shellcheck disable=SC2059
  printf "$row" total "$all_requests" "$all_failed" "$all_degraded" '' ''
}

make_work_folder
mkfifo "$work/lines"
OFF_THE_WORKERS=1 sh scripts/client-pod.sh load "$((duration + 150))" scripts/load-generator.mjs \
  "MOVIE_HOST=$movie" "RATING_HOST=$rating" "RATE=$rate" "DURATION=$duration" OUTPUT=seconds >"$work/lines" &
client=$!
report <"$work/lines" &
reporter=$!

stopped=
# Ctrl-C is the ordinary end. The pod goes, its lines end with it, and the total follows.
trap 'stopped=1; kill "$client" 2>/dev/null || :' INT TERM
code=0
wait "$client" || code=$?
wait "$client" || :
wait "$reporter"
if [ -n "$stopped" ]; then exit 0; fi
exit "$code"
