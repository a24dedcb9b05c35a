#!/usr/bin/env bash
# The program in dist: few files instead of 150, because node takes a quarter of a start to find, read and link them one by one.
set -euo pipefail
cd "$(dirname "$0")/.."
esbuild src/main.ts --bundle --splitting --packages=external --format=esm --platform=node --target=node20 \
  --outdir=dist --log-level=warning
mkdir -p dist/report/page
cp src/report/page/client.js dist/report/page/
chmod +x dist/main.js
# What an earlier build left may still be wanted by a program that runs; not for long.
find dist -name '*.js' -mmin +60 -delete
find dist -type d -empty -delete
