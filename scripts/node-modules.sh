#!/usr/bin/env bash
# Checks the version of node, and runs `npm ci` if node_modules differs from package-lock.json.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo 'node (20, or 22 and newer) and npm are needed: https://nodejs.org/en/download' >&2
  exit 1
fi
if ! node -e 'const major = Number(process.versions.node.split(".")[0]); process.exit(major === 20 || major >= 22 ? 0 : 1)'; then
  echo "node $(node --version) is too old: 20, or 22 and newer, is needed: https://nodejs.org/en/download" >&2
  exit 1
fi

# By content, not by time: a checkout touches package-lock.json. better-sqlite3 is optional to npm, not to us, and must fit this node.
are_installed() {
  node - <<'SCRIPT' 2>/dev/null
const { readFileSync } = require('node:fs')
const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages
const wanted = packages('package-lock.json')
const installed = packages('node_modules/.package-lock.json')
const differs = ([path, { version, optional }]) =>
  path !== '' && (installed[path] ? installed[path].version !== version : !optional)
process.exit(Object.entries(wanted).some(differs) ? 1 : 0)
SCRIPT
}
has_native_part() { node -e "new (require('better-sqlite3'))(':memory:').close()" 2>/dev/null; }

if are_installed && has_native_part; then exit 0; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# npm's errors contain node's stack, so they are said below.
if npm ci --no-audit --no-fund 2>&1 | tee "$log" | sed '/^npm \(error\|ERR!\)/d' >&2; then
  has_native_part && exit 0
  echo 'npm found no built better-sqlite3 for this system, and could not compile it: that needs gcc, g++, make and python3' >&2
  exit 1
fi

registry=$(npm config get registry)
code=$(sed -n 's/^npm \(error\|ERR!\) code \([A-Z_]*\)$/\2/p' "$log" | head -1)
case $code in
  *CERT* | *SIGNATURE* | ERR_TLS* | ERR_SSL*)
    what="the certificate of npm's registry \"$registry\" is not one that node trusts ($code)"
    remedy="if your network has a certificate authority of its own: 'npm config set cafile FILE', then the same again" ;;
  ECONN* | ENOTFOUND | EAI_AGAIN | ETIMEDOUT | ENETUNREACH | EHOSTUNREACH | ERR_SOCKET* | ENOTCACHED | EPROTO | FETCH_ERROR)
    what="npm's registry \"$registry\" cannot be reached ($code)"
    remedy="connect this machine, or name a proxy or a mirror: 'npm config set proxy URL', 'npm config set registry URL'; then the same again" ;;
  *)
    sed '/^npm \(error\|ERR!\)  *at /d' "$log" >&2
    what="npm could not install the packages${code:+ ($code)}: the lines above are npm's"
    remedy="'npm ci' repeats them; then the same again" ;;
esac
printf '%s\n  %s\n' "$what" "$remedy" >&2
exit 1
