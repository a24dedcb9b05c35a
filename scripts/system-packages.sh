#!/usr/bin/env bash
# Lists missing system packages and the command that installs them; with --install, installs them if it has the rights.
#   system-packages.sh [--install] build|fuzz|tarball|run|test|fleet …
set -euo pipefail
PATH=$PATH:${SBIN-/usr/sbin:/sbin}

install=no
if [ "${1:-}" = --install ]; then install=yes; shift; fi

# pairs: a tool or file, and its Debian package
needs() {
  case $1 in
    build) echo clang clang llvm-strip llvm bpftool bpftool make make gcc gcc g++ g++ python3 python3 \
      /usr/include/bpf/bpf.h libbpf-dev /usr/include/libelf.h libelf-dev /usr/include/zlib.h zlib1g-dev \
      wasm-ld lld /usr/include/wasm32-wasi/stdio.h wasi-libc $(wasm_builtins) ;;
    fuzz) echo "$(clang -print-runtime-dir 2>/dev/null || echo /none)/libclang_rt.fuzzer-$(uname -m).a" libclang-rt-dev ;;
    tarball) cross_compiler ;;
    run) echo nginx nginx-light ip iproute2 setcap libcap2-bin ;;
    test) echo sqlite3 sqlite3 tmux tmux tcpdump tcpdump wrk wrk chromium chromium nft nftables openssl openssl prometheus prometheus \
      /usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream \
      zsh zsh fish fish /usr/share/bash-completion/bash_completion bash-completion curl curl \
      lintian lintian dpkg-shlibdeps dpkg-dev fakeroot fakeroot ;;
    fleet) echo clickhouse-server clickhouse-server curl curl ;;
    *) echo "system-packages.sh: unknown group \"$1\"" >&2; exit 2 ;;
  esac
}

# what the compiler's own code for WebAssembly calls: of the compiler's version
wasm_builtins() {
  local version file
  version=$(clang -dumpversion 2>/dev/null) || version=
  file=$(clang --target=wasm32-wasi -print-libgcc-file-name 2>/dev/null) || file=/none
  echo "$file" "libclang-rt-${version:+${version%%.*}-}dev-wasm32"
}

# for the helper of the architecture that this machine has not
cross_compiler() {
  case $(uname -m) in
    aarch64) echo x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu /usr/x86_64-linux-gnu/lib/libc.a libc6-dev-amd64-cross ;;
    *) echo aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu /usr/aarch64-linux-gnu/lib/libc.a libc6-dev-arm64-cross ;;
  esac
  echo /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
}

# Ubuntu's bpftool comes with the kernel's tools, and its chromium is a snap that a container cannot run.
ubuntu_name() {
  case $1 in
    bpftool) echo "linux-tools-common linux-tools-$(uname -r)" ;;
    chromium) ;;
    *) echo "$1" ;;
  esac
}

present() {
  case $1 in
    /*) [ -e "$1" ] ;;
    bpftool) bpftool version >/dev/null 2>&1 ;;
    chromium) command -v chromium chromium-browser google-chrome >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

system=$(. /etc/os-release 2>/dev/null && echo "${ID:-}" || true)
missing=()
for group in "$@"; do
  set -- $(needs "$group")
  while [ $# -gt 0 ]; do
    if ! present "$1"; then
      if [ "$system" = ubuntu ]; then missing+=($(ubuntu_name "$2")); else missing+=("$2"); fi
    fi
    shift 2
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
command=("${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}")
can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}
if [ $install = yes ] && can_install; then
  echo "installing: ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -q >&2 || true
  "${command[@]}" >&2 </dev/null
else
  echo "missing system packages: ${missing[*]}" >&2
  echo "  ${command[*]}" >&2
  exit 1
fi
