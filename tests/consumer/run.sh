#!/bin/bash
# Installs the library into a prefix of its own, moves that elsewhere, and
# builds a foreign project against it in all eight ways: CMake and
# pkg-config, shared and static, C and C++.
#
#   run.sh BUILD_DIR        a build of the library, default build/gcc
set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

build=${1:-build/gcc}
source=$PWD/tests/consumer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved
export CMAKE_BUILD_TYPE=Release

# Installed below DESTDIR under one name, used under another: whatever has
# remembered its prefix fails.
install_moved() {
    DESTDIR=$work/stage cmake --install "$build" --prefix /opt/ktls &&
        mv "$work/stage/opt/ktls" "$prefix"
}

install_again() {
    DESTDIR=$work/second cmake --install "$build" --prefix /opt/ktls &&
        diff -r "$work/second/opt/ktls" "$prefix"
}

forgets_prefix() {
    local found
    found=$(grep -rlE "/opt/ktls|$work|$PWD/(build|lib)" "$lib/cmake" \
        "$lib/pkgconfig")
    [ -z "$found" ] || { echo "$found"; return 1; }
}

has_files() {
    local file missing=0
    for file in "include/ktls/ktls.h" "${lib#"$prefix/"}/libktls.so" \
        "${lib#"$prefix/"}/libktls.so.0" "${lib#"$prefix/"}/libktls.a" \
        share/man/man3/ktls_handoff.3 share/man/man7/libktls.7 \
        share/doc/ktls/examples/echo_server.c \
        libexec/ktls/examples/echo_server; do
        [ -e "$prefix/$file" ] || { echo "no $file"; missing=1; }
    done
    return $missing
}

# Status 1 says that this kernel has no TLS; 127 that no library was found.
example_runs() {
    env -u LD_LIBRARY_PATH "$prefix/libexec/ktls/examples/ktls_probe" ||
        [ $? -eq 1 ]
}

build_cmake() {
    local kind=$1 target=ktls::ktls
    [ "$kind" = shared ] || target=ktls::ktls-static
    cmake -G Ninja -S "$source" -B "$work/cmake-$kind" -DKTLS_TARGET="$target" \
        -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$work/cmake-$kind" &&
        cp "$work/cmake-$kind/consumer_c" "$work/cmake-$kind-c" &&
        cp "$work/cmake-$kind/consumer_cpp" "$work/cmake-$kind-cpp"
}

# --static is for programs that are static altogether.
build_pkgconfig() {
    local kind=$1 language=$2 compiler=gcc std=c11 flags
    local -a static=() all=()
    [ "$language" = c ] || { compiler=g++ std=c++11; }
    [ "$kind" = shared ] || static=(-static)
    flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config \
        "${static[@]/#-/--}" --cflags --libs ktls) || return
    read -ra all <<<"$flags"
    "$compiler" -std="$std" -Wall -Wextra -Wpedantic -Werror "${static[@]}" \
        -o "$work/pkgconfig-$kind-$language" "$source/consumer.$language" \
        "${all[@]}"
}

# the libktls that a program asks its loader for
needed() {
    readelf -d "$1" 2>/dev/null |
        sed -n 's/.*(NEEDED).*\[\(libktls.*\)\]/\1/p'
}

try() {
    local program=$work/$1 want=$2
    same "$1 needs: ${want:-no libktls}" "$want" "$(needed "$program")"
    check "$1 runs" env LD_LIBRARY_PATH="$lib" "$program"
}

check "installs below DESTDIR" install_moved
lib=$(dirname "$(find "$prefix" -name libktls.a)")
check "installs everything" has_files
check "installs the same twice" install_again
check "the package remembers no path" forgets_prefix
check "an installed example finds the library" example_runs
for kind in shared static; do
    want=libktls.so.0
    [ "$kind" = shared ] || want=""
    check "CMake, $kind: builds" build_cmake "$kind"
    for language in c cpp; do
        check "pkg-config, $kind, $language: builds" \
            build_pkgconfig "$kind" "$language"
        try "cmake-$kind-$language" "$want"
        try "pkgconfig-$kind-$language" "$want"
    done
done
finish
