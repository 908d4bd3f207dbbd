#!/bin/sh
# Pushes the images tagged VERSION to REGISTRY, under both of their tags.
cd "$(dirname "$0")/.."
target=push
. scripts/lib/images.sh
if is_local; then
  fail "nobody can push to $registry: name a registry, as in make images push REGISTRY=ghcr.io/you/movies"
fi
need_engine

for service in $services; do
  names=$(names_of "$service") || exit
  for name in $names; do
    client push "$name" || fail "$name could not be pushed: '${DOCKER:-docker} login $(registry_host)' may be missing"
  done
done
