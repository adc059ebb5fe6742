#!/bin/bash
# The kernel's half of the benchmark: what a byte costs on kernel TLS and
# beside it, in executed instructions (program and kernel together), inside
# Debian's stock kernels under QEMU.  The medians repeat to some 0.1 % on any
# machine, whatever else it does; they say nothing of caches or memory.
#
#   run.sh [--json FILE] [--kernels "6.1 6.12 7.2"] [--quick] [--strict]
#
#   --json FILE     everything for programs
#   --kernels LIST  these alone
#   --quick         AES-128-GCM, the calls that matter most, two sizes
#   --strict        exit status 1 where a goal falls short
#
# Fetches the kernels first (tests/lab/fetch.sh).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../tests/lab
called=$PWD
build=$(cd "$here/../.." && pwd)/build/bench-kernel
json="" kernels="6.1 6.12 7.2" quick="" strict=""
command="./bench/kernel/run.sh $*"

usage() {
    sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"
}

options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --json | --kernels) [ $# -gt 1 ] || { usage >&2; exit 2; } ;;
        esac
        case $1 in
        --json) json=$2; shift ;;
        --kernels) kernels=$2; shift ;;
        --quick) quick=--quick ;;
        --strict) strict=1 ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
        esac
        shift
    done
    [ -z "$json" ] || [ "${json#/}" != "$json" ] || json=$called/$json
}

build() {
    mkdir -p "$build"
    if ! {
        cmake -G Ninja -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" &&
            cmake --build "$build" --target kbench
    } >"$build/build.log" 2>&1; then
        tail -n 20 "$build/build.log" >&2
        echo "bench/kernel/run.sh: see $build/build.log" >&2
        exit 1
    fi
}

# QEMU 7.2 forgets the flags behind a cmpxchg16b: an interrupt just there,
# which is rare, ends a guest with a double fault.  The same would happen in
# each run that is the same, so the next one has its interrupts elsewhere.
run_kernel() {
    local kernel=$1 try status
    for try in 0 1 2 3; do
        status=0
        "$lab/run.sh" "qemu-$kernel" --icount --mem 512M --timeout 1800 \
            --stat "$build/$kernel.stat" --file "$build/kbench" -- \
            "$here/guest.sh" $((try * 1237)) "$build/kbench" \
            ${quick:+"$quick"} >"$build/$kernel.counts" \
            2>"$build/$kernel.said" || status=$?
        grep -q 'double fault' "$build/$kernel.said" || return $status
    done
    return $status
}

# The kernels run side by side: nothing that the host does changes a count.
measure() {
    local kernel failed=0 jobs=()
    for kernel in $kernels; do
        run_kernel "$kernel" &
        jobs+=("$kernel:$!")
    done
    for kernel in "${jobs[@]}"; do
        wait "${kernel#*:}" && continue
        cat "$build/${kernel%%:*}.said" >&2
        failed=1
    done
    [ $failed = 0 ] || exit 1
}

release() {
    "$lab/fetch.sh" --list | awk -v kernel="qemu-$1" '$1 == kernel {
        print $2 }'
}

# All counts, behind the name of their kernel.
counts() {
    local kernel
    for kernel in $kernels; do
        sed "s/^/$kernel	/" "$build/$kernel.counts"
    done
}

describe() {
    local kernel
    for kernel in $kernels; do
        echo "kernel:  $kernel is $(release "$kernel")"
    done
    echo "OpenSSL: $(openssl version)"
    echo "QEMU:    $(qemu-system-x86_64 --version | head -n 1)"
    echo "method:  instructions per byte; -icount shift=0, one processor," \
        "no ERMS"
}

machine_json() {
    local kernel comma=""
    printf ' "machine": {"qemu": "%s", "kernels": {' \
        "$(qemu-system-x86_64 --version | head -n 1)"
    for kernel in $kernels; do
        printf '%s"%s": "%s"' "$comma" "$kernel" "$(release "$kernel")"
        comma=", "
    done
    printf '}},\n "versions": {"openssl": "%s"},\n' "$(openssl version)"
}

write_json() {
    {
        printf '{\n "command": ["%s"],\n' "${command//\"/\\\"}"
        machine_json
        counts | awk -f "$here/judge.awk" -v format=json
        echo "}"
    } >"$json"
}

main() {
    local names=() kernel status=0
    options "$@"
    for kernel in $kernels; do
        names+=("qemu-$kernel")
    done
    "$lab/fetch.sh" "${names[@]}"
    build
    measure
    describe
    counts | awk -f "$here/judge.awk" -v format=table || status=$?
    [ -z "$json" ] || write_json
    [ -z "$strict" ] || exit $status
}

main "$@"
