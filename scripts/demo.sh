#!/usr/bin/env bash
# make demo: records, replays and reports real nginx traffic. If that is not possible, prints the reason and shows the fixture.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
SECONDS_RECORDED=10
FIXTURE=fixtures/recordings/incident.db
upstreamtop=(node dist/main.js)

say() { printf '\n== %s\n' "$*" >&2; }

show() {
  for moment in 20% 50% 90%; do
    say "replay: upstreamtop replay $1 --print --at $moment"
    "${upstreamtop[@]}" replay "$1" --print --at "$moment" --size 110x30
  done
  say "report: upstreamtop report $1"
  "${upstreamtop[@]}" report "$1"
}

instead() {
  say "recording is not possible here: $1"
  [ -e dist/main.js ] || make dist
  say "so this is the recording that comes with the sources, $FIXTURE"
  show "$FIXTURE"
  exit 0
}

missing=
scripts/system-packages.sh --install build run || missing='packages are missing (above)'
scripts/node-modules.sh || {
  say "without npm's packages there is nothing to show: the lines above say what failed, and what to do"
  exit 1
}
[ -z "$missing" ] || instead "$missing"
make build || instead 'the helper does not build (above)'

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || instead "it needs root: 'sudo make demo', or 'sudo make install' once"
  as_root=(sudo -n)
fi
# doctor's output contains the remedies.
if ! diagnosis=$("${as_root[@]}" "${upstreamtop[@]}" doctor 2>&1); then
  printf '%s\n' "$diagnosis" >&2
  instead 'the lines above say what is missing and what helps'
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/upstreamtop-demo.XXXXXX")
recording=$folder/demo.db
simulator=
trap '[ -z "$simulator" ] || kill "$simulator" 2>/dev/null || true' EXIT

say "simulate: nginx on :8080 over :9001, :9002, :9003, and gRPC on :9004"
"${upstreamtop[@]}" simulate --workers 8 &
simulator=$!
sleep 2
kill -0 "$simulator" 2>/dev/null || { simulator=; instead 'the simulator did not start (above)'; }

say "record: upstreamtop record --out $recording --secs $SECONDS_RECORDED"
"${as_root[@]}" "${upstreamtop[@]}" record --out "$recording" --secs "$SECONDS_RECORDED" </dev/null
kill "$simulator"
wait "$simulator" || true
simulator=

show "$recording"
say "yours to play with: node dist/main.js replay $recording"
