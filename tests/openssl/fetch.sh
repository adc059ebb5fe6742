#!/bin/bash
# Fetches OpenSSL releases of other Debian suites, with the C library each of
# them wants, into the lab's cache: downloaded and unpacked, never installed.
#
#   fetch.sh [--update] [RELEASE]...
#   fetch.sh --list                  what is cached
#
# RELEASE is openssl-3.5 (Debian trixie) or openssl-3.6 (sid, whatever version
# that has now); both by default. The variables are those of
# tests/lab/fetch.sh.
set -euo pipefail

# shellcheck source=tests/openssl/release.sh
. "$(cd "$(dirname "$0")" && pwd)/release.sh"
# shellcheck source=tests/lab/debian.sh
. "$here/../lab/debian.sh"

usage() {
    sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"
}

# libssl is named after its ABI. The headers are for compiling against.
packages() {
    echo openssl libssl-dev libc6 libgcc-s1 zlib1g libzstd1
    depends_on "$1" openssl 'libssl[0-9][^ ]*'
}

# A program runs with the release's libraries without any of the host's: the
# loader would silently take those it does not find. What stands for
# `openssl` in a PATH is a script, as a program cannot name two loaders.
build() {
    local name=$1 suite=$2 package
    local dir=$lab_dir/$name.new final=$lab_dir/$name loader libraries
    rm -rf "$dir"
    mkdir -p "$dir/bin"
    for package in $(packages "$suite"); do
        unpack "$suite" "$package" "$dir/root" >/dev/null || return 1
    done
    loader=$(release_loader "$name.new")
    libraries=$(release_libraries "$name.new")
    "$loader" --library-path "$libraries" --list "$dir/root/usr/bin/openssl" \
        >"$dir/loaded" || return 1
    ! grep -vE "vdso|$libraries/|$loader" "$dir/loaded" ||
        die "$name: the above would come from this host"
    {
        echo '#!/bin/sh'
        printf 'exec "%s" --library-path "%s" \\\n    "%s" "$@"\n' \
            "$(release_loader "$name")" "$(release_libraries "$name")" \
            "$final/root/usr/bin/openssl"
    } >"$dir/bin/openssl"
    chmod +x "$dir/bin/openssl"
    printf 'version=%s\nsuite=%s\n' "$3" "$suite" >"$dir/stamp"
    put_in_place "$name"
}

fetch() {
    local name=$1 suite version have
    describe_release "$name"
    is_fresh "$name" && return
    have=$(stamp_value "$name" version)
    reach "$name" "$suite" "$have" || return 0
    version=$(candidate "$suite" openssl)
    [ -n "$version" ] || die "$name: Debian $suite has no openssl"
    if [ "$version" != "$have" ]; then
        say "$name: fetching openssl $version of Debian $suite"
        build "$name" "$suite" "$version" ||
            die "$name: could not fetch openssl $version"
    fi
    touch "$lab_dir/$name/stamp"
    say "$name: openssl $version of Debian $suite"
}

list() {
    local name
    for name in "${releases[@]}"; do
        [ -s "$lab_dir/$name/stamp" ] || continue
        printf '%s %s %s\n' "$name" "$(stamp_value "$name" version)" \
            "$(stamp_value "$name" suite)"
    done
}

main() {
    # shellcheck disable=SC2034 # is_fresh() asks
    local update="" name suite
    local -a names=()
    while [ $# -gt 0 ]; do
        case $1 in
        --list) list; return ;;
        --update) update=1 ;;
        -h | --help) usage; return ;;
        -*) die "no such option: $1" ;;
        *) describe_release "$1"; names+=("$1") ;;
        esac
        shift
    done
    [ ${#names[@]} -gt 0 ] || names=("${releases[@]}")
    [ "$(uname -m)" = x86_64 ] || die "x86_64 packages need such a host"
    need_debian
    lock_cache
    for name in "${names[@]}"; do
        fetch "$name"
    done
}

main "$@"
