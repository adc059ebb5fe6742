#!/bin/bash
# Checks the lab itself, in each kernel that is cached (or those named):
# that status, output and trouble come back as what they are.
#
#   selftest.sh [KERNEL]...
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$here/common.sh"

dir=$(mktemp -d "${TMPDIR:-/tmp}/ktls-selftest.XXXXXX")
trap 'rm -rf "$dir"' EXIT

write_program() {
    cat >"$dir/ulp.c" <<'END'
/* One record through the kernel's TLS over loopback TCP. */
#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    struct tls12_crypto_info_aes_gcm_128 key = {
        .info = { TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128 } };
    socklen_t len = sizeof(addr);
    char record[100];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int server;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, len) ||
        listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&addr, &len) ||
        connect(client, (struct sockaddr *)&addr, len) ||
        (server = accept(listener, NULL, NULL)) < 0) {
        perror("loopback");
        return 1;
    }
    if (setsockopt(client, IPPROTO_TCP, 31 /* TCP_ULP */, "tls", 4)) {
        perror("TCP_ULP");
        return 2;
    }
    if (setsockopt(client, 282 /* SOL_TLS */, TLS_TX, &key, sizeof(key))) {
        perror("TLS_TX");
        return 3;
    }
    /* header 5, content type 1, tag 16 */
    return write(client, "hello", 5) == 5 &&
           read(server, record, sizeof(record)) == 5 + 5 + 1 + 16 ? 0 : 4;
}
END
    ${CC:-cc} -o "$dir/ulp" "$dir/ulp.c" || die "cannot compile"
    head -c 1000000 /dev/urandom >"$dir/bytes"
    head -c 1000 /dev/zero >>"$dir/bytes"
}

# expect STATUS [OPTION]... -- COMMAND...: runs it in $kernel
expect() {
    local want=$1 status=0
    shift
    "$here/run.sh" "$kernel" --timeout 300 "$@" >"$out" 2>"$err" || status=$?
    [ "$status" = "$want" ] && return
    cat "$err" >&2
    die "$kernel: $*: status $status in place of $want"
}

said() {
    grep -qe "$2" "$1" || {
        cat "$1" >&2
        die "$kernel: \"$2\" expected"
    }
}

check_results() {
    expect 0 --stat "$stat" -- "$dir/ulp"
    said "$stat" 'TlsTxSw[[:space:]]*1'
    # shellcheck disable=SC2016
    expect 7 --env "A=b  'c'" -- \
        sh -c 'echo "$A|$1|$PWD|$KTLS_X"; echo no >&2; exit 7' sh 'x  "y'
    said "$out" "^b  'c'|x  \"y|$PWD|passed\$"
    said "$err" '^no$'
    expect 137 -- sh -c 'kill -9 $$'
    expect 127 -- "$dir/nonesuch"
}

check_output() {
    expect 0 --file "$dir/bytes" -- cat "$dir/bytes"
    cmp "$dir/bytes" "$out" || die "$kernel: output differs"
    # what a program leaves behind does not keep the kernel from ending
    expect 0 -- sh -c 'sleep 1000 & echo bye'
    said "$out" '^bye$'
}

check_trouble() {
    local limit
    expect 125 -- sh -c 'echo c >/proc/sysrq-trigger'
    said "$err" 'Kernel panic'
    expect 125 -- sh -c 'echo "<4>WARNING: selftest" >/dev/kmsg'
    said "$err" 'the kernel complained'
    # on a busy machine it may still be booting by then
    for limit in 15 120; do
        expect 125 --timeout "$limit" -- sh -c 'echo before; sleep 1000'
        said "$err" "no end after $limit seconds"
        ! grep -q '^before$' "$out" || break
    done
    said "$out" '^before$'
}

check_kernel() {
    local kernel=$1 out=$dir/$1.out err=$dir/$1.err stat=$dir/$1.stat
    check_results
    check_output
    check_trouble
    echo "$kernel $(kernel_release "$kernel"): pass"
}

# these need no kernel
check_words() {
    local kernel=uml-6.1 out=$dir/out err=$dir/err
    KTLS_LAB_DIR=$dir/none expect 125 -- true
    said "$err" "not in $dir/none"
    kernel=no-such expect 125 -- true
    said "$err" 'known: uml-6.1'
    kernel=native
    host_has_tls || expect 77 -- true
    ! host_has_tls || expect 5 -- sh -c 'exit 5'
}

main() {
    local kernels=("$@") kernel jobs=() failed=0
    [ $# -gt 0 ] || mapfile -t kernels < \
        <("$here/kernels.sh" | sed '/^native/d; s/ .*//')
    [ ${#kernels[@]} -gt 0 ] || die "no kernel is cached, run fetch.sh"
    write_program
    export KTLS_X=passed
    check_words
    # side by side, which shows as well that runs do not disturb each other
    for kernel in "${kernels[@]}"; do
        check_kernel "$kernel" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job" || failed=1
    done
    exit "$failed"
}

main "$@"
