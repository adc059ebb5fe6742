#!/bin/bash
# Runs a program that was built with this host's OpenSSL with another release
# of it; openssl in its PATH is that release's too.
#
#   run.sh RELEASE [--host-peers] [--kernel KERNEL] [--timeout SECONDS]
#          PROGRAM [ARG...]
#
# RELEASE is openssl-3.5 or openssl-3.6, which fetch.sh brings.
#
#   --host-peers       openssl in the PATH stays this host's
#   --kernel KERNEL    in one of the lab's kernels
#   --timeout SECONDS  for the lab (600)
set -euo pipefail

# shellcheck source=tests/openssl/release.sh
. "$(cd "$(dirname "$0")" && pwd)/release.sh"

usage() {
    sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"
}

[ $# -gt 1 ] || { usage >&2; exit 2; }
release=$1
shift
describe_release "$release"
[ -s "$lab_dir/$release/stamp" ] ||
    die "$release is not in $lab_dir; get it with: $here/fetch.sh $release"

bin=$lab_dir/$release/bin
kernel="" timeout=600 peers=$bin:
while [ $# -gt 0 ]; do
    case $1 in
    --host-peers) peers="" ;;
    --kernel) kernel=$2; shift ;;
    --timeout) timeout=$2; shift ;;
    -*) die "no such option: $1" ;;
    *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || die "no program to run"

# This host's configuration and modules are for another libcrypto.
root=$lab_dir/$release/root
set -- env PATH="$peers$PATH" OPENSSL_CONF="$root/etc/ssl/openssl.cnf" \
    OPENSSL_MODULES="$(release_libraries "$release")/ossl-modules" \
    "$(release_loader "$release")" \
    --library-path "$(release_libraries "$release")" "$@"
if [ -n "$kernel" ]; then
    exec "$here/../lab/run.sh" "$kernel" --timeout "$timeout" -- "$@"
fi
exec "$@"
