#!/bin/bash
# Fetches the lab's kernels into a cache directory, with Debian's package
# tools only. Packages are downloaded and unpacked, never installed, so a
# kernel of Debian sid does no harm to a host that runs something else.
#
#   fetch.sh [--update] [KERNEL]...
#   fetch.sh --list                  what is cached
#
# KERNEL is uml-6.1, uml-7.2 or qemu-6.1, which are what the tests need and
# the default, or qemu-6.12 or qemu-7.2, for measurements.
#
# KTLS_LAB_DIR     where the cache is (default ~/.cache/libktls-lab)
# KTLS_LAB_MIRROR  Debian mirror to use in place of the one apt knows
# KTLS_LAB_KEYRING keyring that signs Debian's archive
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$here/common.sh"
# shellcheck source=tests/lab/debian.sh
. "$here/debian.sh"

usage() {
    sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"
}

# --- host tools -----------------------------------------------------------

# Package that brings each program the lab needs.
tool_package() {
    case $1 in
    busybox) echo busybox-static ;;
    qemu-system-x86_64) echo qemu-system-x86 ;;
    xz) echo xz-utils ;;
    *) echo "$1" ;;
    esac
}

# The initramfs holds nothing but busybox, so it has to be the static one.
have_tool() {
    command -v "$1" >/dev/null || return 1
    [ "$1" != busybox ] || ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

need_tools() {
    local tool packages=()
    for tool; do
        have_tool "$tool" || packages+=("$(tool_package "$tool")")
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] ||
        die "missing on this host: ${packages[*]} (run me as root, or install)"
    say "installing ${packages[*]}"
    apt_install "${packages[@]}" ||
        die "apt-get cannot install ${packages[*]}"
}

# --- the kernels ----------------------------------------------------------

