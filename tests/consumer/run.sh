#!/bin/bash
# Installs the library into a prefix of its own, moves that elsewhere, and
# builds a foreign project against it in all ways: CMake and pkg-config,
# shared and static, C and C++, each backend that was built; and two backends
# in one program, which both refuse.
#
#   run.sh [BUILD_DIR]...   builds of the library, which go into one prefix;
#                           default build/gcc, and build/none if it is there
set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

builds=("$@")
if [ ${#builds[@]} -eq 0 ]; then
    builds=(build/gcc)
    [ ! -e build/none/lib/libktls-none.a ] || builds+=(build/none)
fi
source=$PWD/tests/consumer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved
export CMAKE_BUILD_TYPE=Release

install_below() {
    local build
    for build in "${builds[@]}"; do
        DESTDIR=$1 cmake --install "$build" --prefix /opt/ktls || return
    done
}

# Installed below DESTDIR under one name, used under another: whatever has
# remembered its prefix fails.
install_moved() {
    install_below "$work/stage" && mv "$work/stage/opt/ktls" "$prefix"
}

install_again() {
    install_below "$work/second" && diff -r "$work/second/opt/ktls" "$prefix"
}

forgets_prefix() {
    local found
    found=$(grep -rlE "/opt/ktls|$work|$PWD/(build|lib)" "$lib/cmake" \
        "$lib/pkgconfig")
    [ -z "$found" ] || { echo "$found"; return 1; }
}

has_files() {
    local file name missing=0
    local -a files=(include/ktls/ktls.h share/man/man3/ktls_handoff.3
        share/man/man7/libktls.7 share/doc/ktls/examples/echo_server.c
        libexec/ktls/examples/echo_server)
    for name in "${names[@]}"; do
        file=${lib#"$prefix/"}
        files+=("$file/lib$name.so" "$file/lib$name.so.0" "$file/lib$name.a"
            "$file/pkgconfig/$name.pc")
    done
    for file in "${files[@]}"; do
        [ -e "$prefix/$file" ] || { echo "no $file"; missing=1; }
    done
    return $missing
}

# Status 1 says that this kernel has no TLS; 127 that no library was found.
example_runs() {
    env -u LD_LIBRARY_PATH "$prefix/libexec/ktls/examples/ktls_probe" ||
        [ $? -eq 1 ]
}

# configure FOLDER TARGET [COMPONENT]
configure() {
    cmake -G Ninja -S "$source" -B "$work/cmake-$1" -DKTLS_TARGET="$2" \
        -DKTLS_COMPONENTS="${3:-}" -DCMAKE_PREFIX_PATH="$prefix"
}

build_cmake() {
    local name=$1 kind=$2 target=ktls::$1
    [ "$kind" = shared ] || target+=-static
    configure "$name-$kind" "$target" "${3:-}" &&
        cmake --build "$work/cmake-$name-$kind"
}

pkg() {
    PKG_CONFIG_PATH=$lib/pkgconfig pkg-config "$@"
}

# A program with the static library is static altogether, unless its TLS
# library comes as a shared one only.
build_pkgconfig() {
    local name=$1 kind=$2 language=$3 compiler=gcc std=c11 flags
    local -a static=() all=()
    [ "$language" = c ] || { compiler=g++ std=c++11; }
    if [ "$kind" = shared ]; then
        flags=$(pkg --cflags --libs "$name") || return
    else
        flags=$(pkg --static --cflags --libs "$name") || return
        if [ "$name" = ktls-boringssl ]; then
            flags=${flags/-l$name/-l:lib$name.a}
        else
            static=(-static)
        fi
    fi
    read -ra all <<<"$flags"
    "$compiler" -std="$std" -Wall -Wextra -Wpedantic -Werror "${static[@]}" \
        -o "$work/pkgconfig-$name-$kind-$language" \
        "$source/consumer.$language" "${all[@]}"
}

# the libktls that a program asks its loader for
needed() {
    readelf -d "$1" 2>/dev/null |
        sed -n 's/.*(NEEDED).*\[\(libktls.*\)\]/\1/p'
}

# The TLS libraries that really are loaded, by their folders.
loaded() {
    env LD_LIBRARY_PATH="$lib" ldd "$1" 2>/dev/null |
        sed -nE 's,.*lib(ssl|crypto)\.so.* => (.*)/[^/]*$,\2,p' | sort -u
}

try() {
    local program=$work/$1 label=$2 name=$3 kind=$4 want="" said
    [ "$kind" = static ] || want=lib$name.so.0
    same "$label needs: ${want:-no libktls}" "$want" "$(needed "$program")"
    if said=$(env LD_LIBRARY_PATH="$lib" "$program" 2>&1); then
        ok "$label runs"
    else
        not_ok "$label runs: $said"
    fi
    want="with a TLS library"
    [ "$name" != ktls-none ] || want="keys only"
    [[ $said == *", $want,"* ]] || not_ok "$label is $want: $said"
    case $name in
    ktls-boringssl) same "$label loads BoringSSL" "$boringssl" \
        "$(loaded "$program")" ;;
    ktls-none) empty "$label loads no TLS library" "$(loaded "$program")" ;;
    esac
}

try_backend() {
    local name=$1 kind language
    for kind in shared static; do
        check "$name, CMake, $kind: builds" build_cmake "$name" "$kind"
        for language in c cpp; do
            check "$name, pkg-config, $kind, $language: builds" \
                build_pkgconfig "$name" "$kind" "$language"
            try "cmake-$name-$kind/consumer_$language" \
                "$name, CMake, $kind, $language" "$name" "$kind"
            try "pkgconfig-$name-$kind-$language" \
                "$name, pkg-config, $kind, $language" "$name" "$kind"
        done
    done
}

# refuses WORDS COMMAND...: it fails, and says these words
refuses() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "$said"
        return 1
    fi
    [[ $said == *"$words"* ]] || { echo "$said"; return 1; }
}

