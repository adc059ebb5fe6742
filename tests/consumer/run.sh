#!/bin/bash
# Installs the library into a prefix of its own, moves that elsewhere, and
# builds a foreign project against it in all ways: CMake and pkg-config,
# shared and static, C and C++, each backend that was built; the first program
# of README.md, by its own lines; and two backends or two TLS libraries in one
# program, which CMake, the header or, at last, ktls_prepare() refuses.
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

# configure FOLDER TARGET [ARGUMENT]...
configure() {
    cmake -G Ninja -S "$source" -B "$work/cmake-$1" -DKTLS_TARGET="$2" \
        -DCMAKE_PREFIX_PATH="$prefix" "${@:3}"
}

declare -A component=([ktls]=openssl [ktls-boringssl]=boringssl
    [ktls-none]=none)
declare -A tls_library=([ktls]=OpenSSL [ktls-boringssl]=BoringSSL)
# What a program with an SSL needs besides: BoringSSL comes along.
declare -A besides_cmake=([ktls]=OpenSSL::SSL [ktls-boringssl]="")
declare -A besides_pkgconfig=([ktls]=openssl [ktls-boringssl]="")

build_cmake() {
    local name=$1 kind=$2 target=ktls::$1
    local -a more=()
    [ "$kind" = shared ] || target+=-static
    [ "$name" = ktls-none ] || more=(-DKTLS_BESIDES="${besides_cmake[$name]}")
    configure "$name-$kind" "$target" "${more[@]}" &&
        cmake --build "$work/cmake-$name-$kind"
}

pkg() {
    PKG_CONFIG_PATH=$lib/pkgconfig pkg-config "$@"
}

# A program with the static library is static altogether, unless its TLS
# library comes as a shared one only.
build_pkgconfig() {
    local name=$1 kind=$2 program=$3 compiler=gcc std=c11 flags
    local -a static=() all=() packages=("$name")
    case $program in
    *.cpp) compiler=g++ std=c++11 ;;
    tls.c) read -ra packages <<<"$name ${besides_pkgconfig[$name]}" ;;
    esac
    if [ "$kind" = shared ]; then
        flags=$(pkg --cflags --libs "${packages[@]}") || return
    else
        flags=$(pkg --static --cflags --libs "${packages[@]}") || return
        if [ "$name" = ktls-boringssl ]; then
            flags=${flags/-l$name/-l:lib$name.a}
        else
            static=(-static)
        fi
    fi
    read -ra all <<<"$flags"
    "$compiler" -std="$std" -Wall -Wextra -Wpedantic -Werror "${static[@]}" \
        -o "$work/pkgconfig-$name-$kind-$program" \
        "$source/$program" "${all[@]}"
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
                build_pkgconfig "$name" "$kind" "consumer.$language"
            try "cmake-$name-$kind/consumer_$language" \
                "$name, CMake, $kind, $language" "$name" "$kind"
            try "pkgconfig-$name-$kind-consumer.$language" \
                "$name, pkg-config, $kind, $language" "$name" "$kind"
        done
        [ "$name" = ktls-none ] || try_tls "$name" "$kind"
    done
    check "component ${component[$name]} has $name" \
        configure "component-$name" "ktls::$name" \
        -DKTLS_COMPONENTS="${component[$name]}"
}

# Programs with an SSL of their own.
try_tls() {
    local name=$1 kind=$2 tool program
    check "$name, pkg-config, $kind, with an SSL: builds" \
        build_pkgconfig "$name" "$kind" tls.c
    for tool in CMake pkg-config; do
        program=$work/pkgconfig-$name-$kind-tls.c
        [ $tool = pkg-config ] || program=$work/cmake-$name-$kind/tls
        same "$name, $tool, $kind: an SSL of its TLS library" \
            "${tls_library[$name]}" \
            "$(LD_LIBRARY_PATH="$lib" "$program" 2>&1)"
        [ "$name" != ktls-boringssl ] ||
            same "$name, $tool, $kind, with an SSL: loads BoringSSL" \
                "$boringssl" "$(loaded "$program")"
    done
}

