#!/usr/bin/env bash
# Asks the deployed services from a pod in the cluster, as any client would, and prints who served.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kubectl=(kubectl --namespace "${NAMESPACE:-movies}")
requests=${REQUESTS:-40}
pod=smoke-$$

fail() {
  echo "make smoke: $*" >&2
  exit 1
}

[[ $requests =~ ^[1-9][0-9]{0,4}$ ]] || fail "REQUESTS is a number from 1 to 99999, and not '$requests'"
command -v kubectl >/dev/null || fail 'kubectl is not there; make doctor says how to get it'
# An image that is there already, and has Node.
image=$("${kubectl[@]}" get deployment/movie --output 'jsonpath={.spec.template.spec.containers[0].image}') ||
  fail 'movie is not deployed: make deploy'

# The label opens the way to the services; the rest is what the namespace asks of every pod.
read -r -d '' overrides <<END || true
{
  "spec": {
    "activeDeadlineSeconds": 300,
    "automountServiceAccountToken": false,
    "enableServiceLinks": false,
    "securityContext": {
      "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
      "seccompProfile": { "type": "RuntimeDefault" }
    },
    "containers": [{
      "name": "smoke",
      "image": "$image",
      "imagePullPolicy": "IfNotPresent",
      "command": ["/nodejs/bin/node", "-", "$requests"],
      "stdin": true,
      "stdinOnce": true,
      "securityContext": {
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
      },
      "resources": {
        "requests": { "cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi" },
        "limits": { "cpu": "500m", "memory": "128Mi", "ephemeral-storage": "16Mi" }
      }
    }]
  }
}
END

remove() {
  "${kubectl[@]}" delete "pod/$pod" --ignore-not-found --wait=false --grace-period=1 >/dev/null
}
trap remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"${kubectl[@]}" run "$pod" --image="$image" --labels=movies/client=true --restart=Never --stdin --quiet \
  --pod-running-timeout=60s --overrides="$overrides" <scripts/smoke-client.js
