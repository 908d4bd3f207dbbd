#!/bin/sh
# Runs a script on Node in a pod, as a client of the services, until it ends or SECONDS are over; the pod goes with it:
#
#   client-pod.sh NAME SECONDS SCRIPT [VARIABLE=VALUE...]
#
# NAME is the make target that messages name, too. With OFF_THE_WORKERS=1 the pod prefers a node of the control plane,
# which a drain of the workers leaves alone; AVOID is a node on which it must not be.
cd "$(dirname "$0")/.."
target=${1:?} seconds=${2:?} script=${3:?}
shift 3
. scripts/lib/cluster.sh
pod=$target-$$
use_context

# An image that is there already, and has Node.
template=$(kube get deployment/movie \
  --output 'jsonpath={.spec.template.spec.containers[0].image}{"\n"}{.spec.template.spec.imagePullSecrets}') ||
  fail "movie is not deployed: make deploy$for_namespace"
image=$(printf '%s\n' "$template" | sed -n 1p)
pull_secrets=$(printf '%s\n' "$template" | sed -n 2p)

env=
for pair in "$@"; do env="$env${env:+, }{ \"name\": \"${pair%%=*}\", \"value\": \"${pair#*=}\" }"; done

affinity=
if [ -n "${OFF_THE_WORKERS:-}" ]; then
  affinity='"preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 100, "preference": {
    "matchExpressions": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists" }] } }]'
fi
if [ -n "${AVOID:-}" ]; then
  affinity="$affinity${affinity:+, }\"requiredDuringSchedulingIgnoredDuringExecution\": { \"nodeSelectorTerms\": [{
    \"matchFields\": [{ \"key\": \"metadata.name\", \"operator\": \"NotIn\", \"values\": [\"$AVOID\"] }] }] }"
fi

# The label opens the way to the services; the rest is what the namespace asks of every pod.
overrides=$(
  cat <<END
{
  "spec": {
    "activeDeadlineSeconds": $seconds,
    "automountServiceAccountToken": false,
    "enableServiceLinks": false,
    "imagePullSecrets": ${pull_secrets:-[]},
    "affinity": { "nodeAffinity": { $affinity } },
    "tolerations": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule" }],
    "securityContext": {
      "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
      "seccompProfile": { "type": "RuntimeDefault" }
    },
    "containers": [{
      "name": "$target",
      "image": "$image",
      "imagePullPolicy": "IfNotPresent",
      "command": ["/nodejs/bin/node", "--input-type=module", "-"],
      "env": [$env],
      "stdin": true,
      "stdinOnce": true,
      "securityContext": {
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
      },
      "resources": {
        "requests": { "cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi" },
        "limits": { "cpu": "1", "memory": "256Mi", "ephemeral-storage": "16Mi" }
      }
    }]
  }
}
END
)

remove() {
  kube delete "pod/$pod" --ignore-not-found --wait=false --grace-period=1 >/dev/null
}
stop() { # EXIT-CODE
  kill "$client" 2>/dev/null || :
  exit "$1"
}
client=
trap remove EXIT
trap 'stop 130' INT
trap 'stop 143' TERM

# In the background, since `wait` hears of a signal and a command in the foreground keeps it waiting. Not by `kube`: $!
# would be a shell around it, which ends without it.
kubectl --context "$context" --namespace "$namespace" run "$pod" --image="$image" --labels=movies/client=true \
  --restart=Never --stdin --quiet --pod-running-timeout=120s --overrides="$overrides" <"$script" &
client=$!
wait "$client" || {
  code=$?
  kube get "pod/$pod" --output 'jsonpath={range .status.containerStatuses[*]}{.state.waiting.reason} {.state.waiting.message}{"\n"}{end}' >&2 || :
  exit "$code"
}
