#!/usr/bin/env bash
# Prints the mirror of Debian that apt uses here; DEBIAN_MIRROR=URL names another. Exit code 4: there is none, as on Ubuntu.
set -euo pipefail
if [ -z "${DEBIAN_MIRROR:-}" ]; then
  DEBIAN_MIRROR=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian Debian //p' | head -1)
fi
[ -n "$DEBIAN_MIRROR" ] || { echo 'debian-mirror.sh: apt uses no mirror of Debian here: DEBIAN_MIRROR=URL names one' >&2; exit 4; }
echo "$DEBIAN_MIRROR"
