#!/bin/sh
# Builds the images, brings them to the cluster, applies an overlay with them, and waits until every pod runs. With
# SKIP_IMAGES=1 it only deploys: the images tagged VERSION, which the cluster must have or be able to pull.
cd "$(dirname "$0")/.."
target=deploy
. scripts/lib/images.sh
. scripts/lib/cluster.sh
overlay=${OVERLAY:-kubernetes}
timeout=${DEPLOY_TIMEOUT:-600}
pull_secret=${PULL_SECRET:-}

need_secret() { # NAME WHY CREATE-COMMAND
  kube get "secret/$1" --output=name >/dev/null 2>&1 || fail "$2:
  kubectl create namespace $namespace --save-config
  kubectl -n $namespace create secret $3"
}

# What must be there comes before what takes minutes.
need_overlay k8s/overlays "$overlay"
need_number DEPLOY_TIMEOUT "$timeout" 86400
use_context
need_answer
if [ "$overlay" = database-url ]; then
  # Its pods would wait for it, and the reason be seen in their events alone.
  need_secret database 'the overlay database-url wants the address of your database in a Secret' \
    'generic database --from-literal=url=postgres://user:password@host/database'
fi
if [ -n "$pull_secret" ]; then
  need_subdomain PULL_SECRET "$pull_secret"
  need_secret "$pull_secret" "there is no Secret '$pull_secret' to pull the images with" \
    "docker-registry $pull_secret --docker-server=$(registry_host) --docker-username=… --docker-password=…"
fi

if [ -z "${SKIP_IMAGES:-}" ]; then
  if is_local; then sh scripts/load-images.sh --check; fi
  sh scripts/build-images.sh
  # Nobody can pull what is named localhost/….
  if is_local; then sh scripts/load-images.sh; else sh scripts/push-images.sh; fi
fi

make_work_folder
# Kustomize takes relative paths only.
ln -s "$(pwd -P)/k8s" "$work/k8s"
{
  cat <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $namespace
resources: [k8s/overlays/$overlay]
images:
END
  for service in $services; do
    if [ -n "${SKIP_IMAGES:-}" ]; then tag=$version; else tag=$(content_tag "$service") || exit; fi
    echo "  - { name: localhost/movies/$service, newName: \"$registry/$service\", newTag: \"$tag\" }"
  done
  cat <<END
patches:
  # What has another version, as PostgreSQL has, keeps it: a release restarts none of that.
  - target: { labelSelector: app.kubernetes.io/version=$released }
    patch: '[{ "op": "replace", "path": "/metadata/labels/app.kubernetes.io~1version", "value": "$version" }]'
  - target: { kind: Deployment, labelSelector: app.kubernetes.io/version=$version }
    patch: '[{ "op": "replace", "path": "/spec/template/metadata/labels/app.kubernetes.io~1version", "value": "$version" }]'
  # That of Kubernetes, ten minutes, would be over while PostgreSQL may still start.
  - target: { kind: Deployment }
    patch: '[{ "op": "add", "path": "/spec/progressDeadlineSeconds", "value": $((2 * timeout)) }]'
END
  if [ -n "$pull_secret" ]; then
    cat <<END
  - target: { kind: Deployment|StatefulSet }
    patch: '[{ "op": "add", "path": "/spec/template/spec/imagePullSecrets", "value": [{ "name": "$pull_secret" }] }]'
END
  fi
} >"$work/kustomization.yaml"

applied=$(kube apply --validate=strict --kustomize "$work") || fail "the overlay '$overlay' could not be applied"
echo "$applied"

# What the services need comes first, as in `statefulset.apps/postgres created`.
stateful=$(printf '%s\n' "$applied" | sed -n 's/^\(statefulset\.apps\/[a-z-]*\) .*/\1/p')
for workload in $stateful deployment/metadata deployment/rating deployment/movie; do
  kube rollout status --timeout="${timeout}s" "$workload" || {
    kube get pods --output wide >&2
    kube get events --sort-by=.lastTimestamp >&2
    fail "${workload#*/} does not run; above is what the cluster says"
  }
done

cat <<END

Images: $(sed -n 's/^ .*newName: "\(.*\)", newTag: "\(.*\)".*/\1:\2/p' "$work/kustomization.yaml" | tr '\n' ' ')
metadata, rating and movie run, version $version, overlay $overlay. What to try:

Send requests from within the cluster, and show which instances serve:
  make smoke$for_namespace
Have a third instance of rating, and make smoke again:
  make scale SERVICE=rating N=3$for_namespace
Bring movie to http://localhost:8083:
  make port-forward$for_namespace
END
