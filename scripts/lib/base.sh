# What every script reads first, from the root of the repository: `. scripts/lib/base.sh`. It wants $target, the make
# target that messages name. All scripts are POSIX sh, for the sh and the tools of macOS, Debian and Alpine alike.
set -eu
# A range such as [a-z] has no capital letters in it, whatever the user's language.
LC_ALL=C
export LC_ALL

fail() { # MESSAGE
  echo "make ${target:?}: $*" >&2
  exit 1
}

need() { # COMMAND...
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$tool is not there; make doctor says how to get it"
  done
}

need_number() { # NAME VALUE MAXIMUM
  case $2 in
    '' | 0* | *[!0-9]* | ??????*) ;;
    *) if [ "$2" -le "$3" ]; then return; fi ;;
  esac
  fail "$1 is a number from 1 to $3, and not '$2'"
}

# The first version in a text, as in 1.34.2.
version_in() { # TEXT
  printf '%s\n' "$1" | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9.]*\).*/\1/p' | head -n 1
}

at_least() { # NEEDED FOUND, as in 1.30 and 1.34.2
  needed_minor=${1#*.} found_minor=${2#*.}
  [ "${2%%.*}" -gt "${1%%.*}" ] ||
    { [ "${2%%.*}" -eq "${1%%.*}" ] && [ "${found_minor%%.*}" -ge "${needed_minor%%.*}" ]; }
}

# A folder $work for this run.
make_work_folder() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
