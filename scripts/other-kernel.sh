#!/usr/bin/env bash
# Boots another kernel under emulation, records a real nginx there and compares it with the backends' ledger. Exit code 0: equal.
#   scripts/other-kernel.sh VMLINUZ      boot/vmlinuz-… of an unpacked linux-image package (x86_64); after `make build`
# Needs qemu-system-x86, busybox-static, cpio and nginx. Takes a minute or two, without KVM.
set -euo pipefail
kernel=$(readlink -f "${1:?which kernel image? usage: scripts/other-kernel.sh VMLINUZ}")
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 busybox cpio nginx ip; do
  command -v "$tool" >/dev/null || { echo "other-kernel.sh: $tool is missing" >&2; exit 4; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root

with_libraries() {
  for file in "$@" $(for program in "$@"; do ldd "$program" | grep -o '/[^ ]*'; done | sort -u); do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
  done
}

mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,app/build,var/log/nginx,var/lib/nginx}
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh mount uname poweroff sleep; do ln -s busybox "$root/bin/$applet"; done
with_libraries "$(command -v node)" "$(command -v nginx)" "$(command -v ip)" \
  "$PWD/node_modules/better-sqlite3/build/Release/better_sqlite3.node" "$PWD/build/upstreamtop-probe"
for program in node nginx ip; do ln -sf "$(command -v $program)" "$root/bin/$program"; done
cp build/upstreamtop-probe "$root/app/build/"
cp -r dist package.json "$root/app/"
npm ls --omit=dev --all --parseable | tail -n +2 | while read -r package; do
  mkdir -p "$root/app/${package#"$PWD"/}"
  tar -C "$package" --exclude=./node_modules --exclude=./deps --exclude=./build/Release/obj* -c . | tar -C "$root/app/${package#"$PWD"/}" -x
done
printf '%s\n' root:x:0:0::/:/bin/sh nobody:x:65534:65534::/:/bin/sh www-data:x:33:33::/:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: www-data:x:33: >"$root/etc/group"
cat >"$root/app/compare.mjs" <<'SCRIPT'
import { readFileSync } from 'node:fs'
const rows = (file) => {
  const { backends } = JSON.parse(readFileSync(file, 'utf8'))
  const row = (backend) => ({ method, route, requests, codes }) => [backend, method, route, requests, JSON.stringify(codes)].join(' ')
  return backends.flatMap(({ backend, routes }) => routes.map(row(backend))).sort()
}
const [seen, truth] = [rows('/tmp/report.json'), rows('/tmp/ledger.json')]
console.log(seen.join('\n'))
console.log(JSON.stringify(seen) === JSON.stringify(truth) ? `EQUAL in ${truth.length} rows` : `NOT EQUAL, truth is\n${truth.join('\n')}`)
SCRIPT
cat >"$root/init" <<'SCRIPT'
#!/bin/sh
export PATH=/bin HOME=/tmp LANG=C.UTF-8 TERM=dumb
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp; mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
cd /app
node dist/main.js doctor
node dist/main.js record --out /tmp/x.db --secs 40 </dev/null 2>/tmp/talk >/dev/null &
while ! read -r line </tmp/talk; do sleep 1; kill -0 $! 2>/dev/null || break; done 2>/dev/null
node dist/main.js simulate --workers 8 --duration 15 --ledger /tmp/ledger.json
wait; cat /tmp/talk
node dist/main.js check /tmp/x.db && node dist/main.js report /tmp/x.db --format json >/tmp/report.json && node compare.mjs
poweroff -f
SCRIPT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$folder/initrd.gz"
timeout 600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 2500 -smp 2 -nographic -no-reboot -kernel "$kernel" \
  -initrd "$folder/initrd.gz" -append 'console=ttyS0 quiet panic=-1 rdinit=/init' </dev/null | tr -d '\r' | tee "$folder/log"
grep -q '^EQUAL' "$folder/log"
