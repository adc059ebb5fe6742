#!/bin/bash
# Prints the kernels that run.sh can use now, one per line with its release,
# e.g. "uml-6.1 6.1.176"; "native" is this host's, when it has TLS.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$here/common.sh"

usable() {
    [ "$(uname -m)" = x86_64 ] && command -v busybox >/dev/null || return 1
    case $1 in
    qemu-*) command -v qemu-system-x86_64 >/dev/null ;;
    esac
}

for kernel in "${lab_kernels[@]}" "${lab_more[@]}"; do
    if release=$(kernel_release "$kernel") && usable "$kernel"; then
        echo "$kernel $release"
    fi
done
if host_has_tls; then
    echo "native $(uname -r)"
fi
