#!/bin/bash
# shellcheck disable=SC2317 # functions are called by a kernel's name
# Runs a program inside one of the lab's kernels; its output and exit status
# come back as this script's own.
#
#   run.sh KERNEL [OPTION]... [--] PROGRAM [ARG...]
#
# KERNEL is uml-6.1, uml-7.2, qemu-6.1, qemu-6.12, qemu-7.2, or native (this
# host's own kernel).
#
#   --timeout SECONDS    give up after that time (600)
#   --env NAME=VALUE     set a variable in the guest; may be repeated. Passed
#                        on anyway: KTLS_* CK_* TERM {A,UB,L,T}SAN_OPTIONS
#   --mem SIZE           the guest's memory (2G)
#   --stat FILE          write the guest's /proc/net/tls_stat there; without
#                        it one line with what is not zero goes to stderr
#   --file HOST[:GUEST]  QEMU: add a file, with the libraries it needs. UML
#                        sees all of the host's files, and ignores this
#   --cpus N             QEMU: number of processors (2)
#   --icount             QEMU: one processor, time counts instructions
#
# Exit status: the program's (128+n when signal n ended it); 125 when the
# kernel panicked or warned, gave no status or took too long, or the lab
# itself failed; 77 for native when this kernel has no TLS.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$here/common.sh"
# shellcheck source=tests/lab/initramfs.sh
. "$here/initramfs.sh"
# shellcheck disable=SC2034
die_status=125

guest_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trouble='BUG:|WARNING:|Oops|Kernel panic|general protection|Call Trace:'
kernel="" timed_out="" timeout=600 mem=2G stat="" cpus=2 icount=""
env=() files=() program=()

usage() {
    sed -n '3,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"
}

parse() {
    [ $# -gt 0 ] || { usage >&2; exit 125; }
    case $1 in -h | --help) usage; exit 0 ;; esac
    kernel=$1
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --icount) icount=1; shift; continue ;;
        --) shift; break ;;
        -*) [ $# -gt 1 ] || die "$1 wants a value" ;;
        *) break ;;
        esac
        case $1 in
        --timeout) timeout=$2 ;;
        --env) env+=("$2") ;;
        --mem) mem=$2 ;;
        --stat) stat=$2 ;;
        --file) files+=("$2") ;;
        --cpus) cpus=$2 ;;
        *) die "no such option: $1" ;;
        esac
        shift 2
    done
    [ $# -gt 0 ] || die "no program to run"
    program=("$@")
}

# --- what the guest is told -----------------------------------------------

# 'quoted' for any shell
quote() {
    local word separator=""
    for word; do
        printf "%s'%s'" "$separator" "${word//\'/\'\\\'\'}"
        separator=' '
    done
}

passed_env() {
    local name
    for name in $(compgen -e); do
        case $name in
        KTLS_* | CK_* | TERM | ASAN_OPTIONS | UBSAN_OPTIONS | \
            LSAN_OPTIONS | TSAN_OPTIONS)
            printf '%s\0' "$name=${!name}" ;;
        esac
    done
}

write_command() {
    local -a passed
    mapfile -d '' passed < <(passed_env)
    {
        printf 'cd %s || exit 125\n' "$(quote "$PWD")"
        printf 'exec %s\n' "$(quote "$guest_busybox" env -i \
            PATH="$guest_path" HOME=/run/lab TMPDIR=/run/lab \
            KTLS_LAB_KERNEL="$kernel" "${passed[@]}" "${env[@]}" \
            "${program[@]}")"
    } >"$1/command"
}

write_guest() {
    local dir=$1
    {
        echo "#!$guest_busybox sh"
        cat "$here/init.sh"
    } >"$dir/init"
    printf '#!%s sh\nexec %s modprobe "$@"\n' \
        "$guest_busybox" "$guest_busybox" >"$dir/modprobe"
    chmod +x "$dir/init" "$dir/modprobe"
    write_command "$dir"
}

setup_uml() {
    guest_busybox=$(readlink -f "$(command -v busybox)") ||
        die "busybox is missing (see fetch.sh)"
    write_guest "$run"
    {
        echo "kind=uml busybox=$guest_busybox"
        echo "out=/dev/ttyS0 err=/dev/ttyS1"
        echo "modules=$(quote "$lab_dir/$kernel/modules")"
        echo "status_to=$run/status stat_to=$run/stat dmesg_to=$run/dmesg"
    } >"$run/setup"
}

# --- starting a kernel ----------------------------------------------------

