#!/usr/bin/env bash
# Applies an overlay with the images' tag VERSION, and waits until every pod runs it. The work tree stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
overlay=${OVERLAY:-kubernetes}
version=${VERSION:?the tag of the images, as in: make deploy VERSION=1.2.3}
kubectl=(kubectl --namespace movies)
services=(metadata rating movie)

fail() {
  echo "make deploy: $*" >&2
  exit 1
}

command -v kubectl >/dev/null || fail 'kubectl is not there; make doctor says how to get it'
[[ $overlay != */* && -f k8s/overlays/$overlay/kustomization.yaml ]] ||
  fail "there is no overlay '$overlay'; there are: $(cd k8s/overlays && echo *)"
# It becomes a tag and a label.
[[ $version =~ ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$ ]] || fail "'$version' cannot be a tag"
kubectl --request-timeout=10s get --raw /readyz >/dev/null ||
  fail 'the cluster of the current kubectl context does not answer'

if [[ $overlay == database-url ]]; then
  # Its pods would wait for it, and the reason be seen in their events alone.
  "${kubectl[@]}" get secret/database --output=name >/dev/null ||
    fail "the overlay database-url wants the address of your database in a Secret:
  kubectl apply -k k8s/components/namespace/object
  kubectl -n movies create secret generic database --from-literal=url=postgres://user:password@host/database"
fi

template() { # SERVICE
  "${kubectl[@]}" get "deployment/$1" --ignore-not-found --output 'jsonpath={.spec.template}'
}

declare -A before
for service in "${services[@]}"; do before[$service]=$(template "$service"); done

# The release that the manifests name becomes this one, in the tags and in the labels.
release=$(sed -n 's/^ *newTag: //p' k8s/components/release/kustomization.yaml | head -n 1)
applied=$(kubectl kustomize "k8s/overlays/$overlay" |
  sed -e "s|^\(.*image: movies/[a-z]*\):.*|\1:$version|" \
    -e "s|^\( *app.kubernetes.io/version:\) \"*${release//./\\.}\"*$|\1 \"$version\"|" |
  kubectl apply --validate=strict --filename=-)
echo "$applied"

for service in "${services[@]}"; do
  # Of an image that was built again under its old tag the Deployment does not know.
  if [[ $(template "$service") == "${before[$service]}" ]]; then
    "${kubectl[@]}" rollout restart "deployment/$service"
  fi
done
# What the services need comes first, as in `statefulset.apps/postgres created`.
stateful=$(sed -n 's/^\(statefulset\.apps\/[a-z-]*\) .*/\1/p' <<<"$applied")
for workload in $stateful "${services[@]/#/deployment/}"; do
  "${kubectl[@]}" rollout status --timeout=180s "$workload" || {
    "${kubectl[@]}" get pods,events >&2
    fail "${workload#*/} does not run; above is what the cluster says"
  }
done

cat <<END

metadata, rating and movie run, version $version, overlay $overlay. What to try:

  make smoke                        # asks them from within the cluster, and shows who served
  make scale SERVICE=rating N=3     # and again make smoke
  make port-forward                 # movie at http://localhost:8083
END
