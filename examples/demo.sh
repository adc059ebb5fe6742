#!/bin/bash
# Shows libktls at work: builds it, serves a 256 MiB file with the example
# file_server, fetches it with curl, compares, and tells who encrypted.  On a
# machine without kernel TLS it does so here first, then once more inside a
# kernel that has it (User-Mode Linux: an ordinary process, no root needed
# for it).  Exit status 0: all hashes agree, and the kernel encrypted where
# there is kernel TLS.
#
#   demo.sh [--no-install]
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build/demo
file=$build/root/256MiB.bin
size=$((256 * 1024 * 1024))
server_pid=""

say() {
    printf '\n=== %s\n' "$*"
}

die() {
    echo "demo: $*" >&2
    exit 1
}

host_has_tls() {
    grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null
}

build_all() {
    cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DKTLS_BUILD_TESTS=OFF >"$build.log" 2>&1 &&
        cmake --build "$build" >>"$build.log" 2>&1 || {
        tail -n 30 "$build.log" >&2
        die "the build failed: all of it is in $build.log"
    }
}

# The hash is kept beside the file, so that the lab has it too.
make_file() {
    mkdir -p "${file%/*}"
    [ "$(stat -c %s "$file" 2>/dev/null || true)" = "$size" ] ||
        openssl rand -out "$file" "$size"
    sha256sum <"$file" >"$build/expected"
}

stop_server() {
    [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
}

# Starts the server; its output comes through a pipe, of which this reads as
# far as the line that says where it listens, and sets address.
start_server() {
    local line
    coproc SERVER {
        exec "$build/examples/file_server" --root "${file%/*}" --port 0 \
            -v 2>&1
    }
    server_pid=$SERVER_PID
    exec {log}<&"${SERVER[0]}"
    address=""
    while [ -z "$address" ] && IFS= read -r line <&"$log"; do
        echo "    server: $line"
        case $line in
        "listening on "*) address=${line#listening on } ;;
        esac
    done
    [ -n "$address" ] || die "the server did not start"
}

# What the server said since, to its end.
server_lines() {
    kill "$server_pid"
    cat <&"$log"
    wait "$server_pid" 2>/dev/null || true
    server_pid=""
}

# Fetches once; sets path, and fails where a byte differs.
fetch() {
    local seconds lines url
    trap stop_server EXIT
    start_server
    url=https://$address/${file##*/}
    say "curl $url"
    curl --silent --show-error --insecure --noproxy '*' \
        --write-out '%{stderr}%{time_total}' "$url" \
        2>"$work/seconds" | sha256sum >"$work/got" ||
        die "curl failed: $(cat "$work/seconds")"
    seconds=$(cat "$work/seconds")
    lines=$(server_lines)
    echo "$lines" | sed 's/^/    server: /'
    cmp -s "$work/got" "$build/expected" || die "the hashes differ"
    path=$(echo "$lines" |
        sed -n 's/^conn .* tx \([a-z]*\).*/\1/p' | head -n 1)
    [ -n "$path" ] || die "the server named no path"
    echo "    sha256 equal: $(cut -c 1-64 "$work/got")"
    awk -v path="$path" -v bytes="$size" -v seconds="$seconds" 'BEGIN {
        printf "    path: %s, %.0f MB/s\n", path, bytes / seconds / 1e6 }'
}

inside() {
    say "inside Linux $(uname -r)"
    fetch
    echo "    (User-Mode Linux: it shows what happens, not how fast)"
    [ "$path" = kernel ] || die "the kernel did not encrypt here"
}

in_lab() {
    local kernel
    for kernel in uml-7.2 uml-6.1; do
        "$top/tests/lab/fetch.sh" "$kernel" || continue
        "$top/tests/lab/run.sh" "$kernel" --timeout 600 -- \
            "$top/examples/demo.sh" --inside
        return
    done
    die "no kernel for the lab could be had"
}

main() {
    work=$(mktemp -d)
    if [ "${1:-}" = --inside ]; then
        inside
        return
    fi
    if [ "${1:-}" != --no-install ]; then
        say "installing what is missing"
        KTLS_NO_QEMU=1 "$top/tests/install.sh" build lab
    fi
    say "building libktls and its examples"
    mkdir -p "$top/build"
    build_all
    make_file
    say "on this machine, Linux $(uname -r)"
    fetch
    if host_has_tls; then
        [ "$path" = kernel ] || die "this kernel has TLS, yet did not encrypt"
    elif [ "$path" != kernel ]; then
        say "this kernel has no TLS; now the same in one that has"
        in_lab
    fi
    say "done: every byte arrived"
}

main "$@"
