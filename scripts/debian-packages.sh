#!/usr/bin/env bash
# Fetches Debian packages of another architecture or release, and unpacks them into a folder. The packages of this machine stay as they are.
#   scripts/debian-packages.sh [--with-dependencies] RELEASE ARCHITECTURE FOLDER PACKAGE…
set -euo pipefail
dependencies=no
if [ "${1:-}" = --with-dependencies ]; then dependencies=yes; shift; fi
[ $# -ge 4 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
release=$1 architecture=$2 folder=$(mkdir -p "$3" && cd "$3" && pwd)
shift 3
for tool in apt-get dpkg-deb; do
  command -v $tool >/dev/null || { echo "debian-packages.sh: $tool is missing: this needs Debian or Ubuntu" >&2; exit 4; }
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e $keys ] || { echo "debian-packages.sh: $keys is missing: apt-get install debian-archive-keyring" >&2; exit 4; }

# apt with lists and a dpkg status of its own: there no package is installed, so that all dependencies are fetched.
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt"/{lists/partial,archives/partial,preferences,conf}
touch "$apt/status"
mirror=$("$(dirname "$0")/debian-mirror.sh")
echo "deb [signed-by=$keys arch=$architecture] $mirror $release main" >"$apt/sources"
private() {
  apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" -o APT::Sandbox::User=root \
    -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
    -o Dir::Cache::archives="$apt/archives" -o Dir::Etc::sourcelist="$apt/sources" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts="$apt/preferences" -o Debug::NoLocking=1 "$@" >&2
}
private update
if [ $dependencies = yes ]; then
  private install --download-only --no-install-recommends -y "$@"
else
  (cd "$apt/archives" && private download "$@")
fi
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
