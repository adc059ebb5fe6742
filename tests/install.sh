#!/bin/bash
# Installs with apt what is missing on this host, and nothing else.
#
#   install.sh GROUP...     build: what the library and examples need
#                           test:  what the tests need besides
#                           stacks: the other TLS stacks, of the tests too
#                           lab:   what runs the lab's kernels
#                           ipsec_mb: the library of -DKTLS_IPSEC_MB=ON
set -euo pipefail

missing=()

program() {
    command -v "$1" >/dev/null || missing+=("${2:-$1}")
}

# A library by the name of its .pc file, PACKAGE it is in.
library() {
    pkg-config --exists "$1" 2>/dev/null || missing+=("$2")
}

header() {
    [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ] ||
        missing+=("$2")
}

group_build() {
    program gcc
    header stdio.h libc6-dev
    program cmake
    program ninja ninja-build
    program pkg-config
    library 'libssl >= 3.0' libssl-dev
    header http_parser.h libhttp-parser-dev
    program openssl
    program curl
}

group_test() {
    program g++
    program clang
    program clang-tidy
    program cppcheck
    program shellcheck
    program gnutls-cli gnutls-bin
    program groff groff
    program git
    library check check
    header intel-ipsec-mb.h libipsec-mb-dev
    group_stacks
}

# The other TLS stacks.
group_stacks() {
    header android/openssl/is_boringssl.h android-libboringssl-dev
    library 'gnutls >= 3.7' libgnutls28-dev
    header mbedtls/ssl.h libmbedtls-dev
    library wolfssl libwolfssl-dev
    program musl-gcc musl-tools
}

# The optional AEAD.
group_ipsec_mb() {
    header intel-ipsec-mb.h libipsec-mb-dev
}

# The lab's initramfs wants a busybox that is linked statically.
group_lab() {
    if ! command -v busybox >/dev/null ||
        ldd "$(command -v busybox)" >/dev/null 2>&1; then
        missing+=(busybox-static)
    fi
    program patchelf
    program xz xz-utils
    program ip iproute2
    program setsid util-linux
    [ "${KTLS_NO_QEMU:-0}" = 1 ] || program qemu-system-x86_64 qemu-system-x86
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install.sh: need root or sudo for: $*" >&2
        return 1
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends "$@" >/dev/null
}

for group; do
    "group_$group"
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing: ${missing[*]}" >&2
command -v apt-get >/dev/null || {
    echo "install.sh: no apt-get here; please install them yourself" >&2
    exit 1
}
# Package lists may be missing or stale: try, update once, try again.
apt_install "${missing[@]}" 2>/dev/null ||
    { as_root apt-get update -qq >/dev/null && apt_install "${missing[@]}"; }
