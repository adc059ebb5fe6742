# shellcheck shell=sh disable=SC1091,SC2154,SC2016,SC3045
# Process 1 of every lab kernel (busybox sh). run.sh puts the first line and
# three files beside the copy of this script: "setup" (variables), "command"
# (what to run) and "modprobe" (what the kernel calls to load a module).
# Results go to the paths that setup names: host files under UML, ports of a
# virtio console under QEMU.
dir=${0%/*}
. "$dir/setup"

bb() {
    "$busybox" "$@"
}

mounts() {
    bb mount -t proc proc /proc
    bb mount -t sysfs sysfs /sys
    bb grep -q ' /dev devtmpfs' /proc/mounts || bb mount -t devtmpfs dev /dev
    bb mkdir -p /dev/pts /dev/shm
    bb mount -t devpts devpts /dev/pts
    bb mount -t tmpfs tmpfs /dev/shm
    bb mount -t tmpfs tmpfs /run
    bb mkdir -p /run/lab /run/lock
    bb chmod 1777 /run/lab /run/lock /dev/shm
    bb ln -sf /proc/self/fd /dev/fd
    bb ln -sf /proc/self/fd/0 /dev/stdin
    bb ln -sf /proc/self/fd/1 /dev/stdout
    bb ln -sf /proc/self/fd/2 /dev/stderr
}

# From here on the kernel loads tls and its ciphers by itself, as it would
# on any machine. What the host's modprobe.d forbids is not our business.
modules() {
    echo "$dir/modprobe" >/proc/sys/kernel/modprobe
    [ ! -d /etc/modprobe.d ] || bb mount -t tmpfs tmpfs /etc/modprobe.d
    [ "$kind" = uml ] || return
    bb mkdir -p /lib/modules
    bb mount -t hostfs none /lib/modules -o "$modules"
}

# QEMU's ports are named by what they are for. Each appears when the host has
# announced it, which can be later than its module.
ports() {
    bb modprobe virtio_pci
    bb modprobe virtio_console
    bb mkdir /run/port
    for port in out err status stat dmesg; do
        tries=0
        until link_port "$port" || [ $tries = 500 ]; do
            tries=$((tries + 1))
            bb usleep 20000
        done
    done
}

link_port() {
    name=$(bb grep -lx "$1" /sys/class/virtio-ports/*/name 2>/dev/null)
    [ -n "$name" ] || return
    name=${name%/name}
    [ -c "/dev/${name##*/}" ] && bb ln -s "/dev/${name##*/}" "/run/port/$1"
}

# Descriptors 3 and 4 stay open, so a line never forgets that it is raw.
outputs() {
    exec 3>"$out" 4>"$err" || return
    [ "$kind" != uml ] || bb stty -F "$out" raw
    [ "$kind" != uml ] || bb stty -F "$err" raw
}

# The program writes to pipes, as it does in any test run. Processes that it
# leaves behind are killed: they would keep the pipes open for ever.
run() {
    bb mkfifo /run/.out /run/.err
    bb cat /run/.out >&3 &
    cats=$!
    bb cat /run/.err >&4 &
    cats="$cats $!"
    bb setsid "$busybox" sh "$dir/command" \
        </dev/null >/run/.out 2>/run/.err 3>&- 4>&-
    status=$?
    while left_over; do
        :
    done
    wait
}

left_over() {
    found=1
    for proc in /proc/[0-9]*; do
        pid=${proc#/proc/}
        case " 1 $cats " in *" $pid "*) continue ;; esac
        bb readlink "$proc/exe" >/dev/null 2>&1 || continue
        kill -9 "$pid" 2>/dev/null && found=0
    done
    return $found
}

report() {
    bb dmesg | bb sed -n '/lab: the program starts/,$p' >"$dmesg_to"
    bb cat /proc/net/tls_stat >"$stat_to" 2>/dev/null
    # stty waits until everything is sent
    [ "$kind" != uml ] || bb stty -F "$out" raw
    [ "$kind" != uml ] || bb stty -F "$err" raw
    echo "$status" >"$status_to"
}

mounts
modules
[ "$kind" != qemu ] || ports
bb ip link set lo up
ulimit -n 65536
if outputs; then
    echo 'lab: the program starts' >/dev/kmsg
    run
    report
fi
bb sync
bb poweroff -f
