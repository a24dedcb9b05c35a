#!/usr/bin/env bash
# Boots another kernel under emulation, records a real nginx there and compares it with the backends' ledger. Exit code 0: equal.
#   scripts/other-kernel.sh VMLINUZ           boot/vmlinuz-… of an unpacked linux-image package (x86_64); after `make build`
#   scripts/other-kernel.sh arm64 [VMLINUZ]   the same on arm64, by itself Debian 13's kernel, node and nginx; after `make tarball`
# Needs qemu-system-x86 and nginx, or qemu-system-arm and g++-aarch64-linux-gnu; busybox-static and cpio. Takes minutes, without KVM.
set -euo pipefail
architecture=x64
if [ "${1:-}" = arm64 ]; then architecture=arm64; shift; fi
kernel=${1:+$(readlink -f "$1")}
[ -n "$kernel" ] || [ $architecture = arm64 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
need() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "other-kernel.sh: $tool is missing" >&2; exit 4; }
  done
}
need cpio readelf npm
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root

# `system` is where the programs of the emulated machine lie: this machine's own, or unpacked packages.
case $architecture in
  x64)
    need qemu-system-x86_64 busybox nginx ip
    system= helper=build/upstreamtop-probe native=node_modules/better-sqlite3/build/Release/better_sqlite3.node
    emulator=(qemu-system-x86_64 -cpu max -accel "tcg,thread=multi") console=ttyS0 ;;
  arm64)
    need qemu-system-aarch64 aarch64-linux-gnu-g++
    system=$PWD/build/debian-arm64 helper=build/upstreamtop-probe-linux-arm64 native=build/arm64/better_sqlite3.node
    # Without `impdef` half of the time is spent on the signatures of pointers. Its clock counts instructions, 2 ns each, so that the load
    # of this machine makes nothing late in there.
    emulator=(qemu-system-aarch64 -machine virt -cpu "max,pauth-impdef=on" -accel tcg -icount "shift=1,sleep=off")
    console=ttyAMA0 ;;
esac
[ -e $helper ] || { echo "other-kernel.sh: $helper is not built: make tarball" >&2; exit 4; }

unpack_debian() {
  [ -d "$system" ] && return
  scripts/debian-packages.sh --with-dependencies trixie arm64 "$system.new" \
    linux-image-cloud-arm64 nodejs libnode-dev nginx-light iproute2 busybox-static
  mv "$system.new" "$system"
}

# As npm would compile it there: with the headers of that node.
compile_native_part() {
  [ -e $native ] && return
  local copy=$folder/better-sqlite3
  cp -R node_modules/better-sqlite3 "$copy" && rm -rf "$copy/build"
  CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ AR=aarch64-linux-gnu-ar npm_config_nodedir="$system/usr" npm_config_arch=arm64 \
    npm --prefix "$copy" run --silent build-release
  mkdir -p "$(dirname $native)" && cp "$copy/build/Release/better_sqlite3.node" $native
}

# Copies files of the system, and the libraries and the loader that they name.
with_libraries() {
  local file name library
  for file in "$@"; do
    if [ -e "$root$file" ]; then continue; fi
    mkdir -p "$root$(dirname "$file")"
    cp -L "$system$file" "$root$file"
    libraries_of "$system$file"
  done
}
libraries_of() {
  for name in $(readelf -dlW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p; s/.*interpreter: .*\/\(.*\)\]/\1/p'); do
    with_libraries "/$(first_of usr/lib/"$name" usr/lib64/"$name" usr/lib/*-linux-gnu/"$name")"
  done
}
path_of() { first_of {usr/local/bin,usr/bin,usr/sbin,bin,sbin}/"$1"; }
# The first of these files that the system has.
first_of() {
  local file
  for file in "$@"; do
    file=$(compgen -G "$system/$file" | head -1) || continue
    echo "${file#"$system/"}"
    return
  done
  echo "other-kernel.sh: the system has none of: $*" >&2
  return 1
}

if [ -n "$system" ]; then
  unpack_debian
  compile_native_part
  kernel=${kernel:-$(ls "$system"/boot/vmlinuz-* | tail -1)}
fi
mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,usr/lib,usr/lib64,usr/share,app/build,var/log/nginx,var/lib/nginx}
ln -s usr/lib "$root/lib" && ln -s usr/lib64 "$root/lib64"
cp -L "$system/$(path_of busybox)" "$root/bin/busybox"
for applet in sh mount uname poweroff sleep cat; do ln -s busybox "$root/bin/$applet"; done
for program in node nginx ip; do
  with_libraries "/$(path_of $program)"
  ln -sf "/$(path_of $program)" "$root/bin/$program"
done
# Debian's node reads parts of itself from there.
if [ -d "$system/usr/share/nodejs" ]; then cp -R "$system/usr/share/nodejs" "$root/usr/share/"; fi
libraries_of $native
cp $helper "$root/app/build/upstreamtop-probe"
cp -r dist package.json "$root/app/"
npm ls --omit=dev --all --parseable | tail -n +2 | while read -r package; do
  mkdir -p "$root/app/${package#"$PWD"/}"
  tar -C "$package" --exclude=./node_modules --exclude=./deps --exclude=./build/Release/obj* -c . | tar -C "$root/app/${package#"$PWD"/}" -x
done
cp $native "$root/app/node_modules/better-sqlite3/build/Release/"
printf '%s\n' root:x:0:0::/:/bin/sh nobody:x:65534:65534::/:/bin/sh www-data:x:33:33::/:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: www-data:x:33: >"$root/etc/group"
cat >"$root/app/compare.mjs" <<'SCRIPT'
import { readFileSync } from 'node:fs'
const rows = (file) => {
  const { backends } = JSON.parse(readFileSync(file, 'utf8'))
  const row = (backend) => ({ method, route, requests, codes, grpc }) =>
    [backend, method, route, requests, JSON.stringify(codes), JSON.stringify(grpc)].join(' ')
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
uname -rm
cd /app
node dist/main.js doctor
node dist/main.js record --out /tmp/x.db </dev/null 2>/tmp/talk >/dev/null &
recorder=$!
while ! read -r line </tmp/talk; do sleep 1; kill -0 $recorder 2>/dev/null || break; done 2>/dev/null
node dist/main.js simulate --workers 8 --duration 15 --ledger /tmp/ledger.json
sleep 3; kill -TERM $recorder
wait $recorder; cat /tmp/talk
node dist/main.js check /tmp/x.db && node dist/main.js report /tmp/x.db --format json >/tmp/report.json && node compare.mjs
poweroff -f
SCRIPT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$folder/initrd.gz"
timeout 1200 "${emulator[@]}" -m 2500 -smp 2 -nographic -no-reboot -kernel "$kernel" \
  -initrd "$folder/initrd.gz" -append "console=$console quiet panic=-1 rdinit=/init" </dev/null | sed -u 's|\r||g' | tee "$folder/log"
grep -q '^EQUAL' "$folder/log"
