#!/bin/bash
# The library without a TLS library: builds it with every compiler, static on
# musl too, and runs its tests on this host and in the lab's kernels.
#
#   none.sh [--build DIR] [KERNEL]...
#
#   --build DIR  where the builds go, default build
#   KERNEL       of the lab (tests/lab/run.sh), for instance uml-6.1 uml-7.2;
#                none: this host only
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
# It would have its way with every connection of the tests.
unset KTLS_PATH

builds=build
if [ "${1:-}" = --build ]; then
    builds=$2
    shift 2
fi
kernels=("$@")
presets=(none none-clang none-asan none-musl)

build() {
    cmake --preset "$1" -G Ninja -B "$builds/$1" &&
        cmake --build "$builds/$1" -j "$(nproc)"
}

# run LABEL COMMAND...: a program that prints a line for each of its tests;
# they are counted, and told with their label; cells are those of plain builds
run() {
    local label=$1 output=$scratch/output status=0
    shift
    "$@" >"$output" </dev/null || status=$?
    sed -E "s/^(ok|not ok) - /\1 - $label: /; / passed, .* failed$/d" "$output" |
        if [[ $label = *asan* ]]; then grep -v '^cell'; else cat; fi
    passed=$((passed + $(grep -c '^ok - ' "$output")))
    failed=$((failed + $(grep -c '^not ok - ' "$output")))
    same "$label: exit status" 0 "$status"
}

unit_tests() {
    local program list
    list=$(ctest --test-dir "$builds/none" -N -L unit |
        sed -n 's/.*unit\.//p')
    [ -n "$list" ] || { not_ok "there are unit tests"; return; }
    for program in $list; do
        check "$program" env CK_DEFAULT_TIMEOUT=300 \
            "$builds/none/tests/none/$program"
    done
}

# Libraries that a program or library asks its loader for.
needed() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# Headers of a TLS library that were read.
foreign_headers() {
    local preset
    for preset in "${presets[@]}"; do
        ninja -C "$builds/$preset" -t deps
    done | grep -E '/(openssl|gnutls|mbedtls|wolfssl)/' | sort -u
}

# What a library without TLS must not even name.
tls_symbols() {
    nm "$builds"/none{,-clang,-musl}/lib/libktls-none.a |
        grep -E ' U (SSL|EVP|BIO|HMAC|CRYPTO|OPENSSL|ERR|X509)_'
}

static_program() {
    file_type=$(readelf -l "$1") && ! grep -q INTERP <<<"$file_type" &&
        [ -z "$(needed "$1")" ]
}

# A program of somebody else, with nothing but musl and our package.
musl_consumer() {
    local prefix=$scratch/musl flags
    local -a all=()
    cmake --install "$builds/none-musl" --prefix "$prefix" || return
    flags=$(PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name ktls-none.pc)") \
        pkg-config --static --cflags --libs ktls-none) || return
    read -ra all <<<"$flags"
    musl-gcc -std=c11 -Wall -Wextra -Werror -static -o "$scratch/consumer" \
        tests/consumer/consumer.c "${all[@]}" &&
        "$scratch/consumer" && static_program "$scratch/consumer"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for preset in "${presets[@]}"; do
    check "builds: $preset" build "$preset"
done
for preset in none none-clang; do
    same "$preset: the shared library needs libc alone" libc.so.6 \
        "$(needed "$builds/$preset/lib/libktls-none.so")"
done
check "none-musl: the program is static" \
    static_program "$builds/none-musl/tests/none/none_keys"
check "none-musl: a program of somebody else" musl_consumer
empty "no symbol of a TLS library" "$(tls_symbols)"
empty "no header of a TLS library" "$(foreign_headers)"
unit_tests
for preset in none none-asan none-musl; do
    run "$preset, this host" env KTLS_REQUIRE_KERNEL=0 \
        "$builds/$preset/tests/none/none_keys"
done
for kernel in "${kernels[@]}"; do
    for preset in none none-asan none-musl; do
        # its kernel has too little address space for the sanitizer
        [ "$preset/$kernel" != none-asan/uml-6.1 ] || continue
        run "$preset, $kernel" env KTLS_REQUIRE_KERNEL=1 \
            tests/lab/run.sh "$kernel" -- \
            "$builds/$preset/tests/none/none_keys"
    done
done
finish