# Both kinds of each pair, so that no one of them has forgotten the property.
try_mixture() {
    local one=$1 other=$2 a b
    for a in "$one" "$one-static"; do
        for b in "$other" "$other-static"; do
            check "CMake refuses $a with $b" refuses KTLS_BACKEND \
                configure "mix-$a-$b" "ktls::$a;ktls::$b"
        done
    done
    check "the flags of pkg-config refuse $one with $other" \
        refuses "one program links with one of them" compile "$one" "$other"
}

# By the flags of several packages.
compile() {
    local flags
    local -a all=()
    flags=$(pkg --cflags "$@") || return
    read -ra all <<<"$flags"
    gcc "${all[@]}" -c -o "$work/mixed.o" "$source/consumer.c"
}

check "installs below DESTDIR" install_moved
[ -d "$prefix" ] || { finish; exit 1; }
lib=$(dirname "$(find "$prefix" -name 'libktls*.a' -print -quit)")
mapfile -t names < <(cd "$lib" && printf '%s\n' libktls*.a |
    sed 's/^lib//; s/\.a$//')
boringssl=$(dirname "$(sed -n 's/^Libs.private: .* \([^ ]*libssl[^ ]*\).*/\1/p' \
    "$lib/pkgconfig/ktls-boringssl.pc" 2>/dev/null)")
echo "with ${names[*]}"
check "installs everything" has_files
check "installs the same twice" install_again
check "the package remembers no path" forgets_prefix
[ ! -e "$prefix/libexec" ] ||
    check "an installed example finds the library" example_runs
for name in "${names[@]}"; do
    try_backend "$name"
    for other in "${names[@]}"; do
        [[ $name < $other ]] && try_mixture "$name" "$other"
    done
done
check "a component that is there" configure found "ktls::${names[0]}" \
    "$(sed -n 's/^# Component \([a-z]*\) .*/\1/p' "$lib"/cmake/ktls/ktls-*.cmake |
        head -n 1)"
check "a component that is not" refuses rustls configure lacks "ktls::ktls" \
    rustls
finish
