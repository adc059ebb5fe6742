#!/bin/bash
# What the library exports, with each backend, is what the header declares,
# the version script lists and the manual describes.
#
#   abi.sh [BUILD_DIR]...     default build/gcc, and build/none if it is there
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
builds=("$@")
if [ ${#builds[@]} -eq 0 ]; then
    builds=(build/gcc)
    [ ! -e build/none/lib/libktls-none.so ] || builds+=(build/none)
fi
# shellcheck source=tests/report.sh
. tests/report.sh

header=include/ktls/ktls.h
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C

header_functions() {
    awk '/^#/ { next }
        /^KTLS_API / { text = "" ; open = 1 }
        open { text = text " " $0 }
        open && /[(]/ { sub(/[(].*/, "", text); sub(/.*[ *]/, "", text)
            print text; open = 0 }' "$header" | sort
}

map_functions() {
    sed -n '/^global:/,/^local:/s/^\t\(.*\);$/\1/p' lib/libktls.map
}

manual_functions() {
    for page in docs/man/*.3; do
        basename "$page" .3
    done | sort
}

# The version node itself is an absolute symbol.
shared_symbols() {
    nm -D --defined-only --without-symbol-versions "$1" |
        awk '$2 != "A" { print $3 }' | sort
}

static_strangers() {
    nm -g --defined-only "$1" |
        awk 'NF == 3 && $3 !~ /^(ktls_|__asan_|__odr_asan|___asan_)/ {
            print $3 }'
}

# Constants of the header that libktls(7) does not name.
unnamed_constants() {
    awk '/^enum ktls_(error|path|reason)/ { in_enum = 1; next }
        /^}/ { in_enum = 0 }
        in_enum && match($0, /KTLS_[A-Z0-9_]+/) {
            print substr($0, RSTART, RLENGTH) }' "$header" |
        grep -vE '^KTLS_(EEND|REASON_END)$' |
        while read -r name; do
            grep -qw "$name" docs/man/libktls.7 || echo "$name"
        done
}

header_alone() {
    local compiler=$1 std=$2 language=$3
    printf '#include <ktls/ktls.h>\n#include <ktls/ktls.h>\n%s\n' \
        'int main(void) { return 0; }' |
        "$compiler" -std="$std" -x "$language" -Iinclude -fsyntax-only \
            -Wall -Wextra -Wshadow -Wpedantic -Wconversion -Wundef -Werror -
}

tls_headers() {
    echo '#include <ktls/ktls.h>' | ${CC:-cc} -Iinclude -M -x c - |
        grep -oE '[^ ]*(openssl|gnutls|mbedtls)/[^ ]*'
}

regenerate() {
    awk -v out="$scratch" -f docs/man/generate.awk "$header" || return
    for page in "$scratch"/*.3; do
        cmp "$page" "docs/man/${page##*/}" || return
    done
}

# Alone in a folder, .so requests need the layout of an installation.
manual_warnings() {
    mkdir -p "$scratch/man/man3" && cp docs/man/*.3 "$scratch/man/man3"
    cd "$scratch/man" || return
    for page in man3/*.3 "$OLDPWD"/docs/man/*.7; do
        { groff -man -ww -Tutf8 "$page" >"$scratch/formatted"; } 2>&1
    done
    cd "$OLDPWD" || return
}

soname() {
    readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

# Every backend's, of every build.
check_libraries() {
    local build library name found=""
    for build in "${builds[@]}"; do
        for library in "$build"/lib/libktls*.so; do
            [ -e "$library" ] || continue
            found=1
            name=$(basename "$library" .so)
            same "$name: the shared library has the header's functions" \
                "$declared" "$(shared_symbols "$library")"
            same "$name: soname" "$name.so.0" "$(soname "$library")"
            empty "$name: every global symbol of the static library begins \
with ktls_" "$(static_strangers "${library%.so}.a")"
        done
    done
    [ "$found" ] || not_ok "no libktls in ${builds[*]}"
}

declared=$(header_functions)
same "header and version script list the same functions" \
    "$declared" "$(map_functions)"
same "header and manual have the same functions" \
    "$declared" "$(manual_functions)"
check "manual pages are what the header makes of them" regenerate
empty "manual pages format without a warning" "$(manual_warnings)"
empty "libktls(7) names every error, path and reason" "$(unnamed_constants)"
check_libraries
empty "no header of a TLS library is included" "$(tls_headers)"
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    check "$compiler takes the header alone as C11" \
        header_alone "$compiler" c11 c
    check "$compiler takes the header alone as C++11" \
        header_alone "$compiler" c++11 c++
done
finish