# UML's memory is a file that is mapped executable: containers often have a
# /dev/shm that is too small or forbids that.
memory_dir() {
    local size free
    size=$(numfmt --from=iec "${mem%B}") || die "bad size: $mem"
    free=$(df --output=avail -B1 /dev/shm 2>/dev/null | tail -n 1) || free=0
    if [ "$free" -ge "$size" ] && [ -w /dev/shm ] &&
        ! grep -q '^[^ ]* /dev/shm [^ ]* [^ ]*noexec' /proc/mounts; then
        echo /dev/shm
    else
        echo "$run"
    fi
}

start_uml() {
    setup_uml
    local tmp
    tmp=$(memory_dir)
    # descriptors that are not pipes may be shared with our caller, and UML
    # makes what it is given nonblocking: hence the fifos
    TMPDIR=$tmp HOME=$run setsid \
        "$lab_dir/$kernel/linux" "mem=$mem" rootfstype=hostfs rootflags=/ \
        rw "init=$run/init" con=null con0=null,fd:1 ssl=null \
        ssl0=null,fd:3 ssl1=null,fd:4 log_buf_len=1M quiet \
        </dev/null >"$run/console" 2>&1 3>"$run/out" 4>"$run/err" &
    vm=$!
}

# --- bringing the results back --------------------------------------------

finish() {
    trap - INT TERM HUP
    [ -z "${vm:-}" ] || kill -KILL -- "-$vm" 2>/dev/null || true
    rm -rf "$run"
}

lab_failed() {
    say "$kernel: $*; from its log:"
    {
        grep -E "$trouble" "$run/console" | head -n 5 || true
        tail -n 25 "$run/console"
    } 2>/dev/null | tr -d '\r' | sed 's/^/lab| /' >&2 || true
    exit 125
}

show_stat() {
    if [ -n "$stat" ]; then
        cat "$1" >"$stat" 2>/dev/null || die "cannot write $stat"
        return
    fi
    awk -v kernel="$kernel" '$2 != 0 { line = line " " $1 "=" $2 }
        END { if (line) print "lab: " kernel ":" line }' "$1" \
        2>/dev/null >&2 || true
}

results() {
    local status
    status=$(cat "$run/status" 2>/dev/null) || status=""
    if [ -z "$status" ]; then
        [ -z "$timed_out" ] ||
            lab_failed "no end after $timeout seconds"
        lab_failed "ended without a status (a panic?)"
    fi
    show_stat "$run/stat"
    if grep -qE "$trouble" "$run/dmesg"; then
        cp "$run/dmesg" "$run/console"
        lab_failed "the kernel complained (program's status $status)"
    fi
    exit "$status"
}

# UML leaves the process group that timeout(1) would kill, and its helper
# processes outlive it: so it leads a group of its own that is ended here.
wait_for_vm() {
    local watch
    sleep "$timeout" >/dev/null 2>&1 &
    watch=$!
    { wait -n "$vm" "$watch" || true; } 2>/dev/null
    kill -0 "$watch" 2>/dev/null || timed_out=1
    kill -KILL -- "-$vm" 2>/dev/null || true
    kill "$watch" 2>/dev/null || true
    { wait "$vm" "$watch" || true; } 2>/dev/null
}

run_guest() {
    local readers
    kernel_release "$kernel" >/dev/null ||
        die "kernel $kernel is not in $lab_dir;" \
            "get it with: $here/fetch.sh $kernel"
    run=$(mktemp -d "${TMPDIR:-/tmp}/ktls-lab.XXXXXX")
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkfifo "$run/out" "$run/err"
    cat "$run/out" &
    readers=$!
    cat "$run/err" >&2 &
    readers="$readers $!"
    "start_${kernel%%-*}"
    wait_for_vm
    # shellcheck disable=SC2086
    wait $readers || true
    results
}

run_native() {
    local status=0
    host_has_tls || {
        say "native: this kernel has no TLS (as root, try: modprobe tls)"
        exit 77
    }
    SECONDS=0
    env KTLS_LAB_KERNEL=native "${env[@]}" \
        timeout -s KILL "$timeout" "${program[@]}" </dev/null || status=$?
    show_stat /proc/net/tls_stat
    [ "$status" != 137 ] || [ "$SECONDS" -lt "$timeout" ] ||
        die "native: no end after $timeout seconds"
    exit "$status"
}

parse "$@"
case $kernel in
native) run_native ;;
uml-6.1 | uml-7.2 | qemu-6.1 | qemu-6.12 | qemu-7.2) run_guest ;;
*) die "no such kernel: $kernel" \
    "(known: ${lab_kernels[*]} ${lab_more[*]} native)" ;;
esac
