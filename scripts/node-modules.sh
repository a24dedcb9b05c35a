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

# By content, not by time: a checkout touches package-lock.json.
if ! node - <<'SCRIPT' 2>/dev/null
const { readFileSync } = require('node:fs')
const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages
const wanted = packages('package-lock.json')
const installed = packages('node_modules/.package-lock.json')
const differs = ([path, { version, optional }]) =>
  path !== '' && (installed[path] ? installed[path].version !== version : !optional)
process.exit(Object.entries(wanted).some(differs) ? 1 : 0)
SCRIPT
then
  npm ci --no-audit --no-fund || {
    echo 'where npm finds no built better-sqlite3 for this system, it compiles one: that needs gcc, g++, make and python3' >&2
    exit 1
  }
fi
