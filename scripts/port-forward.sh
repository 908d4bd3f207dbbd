#!/usr/bin/env bash
# Forwards the three services to the ports they have on a laptop, until Ctrl-C. A forward leads to one pod: what
# balances is seen with `make smoke`.
set -euo pipefail
namespace=movies
forwards=()

stop() {
  if ((${#forwards[@]} > 0)); then kill "${forwards[@]}" 2>/dev/null || true; fi
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

command -v kubectl >/dev/null || {
  echo 'make port-forward: kubectl is not there; make doctor says how to get it' >&2
  exit 1
}
for pair in metadata:8081 rating:8082 movie:8083; do
  kubectl --namespace "$namespace" port-forward "service/${pair%:*}" "${pair#*:}:80" &
  forwards+=($!)
done
echo "curl -i 'localhost:8083/movie?id=1'    # Ctrl-C ends it"
# The first that ends, ends all: half of it would be no use.
wait -n
echo 'make port-forward: a forward has ended; its pod is gone, or its port is taken' >&2
exit 1
