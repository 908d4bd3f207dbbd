#!/bin/sh
# Builds the image of every service, and gives each two tags: VERSION, and VERSION with the image's own hash.
cd "$(dirname "$0")/.."
target=images
. scripts/lib/images.sh
need_engine

# The last commit that changed what the image is built from, unless that was changed since. Any other commit leaves the
# image as it is, and so its hash.
revision_of() { # SERVICE
  set -- Dockerfile package.json package-lock.json tsconfig.json scripts/bundle.mjs packages "services/$1"
  changes=$(git status --porcelain -- "$@" 2>/dev/null) || changes=unknown
  if [ -z "$changes" ]; then git log -1 --format=%H -- "$@"; else echo unknown; fi
}

for service in $services; do
  # Docker before 23.0 has BuildKit, and takes it only when it is told to. A record of how an image was built has the
  # time in it: with one in the image, nothing would ever have the same hash twice.
  # shellcheck disable=SC2086 # Words on purpose.
  DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 client build ${DOCKER_BUILD_FLAGS:-} \
    --build-arg "SERVICE=$service" --build-arg "VERSION=$version" --build-arg "REVISION=$(revision_of "$service")" \
    --tag "$registry/$service:$version" . >/dev/null || fail "$registry/$service:$version could not be built"
  names=$(names_of "$service") || exit
  size=$(client image inspect --format '{{.Size}}' "$registry/$service:$version")
  echo "$names ($((size / 1000000)) MB)"
done
