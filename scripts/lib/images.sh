# The three images, and the client that handles them.
. scripts/lib/base.sh

# shellcheck disable=SC2034 # For those who read this.
services='metadata rating movie'

registry=${REGISTRY:-localhost/movies}
case $registry in
  *[!a-z0-9._:/-]* | */ | /* | *//*)
    fail "REGISTRY is what the images' names begin with, as in ghcr.io/you/movies; and not '$registry'"
    ;;
esac

# The version that the manifests name.
released=$(sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
version=${VERSION:-$released}
# It becomes a tag and a label, and the tag gets the image's hash after it.
need_tag() {
  case $version in
    [!A-Za-z0-9]* | *[!A-Za-z0-9] | *[!A-Za-z0-9._-]*) ;;
    *) if [ "${#version}" -le 63 ]; then return; fi ;;
  esac
  fail "VERSION is up to 63 letters, digits, '.', '_' and '-', with a letter or digit first and last; and not '$version'"
}
need_tag

# Nobody can publish what is named localhost/…: such images are loaded into a cluster, and others pushed.
is_local() {
  case $registry in
    localhost | localhost/*) return 0 ;;
    *) return 1 ;;
  esac
}

# Where to log in for REGISTRY. A name without a host is one of Docker Hub.
registry_host() {
  case ${registry%%/*} in
    *.* | *:*) echo "${registry%%/*}" ;;
    *) echo https://index.docker.io/v1/ ;;
  esac
}

# Docker, or the client that DOCKER names, which may have arguments.
client() { # ARGUMENT...
  # shellcheck disable=SC2086
  ${DOCKER:-docker} "$@"
}

need_client() {
  need "$(echo "${DOCKER:-docker}" | sed 's/ .*//')"
}

need_engine() {
  need_client
  answer=$(client version 2>&1) ||
    fail "no engine answers '${DOCKER:-docker} version': $(echo "$answer" | tail -n 1)"
}

# Podman calls itself so, as a client and as an engine.
is_podman() {
  client version 2>/dev/null | grep -qi podman
}

# Another image has another tag: a Deployment that names it is changed by it, and can go back.
content_tag() { # SERVICE
  id=$(client image inspect --format '{{.Id}}' "$registry/$1:$version" 2>/dev/null) ||
    fail "there is no $registry/$1:$version: make images VERSION=$version$(if is_local; then :; else echo " REGISTRY=$registry"; fi)"
  id=${id#sha256:}
  echo "$version-$(printf %.12s "$id")"
}

# Prints the names of a service's image: by its content, and by the version alone.
names_of() { # SERVICE
  tag=$(content_tag "$1") || exit
  client image inspect "$registry/$1:$tag" >/dev/null 2>&1 || client tag "$registry/$1:$version" "$registry/$1:$tag"
  echo "$registry/$1:$tag $registry/$1:$version"
}
