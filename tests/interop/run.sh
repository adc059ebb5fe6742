#!/bin/bash
# The example programs end to end: stock clients fetch files over every
# suite, and peers misbehave.  A line per case, then "N passed, N failed".
#
#   run.sh [--build DIR] [--backend openssl|boringssl]
#          [--expect kernel|library]
#
#   --build DIR   holds examples/ with the built programs (build/gcc)
#   --backend B   whose TLS library they were built with (openssl)
#   --expect PATH what the connections have to use; without it, whatever
#                 this kernel offers.  "kernel" also wants its counters moved
#
# In a kernel of the lab:
#   tests/lab/run.sh uml-7.2 -- tests/interop/run.sh --expect kernel
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
# shellcheck source=tests/interop/server.sh
. "$here/server.sh"
# shellcheck source=tests/interop/clients.sh
. "$here/clients.sh"
# shellcheck source=tests/interop/programs.sh
. "$here/programs.sh"
# shellcheck source=tests/interop/http.sh
. "$here/http.sh"
# shellcheck source=tests/interop/bad_input.sh
. "$here/bad_input.sh"

build=$here/../../build/gcc backend=openssl expect=""

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    --backend) backend=$2; shift ;;
    --expect) expect=$2; shift ;;
    *) sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
build=$(cd "$build" && pwd) || exit 2
case $backend in
openssl) bin=$build/examples ;;
boringssl) bin=$build/examples/boringssl ;;
*) echo "no such backend: $backend" >&2; exit 2 ;;
esac
[ -x "$bin/file_server" ] ||
    { echo "not built with $backend: $bin" >&2; exit 2; }

# ktls_probe is checked by itself; here it only chooses.
[ -n "$expect" ] ||
    { "$bin/ktls_probe" >/dev/null && expect=kernel || expect=library; }
case $expect in
kernel) both="tx kernel, rx kernel$" ;;
library) both="tx (library|userspace) \(.*, rx (library|userspace) \(" ;;
*) echo "no such path: $expect" >&2; exit 2 ;;
esac

work=$(mktemp -d) || exit 2
trap 'stop_all; rm -rf "$work"' EXIT
export HOME=$work
root=$work/root

make_files() {
    local size
    mkdir -p "$root/sub" "$root/a <b>&'x" || return
    for size in 0 1 16383 16384 16385 1048576 33554432; do
        head -c "$size" /dev/urandom >"$root/f$size" || return
    done
    echo index >"$root/sub/index.html"
    echo secret >"$work/secret"
    ln -s ../secret "$root/out"
    ln -s "$work/secret" "$root/absolute"
    ln -s f1 "$root/inside"
    ln -s .. "$root/up"
    mkfifo "$root/fifo"
    (cd "$root" && sha256sum f*[0-9]) >"$work/sums"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$work/key.pem" -out "$work/cert.pem"
}

make_peers() {
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 "$here/bad_peer.c" \
        -o "$work/bad_peer" -lssl -lcrypto &&
        "${CC:-cc}" -shared -fPIC "$here/buffered_stdout.c" \
            -o "$work/buffered_stdout.so"
}

try "test files" make_files
try "a certificate" make_certificate
try "the peers are built" make_peers
bad_peer=$work/bad_peer

programs_alone
counters_start
downloads
http_rules
modes
fetch_program
echo_program
counters_end
bad_input

finish
