# shellcheck shell=bash disable=SC2154,SC2034
# run.sh's QEMU part: a root file system in memory with busybox, the modules,
# the program and what it needs, and the virtual machine that boots it.

# add_file HOST [GUEST]: copies a file to the same path in the guest; for a
# program also the shared libraries, for a script also its interpreter.
add_file() {
    local host guest library
    host=$1 guest=${2:-$(realpath -s "$1")}
    [ -e "$host" ] || die "no such file: $host"
    # a link that is there is one of busybox's applets: replace it
    [ ! -e "$root$guest" ] || [ -L "$root$guest" ] || return 0
    mkdir -p "$root${guest%/*}"
    cp -rL --remove-destination "$host" "$root$guest"
    [ -f "$host" ] || return 0
    case $(head -c 4 "$host" | tr -d '\0') in
    $'\177ELF') ;;
    '#!'*) add_interpreter "$host"; return ;;
    *) return ;;
    esac
    # "not a dynamic executable" is an answer too
    for library in $(ldd "$host" 2>/dev/null |
        sed -nE 's/^(.*=>)?[[:space:]]*(\/[^ ]*) \(0x.*/\2/p'); do
        add_file "$library"
    done
}

# /bin/sh and env are busybox in the guest
add_interpreter() {
    local word
    read -r word _ <"$1"
    word=${word#'#!'}
    word=${word# }
    case $word in
    "" | /bin/sh | /usr/bin/env) ;;
    *) add_file "$word" ;;
    esac
}

find_program() {
    local path
    path=$(command -v "${program[0]}") || true
    case $path in
    /*) program[0]=$path ;;
    */*) program[0]=$PWD/$path ;;
    *) # a shell builtin, or something that only busybox has
        path=$(type -P "${program[0]}") && program[0]=$path ||
            return 0 ;;
    esac
    # busybox's applets are there already
    [ "$(readlink -f "${program[0]}")" = "$(readlink -f /bin/busybox)" ] ||
        add_file "${program[0]}"
}

base_files() {
    mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,run,tmp,etc,lab}
    mkdir -p "$root$PWD" "$root/root"
    cp "$(readlink -f "$(command -v busybox)")" "$root/lab/busybox"
    "$root/lab/busybox" --list-full | while read -r applet; do
        ln -s /lab/busybox "$root/$applet" 2>/dev/null || true
    done
    [ -L "$root/bin/sh" ] || ln -s /lab/busybox "$root/bin/sh"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    [ ! -f /etc/ssl/openssl.cnf ] || add_file /etc/ssl/openssl.cnf
}

write_initramfs() {
    local root=$run/root spec guest_busybox=/lab/busybox
    base_files
    find_program
    for spec in ${files[@]+"${files[@]}"}; do
        case $spec in
        *:*) add_file "${spec%%:*}" "${spec#*:}" ;;
        *) add_file "$spec" ;;
        esac
    done
    write_guest "$root/lab"
    {
        echo "kind=qemu busybox=$guest_busybox"
        echo "out=/run/port/out err=/run/port/err"
        echo "status_to=/run/port/status stat_to=/run/port/stat"
        echo "dmesg_to=/run/port/dmesg"
    } >"$root/lab/setup"
    # the kernel unpacks archives that follow one another
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) |
        cat "$lab_dir/$kernel/modules.cpio" - >"$run/initrd"
    rm -rf "$root"
}

# Machine options; with --icount the guest's clock counts instructions, for
# which ERMS is off (each byte of a rep movsb would count as one).  Otherwise
# CX16 is: an interrupt right behind a cmpxchg16b finds wrong flags in QEMU 7.2
# and can end the guest with a double fault.  Without it the kernel does the
# same in some instructions more.
machine() {
    if [ -n "$icount" ]; then
        echo -accel tcg,thread=single -icount shift=0,sleep=off -smp 1 \
            -cpu max,-erms,-fsrm -seed 1 -rtc clock=vm
    else
        echo -accel tcg,thread=multi -smp "$cpus" -cpu max,-cx16
    fi
}

start_qemu() {
    local port ports=() append="console=ttyS0 quiet panic=-1 log_buf_len=1M"
    command -v qemu-system-x86_64 >/dev/null ||
        die "qemu-system-x86_64 is missing (see fetch.sh)"
    write_initramfs
    [ -z "$icount" ] || append+=" nokaslr norandmaps"
    for port in out err status stat dmesg; do
        ports+=(-chardev "file,id=$port,path=$run/$port"
            -device "virtserialport,chardev=$port,name=$port")
    done
    # shellcheck disable=SC2046
    setsid qemu-system-x86_64 $(machine) \
        -m "$mem" -display none -no-reboot -nodefaults -no-user-config \
        -serial stdio -device virtio-serial "${ports[@]}" \
        -kernel "$lab_dir/$kernel/linux" -initrd "$run/initrd" \
        -append "$append rdinit=/lab/init" \
        </dev/null >"$run/console" 2>&1 &
    vm=$!
}
