#!/usr/bin/env bash
# make install, make uninstall: the built program under PREFIX, below DESTDIR if that is set.
#   install.sh install|uninstall
# DESTDIR is a tree that is packed or copied later: nothing outside it is touched then, and its helper gets no rights.
set -euo pipefail
cd "$(dirname "$0")/.."
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
HELPER_CAPS=${HELPER_CAPS:?}
# Debian's zsh looks elsewhere for what packages bring.
ZSH_COMPLETIONS=${ZSH_COMPLETIONS:-share/zsh/site-functions}
NATIVE=node_modules/better-sqlite3/build/Release/better_sqlite3.node

root=$DESTDIR$PREFIX
library=$root/lib/upstreamtop
helper=$library/build/upstreamtop-probe
units=(contrib/systemd/*.service contrib/systemd/*.timer)
# What docs/ names for other tools.
shared=(contrib/notify.sh contrib/prometheus/* contrib/grafana/* contrib/clickhouse/load contrib/clickhouse/*.sql contrib/clickhouse/queries/*)
# The folders that install had to make, so that uninstall removes no other.
made=$library/made-folders

completion_of() {
  case $1 in
    bash) echo share/bash-completion/completions/upstreamtop ;;
    zsh) echo "$ZSH_COMPLETIONS/_upstreamtop" ;;
    fish) echo share/fish/vendor_completions.d/upstreamtop.fish ;;
  esac
}

# What lies outside the library, relative to PREFIX.
files() {
  echo bin/upstreamtop
  for unit in "${units[@]}"; do echo "lib/systemd/system/${unit##*/}"; done
  echo share/man/man1/upstreamtop.1
  for shell in bash zsh fish; do completion_of $shell; done
  for file in "${shared[@]}"; do echo "share/upstreamtop/${file#contrib/}"; done
}

make_folder() {
  local folder
  for folder in "$@"; do
    [ -d "$folder" ] && continue
    make_folder "$(dirname "$folder")"
    install -d -m 0755 "$folder"
    new_folders+=("$folder")
  done
}

copy_program() {
  rm -rf "$library/dist" "$library/node_modules"
  PATH=$PWD/node_modules/.bin:$PATH scripts/bundle.sh "$library/dist"
  install -m 0644 package.json LICENSE "$library/"
  # Without sources, tests and types: of better-sqlite3 they take 27 MB.
  node scripts/runtime-modules.mjs | while read -r module; do
    install -d "$library/$module"
    tar -C "$module" --exclude-from=scripts/not-installed.txt -c . | tar -C "$library/$module" --no-same-owner -x
  done
  install -D "$NATIVE" "$library/$NATIVE"
  strip --strip-unneeded "$library/$NATIVE"
  find "$library/node_modules" -type d -empty -delete
  find "$library" -type d -exec chmod 0755 {} +
  find "$library/node_modules" -type f -exec chmod 0644 {} +
}

copy_helper() {
  install -d "$library/build"
  # A helper that runs keeps its file.
  rm -f "$helper"
  install -m 0755 build/upstreamtop-probe "$helper"
  strip --strip-unneeded "$helper"
  install -m 0644 build/upstreamtop-capture.wasm "$library/build/"
}

give_rights() {
  if [ -n "$DESTDIR" ]; then
    cat >&2 <<EOF
installed below $DESTDIR: this host is as it was. On the host where it runs, once, as root:
  groupadd --system upstreamtop
  useradd --system --gid upstreamtop --home-dir /var/lib/upstreamtop --no-create-home --shell /usr/sbin/nologin upstreamtop
  chgrp upstreamtop ${helper#"$DESTDIR"} && chmod 0750 ${helper#"$DESTDIR"} && setcap $HELPER_CAPS ${helper#"$DESTDIR"}
EOF
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "installed without rights for the helper, as you are not root: record with sudo, or 'sudo make install'" >&2
    return
  fi
  getent group upstreamtop >/dev/null || groupadd --system upstreamtop
  getent passwd upstreamtop >/dev/null || useradd --system --gid upstreamtop --home-dir /var/lib/upstreamtop --no-create-home \
    --shell /usr/sbin/nologin upstreamtop
  chgrp upstreamtop "$helper"
  chmod 0750 "$helper"
  setcap "$HELPER_CAPS" "$helper"
  echo "installed. Who may record without sudo: 'usermod -aG upstreamtop NAME', then log in again"
}

install_all() {
  new_folders=()
  make_folder "$library"
  copy_program
  copy_helper
  for file in $(files); do make_folder "$root/$(dirname "$file")"; done
  ln -sfn ../lib/upstreamtop/dist/main.js "$root/bin/upstreamtop"
  for unit in "${units[@]}"; do
    sed "s|@PREFIX@|$PREFIX|g" "$unit" >"$root/lib/systemd/system/${unit##*/}"
    chmod 0644 "$root/lib/systemd/system/${unit##*/}"
  done
  install -m 0755 contrib/systemd/export-hour "$library/export-hour"
  install -m 0644 man/upstreamtop.1 "$root/share/man/man1/"
  for file in "${shared[@]}"; do cp "$file" "$root/share/upstreamtop/${file#contrib/}"; done
  for shell in bash zsh fish; do
    script=$(node "$library/dist/main.js" completion $shell)
    printf '%s\n' "$script" >"$root/$(completion_of $shell)"
    chmod 0644 "$root/$(completion_of $shell)"
  done
  [ ${#new_folders[@]} -eq 0 ] || printf '%s/\n' "${new_folders[@]#"$root"}" >>"$made"
  give_rights
}

uninstall_all() {
  local folders=
  [ -e "$made" ] && folders=$(sort -ru "$made")
  for file in $(files); do rm -f "$root/$file"; done
  rm -rf "$library"
  for folder in $folders; do rmdir "$root$folder" 2>/dev/null || true; done
  echo "uninstalled. Recordings in /var/lib/upstreamtop stay, and so do the user and the group upstreamtop"
}

case ${1:-} in
  install) install_all ;;
  uninstall) uninstall_all ;;
  *) echo 'usage: install.sh install|uninstall' >&2; exit 2 ;;
esac
