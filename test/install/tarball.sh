#!/usr/bin/env bash
# Types what the README says into a clean Debian without compiler and headers: installs the tarball, replays, reports, and records nginx with
# sudo. Minutes; root, debootstrap, and `make tarball` before.
#   test/install/tarball.sh [trixie|bookworm]   bookworm's own node is too old: it gets this machine's, laid out as those of nodejs.org
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
suite=${1:-trixie}
tarball=$PWD/$(ls upstreamtop-*.tgz)
root=$(mktemp -d)
chmod 0755 "$root"
trap 'rm -rf --one-file-system "$root"' EXIT

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
# In the clean system; what is mounted goes with the process.
within() {
  unshare --mount "$@" -- bash -euo pipefail -c '
    root=$1 command=$2
    for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
    if [ "$(cat /proc/net/dev | wc -l)" -eq 3 ]; then ip link set lo up; fi
    exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive bash -c "$command"
  ' within "$root" "$command"
}
clean() { local command=$1; within; }
alone() { local command=$1; within --net; }
as_user='runuser -u proxy -- env HOME=/home/proxy bash -c'

say "a clean $suite"
mkdir -p build/debootstrap
debootstrap --variant=minbase --cache-dir="$PWD/build/debootstrap" "$suite" "$root" >/dev/null
# This machine's network may have an authority of its own.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/authorities.pem"
printf 'cafile=/etc/authorities.pem\nfund=false\naudit=false\n' >"$root/root/.npmrc"
echo "127.0.0.1 localhost $(uname -n)" >"$root/etc/hosts"
cp "$tarball" fixtures/recordings/incident.db "$root/root/"
node_of_this_machine() {
  local node npm
  node=$(readlink -f "$(command -v node)") npm=$(npm root --global)/npm
  mkdir -p "$root"/usr/local/{lib/node_modules,include}
  cp "$node" "$root/usr/local/bin/"
  cp -R "$npm" "$root/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # Its headers, which npm would fetch from nodejs.org.
  cp -R "$(dirname "$node")/../include/node" "$root/usr/local/include/"
  echo 'nodedir=/usr/local' >>"$root/root/.npmrc"
}
case $suite in
  bookworm) nodejs= && node_of_this_machine ;;
  *) nodejs='nodejs npm' ;;
esac
clean "apt-get -qq install --no-install-recommends -y sudo ca-certificates $nodejs >/dev/null"
clean 'mkdir -p /home/proxy; chown proxy /home/proxy
  cp /root/incident.db /home/proxy/; echo "proxy ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/proxy; node --version; npm --version'
! clean 'command -v cc c++ gcc g++ clang make' || fail 'it has a compiler'

say 'sudo npm i -g ./upstreamtop-VERSION.tgz, without a compiler'
clean 'cd /root && sudo npm i -g ./upstreamtop-*.tgz && upstreamtop --version' || fail 'npm does not install it'
if clean 'upstreamtop report /root/incident.db >/dev/null 2>/tmp/said'; then
  say 'npm has found a built better-sqlite3'
else
  cat "$root/tmp/said"
  grep -q 'has no native part here' "$root/tmp/said" || fail 'it does not say what is missing'
  say 'sudo apt install g++ make python3, and again'
  clean 'sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install -y g++ make python3 >/dev/null; cd /root && sudo npm i -g ./upstreamtop-*.tgz'
fi

say 'replay and report, as a user'
clean "$as_user 'cd && upstreamtop replay incident.db --print --at 50% --size 100x12 && upstreamtop report incident.db | head -5'" ||
  fail 'replay or report'
[ -e "$root/usr/local/share/man/man1/upstreamtop.1" ] || fail 'no manual'

say 'sudo upstreamtop record, with nginx'
clean 'sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y nginx-light >/dev/null'
cat >"$root/home/proxy/record.sh" <<'SCRIPT'
set -u
cd
upstreamtop live --secs 1; echo "exit $?"
sudo upstreamtop doctor
sudo upstreamtop record --out recorded.db --secs 45 </dev/null 2>talk &
until grep -q '^recording' talk; do sleep 1; kill -0 $! || break; done
upstreamtop simulate --workers 4 --duration 4 --ledger ledger.json
wait $!
cat talk
ls -l recorded.db
upstreamtop check recorded.db
upstreamtop report recorded.db --format json >report.json
node -p 'const [seen, truth] = ["report", "ledger"].map((name) => require(`/home/proxy/${name}.json`).totals.requests)
  seen > 0 && seen === truth ? `EQUAL ${seen}` : `NOT EQUAL ${seen}, ${truth}`'
SCRIPT
alone "$as_user 'bash ~/record.sh'" | tee "$root/tmp/recorded"
grep -q '^EQUAL' "$root/tmp/recorded" || fail 'the recording does not equal the ledger'
grep -q '^exit 4' "$root/tmp/recorded" || fail 'without sudo it does not say what to do'
say "$suite: all done"
