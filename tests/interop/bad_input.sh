# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: peers and files that misbehave.  Each costs its own
# connection, and that one only.

# Seconds without progress that file_server allows: well-behaved clients need
# some, where the machine is busy.
idle=10

peer() {
    "$bad_peer" "$1" "$port" "${@:2}"
}

still_serves() {
    get -o "$work/got" "https://127.0.0.1:$port/f1" && sum_is "$work/got" f1
}

# bad MODE REGEX [ARG...]: the server says what was wrong, and goes on
bad() {
    local what="bad input, TLS $BAD_PEER_TLS: $1"
    try "$what" peer "$1" "${@:3}"
    try "    its error line" await files "^conn [0-9]+: $2"
    try "    the server goes on" still_serves
}

# Those that only time puts an end to, all at once.
silent_peers() {
    local mode pids=() i=0
    local modes=(silent half-hello half-header half-record half-request)
    for mode in "${modes[@]}"; do
        peer "$mode" &
        pids+=($!)
    done
    for mode in "${modes[@]}"; do
        try "bad input, TLS $BAD_PEER_TLS: $mode, then silence" \
            wait "${pids[i]}"
        i=$((i + 1))
    done
    for mode in 1 2 3; do
        try "    error line $mode" await files '^conn [0-9]+: .*timed out'
    done
    try "    the server goes on" still_serves
}

shrinking_file() {
    cp "$root/f33554432" "$root/shrinks"
    bad shrink 'response: file shrank' /shrinks "$root/shrinks"
    rm "$root/shrinks"
}

fetch_shrinking_file() {
    cp "$root/f33554432" "$root/shrinks"
    exits "fetch, the file shrinks meanwhile" 1 fetch_and_shrink
    try "    left no file" no_file_left
    try "    the server's error line" await files 'file shrank'
    rm "$root/shrinks"
}

# Into a fifo: what is in it tells that the transfer is under way, and nobody
# reads on before the file has shrunk.  Its other buffers hold no 32 MiB.
fetch_and_shrink() {
    local fd pid reader result
    rm -f "$work/got"
    mkfifo "$work/got.part"
    exec {fd}<>"$work/got.part"
    "$bin/fetch" --insecure -o "$work/got" "https://127.0.0.1:$port/shrinks" &
    pid=$!
    timeout "$patience" head -c 1 <&"$fd" >/dev/null
    truncate -s 4096 "$root/shrinks"
    cat <&"$fd" >/dev/null &
    reader=$!
    wait "$pid"
    result=$?
    kill "$reader"
    exec {fd}<&-
    return $result
}

# Two silent peers take all the room there is, until their time is up.
crowd() {
    local pids=()
    start_file_server --ktls=both --timeout "$idle" --connections 2
    peer silent &
    pids+=($!)
    peer silent &
    pids+=($!)
    try "no room for a third connection" await files '^no room '
    try "the third is served later" still_serves
    wait "${pids[@]}"
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
}

bad_input() {
    start_file_server --ktls=both --timeout "$idle"
    for BAD_PEER_TLS in 1.3 1.2; do
        export BAD_PEER_TLS
        bad garbage 'handshake: '
        bad false-record 'connection: '
        bad no-record 'connection: '
        bad half-record-fin 'connection: '
        bad http-garbage '.* 400$'
        bad long-header '.* 431$'
        bad reset '(connection|write): ' /f33554432
        shrinking_file
        try "request in pieces, TLS $BAD_PEER_TLS" peer dribble
        try "FIN right behind the request, TLS $BAD_PEER_TLS" \
            peer half-close /f1048576
        silent_peers
    done
    fetch_shrinking_file
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
    try "every connection took the expected path" every_path files "$both"
    crowd
}