# refuses WORDS COMMAND...: it fails, and says these words, however wrapped
refuses() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "$said"
        return 1
    fi
    [[ $(tr -s ' \n' ' ' <<<"$said") == *"$words"* ]] ||
        { echo "$said"; return 1; }
}

# Both kinds of each pair, so that no one of them has forgotten the property.
# Within generator expressions nothing but the property sees them.
try_mixture() {
    local one=$1 other=$2 a b
    for a in "$one" "$one-static"; do
        for b in "$other" "$other-static"; do
            check "CMake refuses $a with $b" refuses KTLS_BACKEND \
                configure "mix-$a-$b" "\$<1:ktls::$a>;\$<1:ktls::$b>"
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

# mixture INNER OUTER [ARGUMENT]...: a program on OUTER, and in it a library
# that is on INNER
mixture() {
    rm -rf "$work/mixture"
    cmake -G Ninja -S "$source/mixture" -B "$work/mixture" \
        -DCMAKE_PREFIX_PATH="$prefix" -DINNER="$1" -DOUTER="$2" "${@:3}"
}

# What the property does not know.
try_projects() {
    local one='one program has one of' kind a
    for a in ktls-boringssl ktls-boringssl-static; do
        check "CMake refuses $a with OpenSSL" \
            refuses "$one" mixture "" "ktls::$a;OpenSSL::SSL"
        check "CMake refuses OpenSSL, found before it, with $a" \
            refuses "$one" mixture "" "OpenSSL::Crypto;ktls::$a" -DTLS_FIRST=ON
    done
    check "CMake refuses ktls-boringssl with OpenSSL, told at the very end" \
        refuses "$one" mixture "" ktls::ktls-boringssl -DLATE=OpenSSL::SSL
    check "CMake refuses ktls with BoringSSL" \
        refuses "$one" mixture "" "ktls::ktls;BoringSSL::SSL"
    for a in ssl crypto; do
        check "CMake refuses ktls-boringssl with OpenSSL's lib$a.so" refuses \
            "$one" mixture "" "ktls::ktls-boringssl;$openssl/lib$a.so"
    done
    for kind in STATIC SHARED OBJECT; do
        check "CMake refuses ktls on a $kind library with ktls-boringssl" \
            refuses "$one" mixture ktls::ktls-boringssl ktls::ktls -DKIND=$kind
        check "CMake refuses OpenSSL on a $kind library with ktls-boringssl" \
            refuses "$one" mixture ktls::ktls-boringssl OpenSSL::SSL \
            -DKIND=$kind
        check "CMake takes ktls on a $kind library with OpenSSL" \
            mixture OpenSSL::SSL ktls::ktls -DKIND=$kind
    done
    check "CMake refuses OpenSSL with an archive's ktls-boringssl" \
        refuses "$one" mixture "" \
        "\$<LINK_ONLY:ktls::ktls-boringssl>;OpenSSL::SSL"
    check "CMake takes ktls-boringssl with a BoringSSL called OpenSSL" \
        mixture OpenSSL::SSL ktls::ktls-boringssl \
        -DOPENSSL_INCLUDE_DIR="$boringssl_headers" \
        -DOPENSSL_SSL_LIBRARY="$boringssl/libssl.so" \
        -DOPENSSL_CRYPTO_LIBRARY="$boringssl/libcrypto.so"
    check "CMake takes either, one at a time" mixture \
        "\$<IF:1,ktls::ktls,ktls::ktls-boringssl>" "ktls::ktls;OpenSSL::SSL"
    check "CMake takes OpenSSL with BoringSSL, where no ktls is" \
        mixture OpenSSL::SSL BoringSSL::SSL
    if [ -e "$lib/libktls-none.a" ]; then
        check "CMake takes ktls-none with OpenSSL" \
            mixture ktls::ktls-none OpenSSL::SSL
        check "CMake refuses ktls on a library with ktls-none" \
            refuses "$one" mixture ktls::ktls-none ktls::ktls
    fi
    check "without BoringSSL the other components are there" configure \
        no-boringssl ktls::ktls -DCMAKE_DISABLE_FIND_PACKAGE_BoringSSL=ON
    check "without BoringSSL its component is not" refuses "what it needs" \
        configure no-boringssl ktls::ktls-boringssl \
        -DKTLS_COMPONENTS=boringssl -DCMAKE_DISABLE_FIND_PACKAGE_BoringSSL=ON
}

# compile_headers COMPILER FLAG... -- HEADER...
compile_headers() {
    local compiler=$1
    local -a flags=(-I"$prefix/include")
    shift
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    printf '#include <%s>\n' "$@" | "$compiler" -fsyntax-only "${flags[@]}" -
}

# The headers of the other library, before ours and behind it.
try_headers() {
    local compiler boring=-I$boringssl_headers
    local ktls=ktls/ktls.h ssl=openssl/ssl.h
    for compiler in "gcc -xc" "g++ -xc++" "clang -xc"; do
        command -v "${compiler% *}" >/dev/null || continue
        local -a to=(compile_headers "${compiler% *}" "${compiler#* }")
        local with_openssl=(-DKTLS_LINKS_OPENSSL)
        local with_boring=(-DKTLS_LINKS_BORINGSSL)
        check "$compiler: ktls refuses BoringSSL's headers before it" \
            refuses "these are BoringSSL's" \
            "${to[@]}" "${with_openssl[@]}" "$boring" -- $ssl $ktls
        check "$compiler: ktls refuses BoringSSL's headers behind it" \
            refuses "poisoned" \
            "${to[@]}" "${with_openssl[@]}" "$boring" -- $ktls openssl/bio.h
        check "$compiler: ktls-boringssl refuses OpenSSL's headers before it" \
            refuses "these are OpenSSL's" \
            "${to[@]}" "${with_boring[@]}" -- $ssl $ktls
        check "$compiler: ktls-boringssl refuses OpenSSL's headers behind it" \
            refuses "poisoned" \
            "${to[@]}" "${with_boring[@]}" -- $ktls openssl/bio.h
        check "$compiler: ktls takes OpenSSL's headers" \
            "${to[@]}" -Werror "${with_openssl[@]}" -- $ssl $ktls $ssl
        check "$compiler: ktls takes OpenSSL's headers behind it" \
            "${to[@]}" -Werror "${with_openssl[@]}" -- $ktls $ssl $ktls
        check "$compiler: ktls-boringssl takes BoringSSL's headers" \
            "${to[@]}" -Werror "${with_boring[@]}" "$boring" -- $ssl $ktls
        check "$compiler: ktls-boringssl takes BoringSSL's headers behind it" \
            "${to[@]}" -Werror "${with_boring[@]}" "$boring" -- $ktls $ssl
    done
}

# All flags of ours come with folders in which a -lssl is BoringSSL's.
try_packages() {
    local packages flags
    local -a all=()
    for packages in "ktls-boringssl openssl" "openssl ktls-boringssl"; do
        # shellcheck disable=SC2086
        flags=$(pkg --cflags --libs $packages)
        read -ra all <<<"$flags"
        check "pkg-config $packages: builds" \
            gcc -o "$work/packages" "$source/tls.c" "${all[@]}"
        same "pkg-config $packages: an SSL of BoringSSL" BoringSSL \
            "$(LD_LIBRARY_PATH="$lib" "$work/packages" 2>&1)"
        same "pkg-config $packages: loads nothing but BoringSSL" "$boringssl" \
            "$(loaded "$work/packages")"
    done
}

# A process that binds the other library's functions: libssl's, libcrypto's,
# or both's.
try_bound() {
    local name=$1 folder=$2 one kind
    local both=$folder/libssl.so:$folder/libcrypto.so
    for kind in shared static; do
        # the static OpenSSL is not bound when it runs
        [ "$name-$kind" != ktls-static ] || continue
        for one in ${both/:/ } "$both"; do
            check "$name, $kind: ktls_prepare() sees ${one//$folder\//}" \
                env LD_PRELOAD="$one" LD_LIBRARY_PATH="$lib:$folder" \
                "$work/pkgconfig-$name-$kind-tls.c" foreign
        done
    done
}

# Nothing of ours told the compiler which libktls this will be.
bind_by_order() {
    gcc -o "$work/by-order" -DKTLS_LINKS_OPENSSL -I"$prefix/include" \
        "$source/tls.c" -lssl -lcrypto -L"$lib" -lktls-boringssl &&
        refuses "ktls_prepare: the TLS library failed" \
            env LD_LIBRARY_PATH="$lib" "$work/by-order"
}

# README.md's first program, as the whole of a function, and what it says of
# how it is built.
readme_program() {
    mkdir -p "$work/readme"
    {
        printf '#include <%s>\n' openssl/ssl.h ktls/ktls.h
        echo 'static long serve(int fd, int file, size_t size)'
        echo '{ struct ktls *k = NULL; char request[4096]; ssize_t n = 0;'
        sed -n '/^```c$/,/^```$/{/^```/d;p};/^```$/q' README.md
        echo 'return (long)n; }'
        echo 'int main(void) { return serve(-1, -1, 0) != 0; }'
    } >"$work/readme/server.c"
    {
        echo 'cmake_minimum_required(VERSION 3.22)'
        echo 'project(readme LANGUAGES C)'
        echo 'add_executable(server server.c)'
        sed -n '/^```cmake$/,/^```$/{/^```/d;p}' README.md
    } >"$work/readme/CMakeLists.txt"
    grep -q ktls_handoff "$work/readme/server.c" &&
        grep -q 'find_package(ktls' "$work/readme/CMakeLists.txt"
}

readme_by_cmake() {
    cmake -G Ninja -S "$work/readme" -B "$work/readme/build" \
        -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$work/readme/build" &&
        LD_LIBRARY_PATH="$lib" "$work/readme/build/server"
}

readme_by_pkgconfig() {
    local line
    line=$(grep '^cc -o server ' README.md) || return
    (cd "$work/readme" && export PKG_CONFIG_PATH="$lib/pkgconfig" &&
        bash -e -c "$line" && LD_LIBRARY_PATH="$lib" ./server)
}

check "installs below DESTDIR" install_moved
[ -d "$prefix" ] || { finish; exit 1; }
lib=$(dirname "$(find "$prefix" -name 'libktls*.a' -print -quit)")
mapfile -t names < <(cd "$lib" && printf '%s\n' libktls*.a |
    sed 's/^lib//; s/\.a$//')
boringssl=$(pkg --libs ktls-boringssl 2>/dev/null |
    sed -n 's/.*-rpath,\([^ ]*\).*/\1/p')
boringssl_headers=$(pkg --cflags-only-I ktls-boringssl 2>/dev/null |
    sed -n 's/.*-I\([^ ]*\).*/\1/p')
openssl=$(pkg --variable=libdir openssl)
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
check "a component that is not" refuses rustls configure lacks "ktls::ktls" \
    -DKTLS_COMPONENTS=rustls
check "no TLS library and BoringSSL is nothing to build" \
    refuses "needs KTLS_BACKEND=openssl" cmake -G Ninja -S . \
    -B "$work/contradiction" -DKTLS_BACKEND=none -DKTLS_BORINGSSL=ON
if [ -e "$lib/libktls.a" ]; then
    check "README.md has a first program" readme_program
    check "README.md's first program by its CMake lines" readme_by_cmake
    check "README.md's first program by its cc line" readme_by_pkgconfig
fi
if [ -e "$lib/libktls-boringssl.a" ]; then
    try_projects
    try_headers
    try_packages
    try_bound ktls "$boringssl"
    try_bound ktls-boringssl "$openssl"
    check "ktls_prepare() sees OpenSSL, bound before BoringSSL" bind_by_order
fi
finish