# The UML binary gets the libc of its own suite, so that it runs on hosts
# with another one. It re-executes itself, hence no ld.so --library-path.
make_uml() {
    local suite=$1 dir=$2 final=$3 linux loader
    unpack "$suite" user-mode-linux "$dir/unpacked" >/dev/null || return 1
    unpack "$suite" libc6 "$dir/libc" >/dev/null || return 1
    linux=$(find "$dir/unpacked" -type f -name 'linux*.uml' -o \
        -type f -name linux -perm -u+x | head -n 1)
    loader=$(cd "$dir/libc" && find . -name ld-linux-x86-64.so.2 |
        sort | tail -n 1)
    libs=$(cd "$dir/libc" && find . -name libc.so.6 -printf '%h\n' | head -n 1)
    [ -n "$linux" ] && [ -n "$loader" ] && [ -n "$libs" ] || return 1
    mv "$linux" "$dir/linux"
    patchelf --set-interpreter "$final/libc/${loader#./}" \
        --force-rpath --set-rpath "$final/libc/${libs#./}" "$dir/linux"
    mkdir "$dir/modules"
    mv "$dir"/unpacked/usr/lib/uml/modules/* "$dir/modules"
    rm -rf "$dir/unpacked"
}

# The cloud kernel is the smallest of Debian's stock kernels; the package of
# that name only depends on the one with the kernel inside, or, since Linux
# 7, on one that depends on two.
make_qemu() {
    local suite=$1 dir=$2 image package linux release
    image=$(depends_on "$suite" linux-image-cloud-amd64 'linux-image-[^ ]+' |
        head -n 1)
    [ -n "$image" ] || return 1
    for package in "$image" $(depends_on "$suite" "$image" \
        'linux-(binary|modules)-[^ ]+'); do
        unpack "$suite" "$package" "$dir/unpacked" >/dev/null || return 1
    done
    linux=$(find "$dir/unpacked" -type f -name 'vmlinuz*' | head -n 1)
    release=$(find "$dir/unpacked" -type d -path '*/lib/modules/*' -prune |
        head -n 1)
    [ -n "$linux" ] && [ -n "$release" ] || return 1
    mkdir "$dir/modules"
    mv "$linux" "$dir/linux" && mv "$release" "$dir/modules" || return 1
    rm -rf "$dir/unpacked"
    plain_modules "$dir/modules" && pack_modules "$dir"
}

# What the guest may want, as the first part of its initramfs: most of the
# drivers stay out.
pack_modules() {
    local dir=$1 tree=$1/pack/lib/modules part
    local release
    release=$(ls "$dir/modules")
    mkdir -p "$tree/$release"
    for part in crypto arch/x86/crypto lib net/tls net/ipv4 net/ipv6 \
        net/sched drivers/virtio drivers/char; do
        mkdir -p "$tree/$release/kernel/$part"
        cp -r "$dir/modules/$release/kernel/$part/." \
            "$tree/$release/kernel/$part" || return 1
    done
    # lists of what is built in, which newer packages leave out
    find "$dir/modules/$release" -maxdepth 1 -name 'modules.*' \
        -exec cp -t "$tree/$release" {} + || return 1
    busybox depmod -b "$dir/pack" "$release" || return 1
    (cd "$dir/pack" && find . | busybox cpio -o -H newc 2>/dev/null) \
        >"$dir/modules.cpio"
    rm -rf "$dir/pack"
}

# busybox's modprobe knows neither compression nor the binary indexes.
plain_modules() {
    find "$1" -name '*.ko.xz' -exec xz -d {} + &&
        find "$1" -name '*.ko.zst' -exec zstd -q -d --rm {} + &&
        find "$1" -name '*.ko.gz' -exec gzip -d {} +
}

# sets suite, package and make for kernel $1
describe() {
    case $1 in
    uml-6.1) suite=bookworm package=user-mode-linux make=make_uml ;;
    uml-7.2) suite=sid package=user-mode-linux make=make_uml ;;
    qemu-6.1) suite=bookworm package=linux-image-cloud-amd64 make=make_qemu ;;
    qemu-6.12) suite=trixie package=linux-image-cloud-amd64 make=make_qemu ;;
    qemu-7.2) suite=sid package=linux-image-cloud-amd64 make=make_qemu ;;
    *) die "no such kernel: $1 (known: ${lab_kernels[*]} ${lab_more[*]})" ;;
    esac
}

build() {
    local name=$1 version=$2 dir=$lab_dir/$1.new
    rm -rf "$dir"
    mkdir -p "$dir"
    "$make" "$suite" "$dir" "$lab_dir/$name" && plain_modules "$dir/modules" ||
        return 1
    printf 'package=%s\nversion=%s\nrelease=%s\nsuite=%s\n' "$package" \
        "$version" "$(ls "$dir/modules")" "$suite" >"$dir/stamp"
    put_in_place "$name"
}

fetch() {
    local name=$1 suite package make version have
    describe "$name"
    is_fresh "$name" && return
    have=$(stamp_value "$name" version)
    reach "$name" "$suite" "$have" || return 0
    version=$(candidate "$suite" "$package")
    [ -n "$version" ] || die "$name: Debian $suite has no $package"
    if [ "$version" != "$have" ]; then
        say "$name: fetching $package $version of Debian $suite"
        build "$name" "$version" || die "$name: could not fetch $package"
    fi
    touch "$lab_dir/$name/stamp"
    say "$name: $package $version, kernel $(kernel_release "$name")"
}

list() {
    local name
    for name in "${lab_kernels[@]}" "${lab_more[@]}"; do
        [ -s "$lab_dir/$name/stamp" ] || continue
        printf '%s %s %s (%s %s)\n' "$name" "$(kernel_release "$name")" \
            "$lab_dir/$name/linux" "$(stamp_value "$name" package)" \
            "$(stamp_value "$name" version)"
    done
}

main() {
    local update="" name tools=(busybox patchelf xz)
    local -a names=()
    while [ $# -gt 0 ]; do
        case $1 in
        --list) list; return ;;
        --update) update=1 ;;
        -h | --help) usage; return ;;
        -*) die "no such option: $1" ;;
        *) describe "$1"; names+=("$1") ;;
        esac
        shift
    done
    [ ${#names[@]} -gt 0 ] || names=("${lab_kernels[@]}")
    [ "$(uname -m)" = x86_64 ] || die "the lab needs an x86_64 host"
    need_debian
    case " ${names[*]}" in *" qemu-"*) tools+=(qemu-system-x86_64) ;; esac
    need_tools "${tools[@]}"
    lock_cache
    for name in "${names[@]}"; do
        fetch "$name"
    done
}

main "$@"
