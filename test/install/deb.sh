#!/usr/bin/env bash
# make test-deb: the package in a clean Debian 13 that is booted on this kernel: installed, recording, upgraded while it records, removed,
# purged; and in a clean Debian 12, with a Node 20 put there, replay and report. Root, debootstrap and a Debian mirror; five minutes.
#   deb.sh      DEBIAN_13=FILE.tar, DEBIAN_12=FILE.tar: packed roots of debootstrap, instead of making them
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
mirror=$(scripts/debian-mirror.sh)
version=$(node -p 'require("./package.json").version')
folder=$(mktemp -d /var/tmp/upstreamtop-deb.XXXXXX)
booted=
finish() {
  [ -z "$booted" ] || { pkill -9 -P "$booted" || true; wait "$booted" 2>/dev/null || true; }
  rm -rf --one-file-system "$folder"
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

make_root() { # SUITE TAR
  mkdir "$folder/$1"
  if [ -n "$2" ]; then tar -C "$folder/$1" -xf "$2"; else debootstrap --variant=minbase "$1" "$folder/$1" "$mirror" >"$folder/debootstrap.log"; fi
  cp /etc/resolv.conf "$folder/$1/etc/resolv.conf"
}

# Not booted, with the network of this host.
prepare() { # SUITE COMMAND…
  local suite=$1
  shift
  unshare --mount --pid --fork chroot "$folder/$suite" sh -ec 'mount -t proc proc /proc; export DEBIAN_FRONTEND=noninteractive; "$@"' - "$@" \
    >>"$folder/apt.log" 2>&1 || { tail -20 "$folder/apt.log" >&2; fail "$*"; }
}

within() {
  nsenter --target "$(pgrep -P "$booted")" --all env -i -C / PATH=/usr/sbin:/usr/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

until_there_are() { # NUMBER: of runs that recorded, in the unit's journal
  for _ in $(seq 200); do
    if [ "$(within journalctl --quiet --unit upstreamtop@web --output cat | grep -c '^recording ')" = "$1" ]; then return; fi
    sleep 0.3
  done
  within journalctl --unit upstreamtop@web >&2
  fail "it does not record for the ${1}th time"
}

expect() { # WHAT ACTUAL EXPECTED
  [ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""
  echo "ok: $1: $2"
}

say "packages"
first=$(DEB_FOLDER=$folder make -o build deb)
second=$(DEB_FOLDER=$folder DEB_VERSION=$version+next make -o build deb)
if command -v lintian >/dev/null; then
  lintian "$first" >"$folder/lintian" 2>/dev/null || true
  cat "$folder/lintian"
  expect "lintian's errors" "$(grep -c ^E: "$folder/lintian" || true)" 0
fi

say "Debian 13, clean: apt install ./${first##*/}"
make_root trixie "${DEBIAN_13:-}"
root=$folder/trixie
prepare trixie apt-get update -q
prepare trixie apt-get install -qy --no-install-recommends systemd-sysv dbus nginx-light
cp "$first" "$second" "$root/root/"
prepare trixie apt-get install -qy --no-install-recommends "/root/${first##*/}"
for absent in gcc npm make; do [ ! -e "$root/usr/bin/$absent" ] || fail "$absent is there: not a clean system"; done

# Not sites-enabled/default: that is an absolute link, and leads to this host's own.
rm "$root/etc/nginx/sites-enabled/default"
cat >"$root/etc/nginx/conf.d/api.conf" <<'CONF'
upstream api { server 127.0.0.1:9001; server 127.0.0.1:9002; }
server { listen 8080; location / { proxy_pass http://api; } }
CONF
cat >"$root/root/backends.js" <<'SCRIPT'
for (const port of [9001, 9002]) require('http').createServer((request, response) => response.end('ok')).listen(port, '127.0.0.1')
SCRIPT
cat >"$root/root/traffic.js" <<'SCRIPT'
setInterval(() => require('http').get('http://127.0.0.1:8080/orders/7', (answer) => answer.resume()).on('error', () => undefined), 50)
SCRIPT

say 'booted'
unshare --mount --pid --net --uts --ipc --cgroup --fork test/install/boot.sh "$root" >"$folder/console.log" 2>&1 &
booted=$!
for _ in $(seq 100); do
  if within systemctl is-active --quiet nginx 2>/dev/null; then break; fi
  sleep 0.3
done
for script in backends traffic; do within systemd-run --quiet --unit=$script node /root/$script.js; done
within upstreamtop --version
within upstreamtop doctor | grep -E '^. (kernel|rights|programs) '
within getcap /usr/lib/upstreamtop/build/upstreamtop-probe

say 'by hand, as a member of the group'
within useradd --create-home --groups upstreamtop ann
within setpriv --reuid=ann --regid=ann --init-groups upstreamtop record --out /home/ann/hand.db --secs 3 --quiet
[ "$(within upstreamtop report /home/ann/hand.db --by upstream --format csv | grep -c '^"\?api')" = 1 ] || fail 'the upstream is not named'

say 'the unit'
echo "OPTIONS=--on 'requests > 10 for 2s' --every 1h" >"$root/etc/default/upstreamtop-web"
within systemctl enable --now upstreamtop@web
until_there_are 1
within systemd-analyze security --no-pager upstreamtop@web | tail -1
group=/sys/fs/cgroup/system.slice/system-upstreamtop.slice/upstreamtop@web.service/cgroup.procs
expect 'capabilities of its processes' \
  "$(within sh -c "sed 's|.*|/proc/&/status|' $group | xargs grep -hE '^Cap(Inh|Prm|Eff|Amb)' | cut -f2 | sort -u")" 0000000000000000
expect 'its user' "$(within sh -c "sed 's|.*|/proc/&|' $group | xargs stat -c %U | sort -u")" upstreamtop
sleep 4

scraped=$(within node -e 'fetch("http://127.0.0.1:9465/metrics").then((answer) => answer.text()).then((text) => console.log(text))')
expect 'metrics by upstream' "$(grep -c '^upstreamtop_requests_total{.*upstream="api".*} [1-9]' <<<"$scraped")" 2
for shell in bash-completion/completions/upstreamtop zsh/vendor-completions/_upstreamtop fish/vendor_completions.d/upstreamtop.fish; do
  [ -s "$root/usr/share/$shell" ] || fail "no completion: $shell"
done

say "upgraded while it records: apt install ./${second##*/}"
within apt-get install -qy "/root/${second##*/}" >"$folder/upgrade.log" 2>&1 || { cat "$folder/upgrade.log"; fail 'upgrade'; }
expect 'version' "$(within dpkg-query -W -f '${Version}' upstreamtop)" "$version+next"
until_there_are 2
expect 'dumps of the trigger, which the end of the recorder has made' "$(find "$root/var/lib/upstreamtop" -name '*Z-1.db' | wc -l)" 1
sleep 4
within systemctl kill --signal KILL upstreamtop@web
until_there_are 3
sleep 3
within systemctl stop upstreamtop@web
within journalctl --quiet --unit upstreamtop@web --output cat
within upstreamtop report /var/lib/upstreamtop/web.db --format json >"$folder/report.json"
node - "$folder/report.json" <<'SCRIPT'
const { recording, range, coverage, totals } = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'))
const lost = coverage.gaps.map(({ from, to }) => (Date.parse(to) - Date.parse(from)) / 1000)
console.log('gaps', coverage.gaps, 'seconds', range.seconds, 'covered', range.covered, 'requests', totals.requests)
const problems = [
  coverage.gaps.map(({ reason }) => reason).join() !== 'stopped,stopped' && 'not one gap for the upgrade and one for the kill',
  Math.abs(range.seconds - range.covered - lost[0] - lost[1]) > 0.01 && 'ticks are missing outside the gaps',
  lost.some((seconds) => seconds > 30) && 'a long gap',
  totals.requests < range.covered * 10 && 'requests are missing',
  !recording[0].complete && 'no clean end',
].filter(Boolean)
if (problems.length > 0) { console.error(`FAILED: ${problems.join('; ')}`); process.exit(1) }
SCRIPT

say 'it hangs: the watchdog'
mkdir -p "$root/etc/systemd/system/upstreamtop@web.service.d"
printf '[Service]\nWatchdogSec=12\n' >"$root/etc/systemd/system/upstreamtop@web.service.d/soon.conf"
within systemctl daemon-reload
within systemctl start upstreamtop@web
until_there_are 4
sleep 15
expect 'restarts while it records' "$(within systemctl show --value --property NRestarts upstreamtop@web)" 0
within systemctl kill --kill-whom main --signal STOP upstreamtop@web
until_there_are 5
expect 'restarts when it hung' "$(within systemctl show --value --property NRestarts upstreamtop@web)" 1
within systemctl stop upstreamtop@web
rm -r "$root/etc/systemd/system/upstreamtop@web.service.d"

say 'the export of an hour, twice'
# an hour that has ended: of yesterday
mv "$root/var/lib/upstreamtop/web.db" "$root/var/lib/upstreamtop/now.db"
within upstreamtop synth -o /var/lib/upstreamtop/web.db --secs 60 --start "$(date -u -d yesterday +%Y-%m-%dT12:00:00Z)" >/dev/null 2>&1
within chown upstreamtop:upstreamtop /var/lib/upstreamtop/web.db
for _ in 1 2; do within systemctl start upstreamtop-export@web; done
mv "$root/var/lib/upstreamtop/now.db" "$root/var/lib/upstreamtop/web.db"
within journalctl --quiet --unit upstreamtop-export@web --output cat
expect 'files of ticks' "$(find "$root/var/lib/upstreamtop/parquet/web/ticks" -name '*.parquet' | wc -l)" 1

say 'removed'
within systemctl enable --now --quiet upstreamtop@web upstreamtop-export@web.timer
sleep 5
within apt-get remove -qy upstreamtop >/dev/null 2>&1
expect 'the unit' "$(within systemctl is-active upstreamtop@web || true)" inactive
expect 'its processes' "$(within sh -c "cat $group 2>/dev/null" || true)" ''
[ -e "$root/var/lib/upstreamtop/web.db" ] || fail 'the recording is gone before it was purged'

say 'purged'
within userdel --remove ann 2>/dev/null
within apt-get purge -qy upstreamtop >/dev/null 2>&1
within systemctl stop backends traffic
rm "$root/root/${first##*/}" "$root/root/${second##*/}"
expect 'what is left' "$(within find / -xdev \( -name '*upstreamtop*' -o -nouser -o -nogroup \) -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*')" ''
expect 'accounts left' "$(within grep -l upstreamtop /etc/passwd /etc/group /etc/shadow /etc/gshadow || true)" ''

say 'Debian 12: replay and report, with a Node 20 put there'
make_root bookworm "${DEBIAN_12:-}"
cp "$(command -v node)" "$folder/bookworm/usr/local/bin/node"
cp "$first" fixtures/recordings/incident.db "$folder/bookworm/root/"
prepare bookworm dpkg-deb -x "/root/${first##*/}" /opt/upstreamtop
unshare --mount --pid --fork chroot "$folder/bookworm" sh -ec 'mount -t proc proc /proc
  /opt/upstreamtop/usr/bin/upstreamtop report /root/incident.db | head -4
  /opt/upstreamtop/usr/bin/upstreamtop replay /root/incident.db --print --at 50% --size 100x20 | head -8'

say 'all of it holds'
