#!/usr/bin/env bash
# make deb: upstreamtop_VERSION_ARCH.deb from what `make install` installs. Needs nothing from npm's registry where it is installed.
# DEB_VERSION is another version than package.json's; DEB_FOLDER is where it is put, the clone without it.
set -euo pipefail
cd "$(dirname "$0")/.."
HELPER_CAPS=${HELPER_CAPS:?}
version=${DEB_VERSION:-$(node -p 'require("./package.json").version')}
maintainer=${DEB_MAINTAINER:-'upstreamtop maintainers <maintainers@upstreamtop.invalid>'}
architecture=$(dpkg --print-architecture)
# The native part of better-sqlite3 is for the major version of the node that built it.
node=$(node -p 'process.versions.node.split(".")[0]')
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
file=${DEB_FOLDER:+$DEB_FOLDER/}upstreamtop_${version}_$architecture.deb
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tree=$folder/tree
doc=$tree/usr/share/doc/upstreamtop

install_program() {
  PREFIX=/usr DESTDIR=$tree ZSH_COMPLETIONS=share/zsh/vendor-completions scripts/install.sh install 2>/dev/null
  rm "$tree/usr/lib/upstreamtop/made-folders"
  gzip -9n "$tree/usr/share/man/man1/upstreamtop.1"
  # Its text is in the copyright file, as those of the modules are.
  rm "$tree/usr/lib/upstreamtop/LICENSE"
}

install_documents() {
  install -d "$doc/docs"
  install -m 0644 README.md SECURITY.md "$doc/"
  install -m 0644 docs/*.md docs/*.sql "$doc/docs/"
  gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
  gzip -9nc >"$doc/changelog.gz" <<EOF
upstreamtop ($version) unstable; urgency=medium

  * What is new is in CHANGELOG.md.gz.

 -- $maintainer  $(date -Ru -d "@$SOURCE_DATE_EPOCH")
EOF
  copyright >"$doc/copyright"
  find "$tree/usr/lib/upstreamtop/node_modules" -iname 'licen[cs]e*' -delete
}

indented() { sed 's/^[[:space:]]*$/./; s/^/ /' "$@"; }

copyright() {
  cat <<EOF
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: upstreamtop

Files: *
Copyright: the authors of upstreamtop
License: GPL-2.0-only
 On Debian systems the text of the GNU General Public License, version 2, is in /usr/share/common-licenses/GPL-2.
EOF
  node scripts/runtime-modules.mjs | while read -r module; do
    local text
    text=$(find "$module" -maxdepth 1 -iname 'licen[cs]e*' | sort | head -1)
    printf '\nFiles: usr/lib/upstreamtop/%s/*\n' "$module"
    printf 'Copyright: %s\n' "$(copyright_line "$module" "$text")"
    printf 'License: %s-of-%s\n' "$(node -p 'require(process.argv[1]).license ?? "MIT"' "./$module/package.json")" "$(basename "$module")"
    if [ -n "$text" ]; then indented "$text"; else echo ' As its package.json says; it has no further text.'; fi
  done
}

copyright_line() {
  { [ -n "$2" ] && grep -im1 -o 'copyright.*[0-9].*' "$2" | sed 's/^[Cc]opyright[: ]*//'; } ||
    node -p 'const { author } = require(process.argv[1]); author?.name ?? author ?? "its authors"' "./$1/package.json"
}

# What its ELF files need, as Debian names and versions it.
libraries() {
  mkdir -p "$folder/debian"
  printf 'Source: upstreamtop\n\nPackage: upstreamtop\nArchitecture: any\n' >"$folder/debian/control"
  (cd "$folder" && dpkg-shlibdeps -O \
    "$tree/usr/lib/upstreamtop/build/upstreamtop-probe" "$tree/usr/lib/upstreamtop/node_modules/better-sqlite3/build/Release/better_sqlite3.node" \
    2>/dev/null) | sed 's/^shlibs:Depends=//'
}

install_scripts() {
  install -D -m 0644 contrib/debian/lintian-overrides "$tree/usr/share/lintian/overrides/upstreamtop"
  install -d "$tree/DEBIAN"
  for script in postinst prerm postrm; do
    sed "s|@HELPER_CAPS@|$HELPER_CAPS|" contrib/debian/$script >"$tree/DEBIAN/$script"
    chmod 0755 "$tree/DEBIAN/$script"
  done
  sed -e "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@MAINTAINER@|$maintainer|; s|@LIBRARIES@|$(libraries)|" \
    -e "s|@NODE@|$node|; s|@NEXT_NODE@|$((node + 1))|; s|@SIZE@|$(du -sk --apparent-size "$tree/usr" | cut -f1)|" \
    contrib/debian/control >"$tree/DEBIAN/control"
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

umask 022
install_program
install_documents
install_scripts
dpkg-deb --root-owner-group -Zxz --build "$tree" "$file" >/dev/null
echo "$file"
