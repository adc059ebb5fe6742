# shellcheck shell=bash
# Shared by the lab's scripts: where kernels are cached and how to complain.

lab_dir=${KTLS_LAB_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libktls-lab}
# shellcheck disable=SC2034
lab_kernels=(uml-6.1 uml-7.2 qemu-6.1)
# More of the same for measurements; the tests do without.
# shellcheck disable=SC2034
lab_more=(qemu-6.12 qemu-7.2)

say() {
    echo "lab: $*" >&2
}

die() {
    echo "lab: error: $*" >&2
    exit "${die_status:-1}"
}

# The release of a cached kernel, e.g. 6.1.176; fails when it is not cached.
# The stamp is written last, so what has one is whole.
kernel_release() {
    [ -s "$lab_dir/$1/stamp" ] && sed -n 's/^release=//p' "$lab_dir/$1/stamp"
}

host_has_tls() {
    local list=/proc/sys/net/ipv4/tcp_available_ulp
    grep -qw tls "$list" 2>/dev/null
}
