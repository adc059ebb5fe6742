# shellcheck shell=bash
# Shared by the scripts of this folder: the OpenSSL releases of other Debian
# suites, and where they are cached.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$here/../lab/common.sh"

# shellcheck disable=SC2034
releases=(openssl-3.5 openssl-3.6)

# sets suite for release $1: sid's may be newer than its name
describe_release() {
    # shellcheck disable=SC2034
    case $1 in
    openssl-3.5) suite=trixie ;;
    openssl-3.6) suite=sid ;;
    *) die "no such release: $1 (known: ${releases[*]})" ;;
    esac
}

# The release's own loader runs everything with its own C library: it is
# newer than the host's.
release_loader() {
    echo "$lab_dir/$1/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
}

release_libraries() {
    echo "$lab_dir/$1/root/usr/lib/x86_64-linux-gnu"
}
