#!/usr/bin/env bash
# Runs the engine's contract on Valkey 8: the same tests, with valkey-server where they start redis-server. What this
# machine lacks comes from Debian (13 has it, 12 in its backports) and is unpacked into .cache/valkey: no service starts.
# Without arguments: the contract on one server, a Cluster and Sentinels, the model, and what tests of Redis alone say.
#   test/valkey.sh engine/redis/moves    some
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/.cache/valkey

unpack() {
  . /etc/os-release
  local suite=$VERSION_CODENAME uri
  if [ "$suite" = bookworm ]; then suite=bookworm-backports; fi
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' | head -1)
  if [ -z "$uri" ]; then
    echo 'Valkey 8 is missing. Put valkey-server on the PATH, or run this on Debian after apt-get update.' >&2
    exit 1
  fi
  # Sources and lists of its own: the machine's stay as they are.
  rm -rf "$home"
  mkdir -p "$home"/{sources,lists/partial,packages,root,bin}
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$uri" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg >"$home/sources/debian.sources"
  local own=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$home/sources"
    -o "Dir::State::lists=$home/lists" -o APT::Sandbox::User=root)
  apt-get "${own[@]}" -qq update
  (cd "$home/packages" && apt-get "${own[@]}" -qq download valkey-server valkey-tools)
  for package in "$home"/packages/*.deb; do dpkg -x "$package" "$home/root"; done
  touch "$home/.complete"
}

server=$(command -v valkey-server || true)
if [ -z "$server" ]; then
  if [ ! -e "$home/.complete" ]; then unpack; fi
  server=$home/root/usr/bin/valkey-server
fi
missing=$(ldd "$(readlink -f "$server")" | sed -n 's/^\s*\(\S*\) => not found$/\1/p')
if [ -n "$missing" ]; then
  apt-get install -qq -y --no-install-recommends libatomic1 libjemalloc2 liblzf1 libssl3 libsystemd0
fi
mkdir -p "$home/bin"
ln -sfn "$server" "$home/bin/redis-server"
"$home/bin/redis-server" --version
if [ $# -eq 0 ]; then set -- engine/redis engine/model; fi
PATH="$home/bin:$PATH" exec npx vitest run --config test/vitest.config.ts --project source "$@"
