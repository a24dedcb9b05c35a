#!/usr/bin/env bash
# Packs what was built into upstreamtop-VERSION.tgz for npm, from a folder of its own: dist may hold files of earlier builds.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
scripts/bundle.sh "$folder/dist"
# What package.json lists, and what npm packs anyway. "!…" is no file: npm leaves that out.
packed=$(node -p "require('./package.json').files.join(' ')")
for name in $packed package.json README.md LICENSE; do
  if [ "$name" != dist ] && [ -e "$name" ]; then cp -R --parents "$name" "$folder/"; fi
done
chmod -R u=rwX,go=rX "$folder"
npm pack --silent --ignore-scripts "$folder"
