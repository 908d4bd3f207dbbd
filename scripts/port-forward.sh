#!/bin/sh
# Forwards the three services to the ports they have on a laptop, until Ctrl-C. A forward leads to one pod, and ends with
# it: another one then takes its place. What balances is seen with `make smoke`.
cd "$(dirname "$0")/.."
target=port-forward
. scripts/lib/cluster.sh
use_context
need_answer
kube get service/metadata service/rating service/movie --output name >/dev/null ||
  fail "the services are not deployed: make deploy$for_namespace"
make_work_folder

# Ends all of it from within one of the forwards.
give_up() { # MESSAGE
  echo "make port-forward: $1" >&2
  kill -s USR1 "$$"
  exit 1
}

forward() { # SERVICE PORT
  # Of the last that was started here, from the moment on that it is.
  trap 'kill "$!" 2>/dev/null; exit 0' TERM
  # Ctrl-C is the parent's to hear.
  trap '' INT
  errors=$work/$1
  while :; do
    # One address, since with two it would take the one that is free, and requests would go to whatever has the other.
    # Not by `kube`: $! would be a shell around it, which ends without it.
    kubectl --context "$context" --namespace "$namespace" port-forward --address 127.0.0.1 "service/$1" "$2:http" 2>"$errors" &
    wait "$!" || :
    case $(cat "$errors") in
      *'unable to listen'*)
        give_up "port $2 of this machine, for $1, is taken: end what has it (lsof -nP -i :$2), or kubectl -n $namespace port-forward service/$1 ANOTHER:80"
        ;;
      *'(NotFound): services '*) give_up "there is no $1 any more: make deploy$for_namespace" ;;
    esac
    # One that Ctrl-C has ended says nothing.
    if [ -s "$errors" ]; then echo "$1: $(tail -n 1 "$errors"); forwarding again" >&2; fi
    sleep 1 &
    wait "$!" || :
  done
}

forwards=
stop() { # EXIT-CODE
  trap '' INT TERM USR1
  # shellcheck disable=SC2086 # Words on purpose.
  kill $forwards 2>/dev/null || :
  wait
  exit "$1"
}
# Ctrl-C is the ordinary end.
trap 'stop 0' INT
trap 'stop 143' TERM
trap 'stop 1' USR1

for pair in metadata:8081 rating:8082 movie:8083; do
  forward "${pair%:*}" "${pair#*:}" &
  forwards="$forwards $!"
done
echo "Until Ctrl-C: curl -i 'localhost:8083/movie?id=1'"
wait
