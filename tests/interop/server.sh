# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by run.sh: servers in the background, and what they say.  Their
# output comes through a fifo, so that waiting for a line is reading it.

declare -A pid_of fd_of
line="" port="" status=0
# Seconds for what would hang for ever, on a machine that is busy.
patience=180

# try WHAT COMMAND...: as check, but in this very shell, whose children and
# variables the command may want
try() {
    local what=$1
    shift
    if "$@" >"$work/tried" 2>&1 </dev/null; then
        ok "$what"
    else
        not_ok "$what"
        head -n 40 "$work/tried" | sed 's/^/    /'
    fi
}

# start NAME PROGRAM ARG...
start() {
    local name=$1 fd
    shift
    rm -f "$work/$name.out"
    mkfifo "$work/$name.out"
    : >"$work/$name.log"
    "$@" >"$work/$name.out" 2>&1 </dev/null &
    pid_of[$name]=$!
    exec {fd}<"$work/$name.out"
    fd_of[$name]=$fd
}

# await NAME REGEX: read on to a line that matches; it is left in $line
await() {
    while IFS= read -r -t $patience -u "${fd_of[$1]}" line; do
        printf '%s\n' "$line" >>"$work/$1.log"
        [[ $line =~ $2 ]] && return
    done
    echo "$1 did not say: $2; its last lines:"
    tail -n 5 "$work/$1.log"
    return 1
}

# listening NAME REGEX: the port is what follows the last colon
listening() {
    await "$1" "$2" || return
    port=${line##*:}
}

# stop NAME: its exit status is left in $status, that of SIGKILL where it does
# not end
stop() {
    local fd result
    [ -n "${pid_of[$1]:-}" ] || return 0
    fd=${fd_of[$1]}
    kill -TERM "${pid_of[$1]}" 2>/dev/null
    while IFS= read -r -t $patience -u "$fd" line || ! result=$?; do
        printf '%s\n' "$line" >>"$work/$1.log"
    done
    [ "$result" -le 128 ] || kill -KILL "${pid_of[$1]}"
    wait "${pid_of[$1]}"
    status=$?
    exec {fd}<&-
    unset "pid_of[$1]" "fd_of[$1]"
}

stop_all() {
    local name
    for name in "${!pid_of[@]}"; do
        kill -KILL "${pid_of[$name]}" 2>/dev/null
    done
    wait
}

start_file_server() {
    start files "$bin/file_server" --root "$root" --port 0 -v "$@"
    listening files '^listening on '
    descriptors=$(count_descriptors)
}

count_descriptors() {
    find "/proc/${pid_of[files]}/fd" -mindepth 1 | wc -l
}

# Connections end a little after their clients do.
descriptors_back() {
    local now tries
    for tries in {1..2000}; do
        now=$(count_descriptors)
        [ "$now" -eq "$descriptors" ] && return
        sleep 0.05
    done
    echo "$descriptors descriptors at the start, $now after $tries looks"
    ls -l "/proc/${pid_of[files]}/fd"
    return 1
}

# A clean end: no status, no line of a sanitizer.
clean_stop() {
    local fd
    stop "$1"
    echo "exit status $status"
    tail -n 40 "$work/$1.log" | grep -E 'Sanitizer|runtime error' && return 1
    [ "$status" -eq 0 ]
}

# every_path NAME REGEX: no connection in the log took another path
every_path() {
    grep -E '^conn [0-9]+: TLSv' "$work/$1.log" | grep -vE "$2" && return 1
    grep -qE '^conn [0-9]+: TLSv' "$work/$1.log"
}

# ------------------------------------------------- the kernel's own account

stat_of() {
    awk -v name="$1" '$1 == name { print $2 }' /proc/net/tls_stat
}

counters_start() {
    [ "$expect" = kernel ] || return 0
    try "tls_stat can be read" test -r /proc/net/tls_stat
    tx_before=$(stat_of TlsTxSw)
    rx_before=$(stat_of TlsRxSw)
    decrypt_before=$(stat_of TlsDecryptError)
}

counters_end() {
    [ "$expect" = kernel ] || return 0
    try "TlsTxSw went up" test "$(stat_of TlsTxSw)" -gt "$tx_before"
    try "TlsRxSw went up" test "$(stat_of TlsRxSw)" -gt "$rx_before"
    same "TlsDecryptError did not" "$(stat_of TlsDecryptError)" \
        "$decrypt_before"
}
