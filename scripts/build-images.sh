#!/bin/sh
# Builds the image of every service, tagged VERSION; `make images` says what else can be set. Needs Docker alone.
set -eu
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
version=${VERSION:?the tag of the images, as in: make images VERSION=1.2.3}

fail() {
  echo "make images: $*" >&2
  exit 1
}

command -v "${docker%% *}" >/dev/null || fail "'$docker' is not there: install Docker, or name another client by DOCKER"
# Words on purpose: both may have arguments.
# shellcheck disable=SC2086
answer=$($docker version 2>&1) || fail "no engine answers '$docker version': $(echo "$answer" | tail -n 1)"

# What was built from, where that is known and nothing has been changed since.
revision=$(git rev-parse HEAD 2>/dev/null && git diff --quiet HEAD 2>/dev/null) || revision=unknown

for service in metadata rating movie; do
  # Docker before 23.0 has BuildKit, and takes it only when it is told to.
  # shellcheck disable=SC2086
  DOCKER_BUILDKIT=1 $docker build ${DOCKER_BUILD_FLAGS:-} --build-arg "SERVICE=$service" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "movies/$service:$version" . >/dev/null ||
    fail "movies/$service:$version could not be built"
  # shellcheck disable=SC2086
  size=$($docker image inspect --format '{{.Size}}' "movies/$service:$version")
  echo "movies/$service:$version ($((size / 1000000)) MB)"
done
