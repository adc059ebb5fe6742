# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: the example programs other than file_server.

# exits WHAT STATUS COMMAND...: its output stays in $work/said
exits() {
    local what=$1 wanted=$2 got=0
    shift 2
    "$@" >"$work/said" 2>&1 </dev/null || got=$?
    same "$what" "exit status $got" "exit status $wanted"
    [ "$got" -eq "$wanted" ] || tail -n 5 "$work/said" | sed 's/^/    /'
}

is_json() {
    if command -v jq >/dev/null; then
        jq -e '.tx_1_3 | type == "array"' "$1"
    elif command -v python3 >/dev/null; then
        python3 -c 'import json, sys; json.load(open(sys.argv[1]))["tx_1_3"]' \
            "$1"
    else
        grep -q '"tx_1_3": \[' "$1"
    fi
}

programs_alone() {
    local can=0 keys=0
    [ "$expect" = kernel ] || can=1 keys=77
    exits "ktls_probe" "$can" "$bin/ktls_probe"
    exits "ktls_probe --json" "$can" "$bin/ktls_probe" --json
    try "    is JSON" is_json "$work/said"
    exits "ktls_probe --nonsense" 2 "$bin/ktls_probe" --nonsense
    exits "keys_only" "$keys" "$bin/keys_only"
    [ "$expect" = kernel ] ||
        try "    says why not" grep -q 'no TLS' "$work/said"
    exits "file_server --help" 0 "$bin/file_server" --help
    exits "file_server --ktls=nonsense" 2 "$bin/file_server" --ktls=nonsense
    exits "file_server without its root" 1 "$bin/file_server" --root /none/such
}

fetch_from_file_server() {
    local path='kernel'
    [ "$expect" = kernel ] || path='(library|userspace)'
    url=https://127.0.0.1:$port
    for size in $sizes; do
        exits "fetch, $size bytes" 0 "$bin/fetch" -v \
            --cacert "$work/cert.pem" -o "$work/got" "$url/f$size"
        try "    are the right ones" sum_is "$work/got" "f$size"
    done
    try "    its path" grep -qE "^TLSv1.3 .* tx $path" "$work/said"
    rm -f "$work/got"
    exits "fetch refuses an unknown issuer" 1 "$bin/fetch" -o "$work/got" \
        "$url/f1"
    try "    and says why" grep -q '^certificate: ' "$work/said"
    exits "fetch refuses another's certificate" 1 "$bin/fetch" \
        --cacert "$work/cert.pem" -o "$work/got" "https://localhost:$port/f1"
    try "    and says why" grep -q '^certificate: ' "$work/said"
    exits "fetch --insecure" 0 "$bin/fetch" --insecure -o "$work/got" \
        "$url/f1"
    rm -f "$work/got"
    exits "fetch, 404" 1 "$bin/fetch" --cacert "$work/cert.pem" \
        -o "$work/got" "$url/none"
    try "none of the failures left a file" no_file_left
}

no_file_left() {
    [ ! -e "$work/got" ] && [ ! -e "$work/got.part" ]
}

# s_server -HTTP sends a file as it is, and close_notify behind it.
fetch_from_s_server() {
    local version
    mkdir -p "$work/www"
    cp "$root/f1048576" "$work/www/plain"
    printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s' \
        $'5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n' >"$work/www/chunked"
    printf 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort' \
        >"$work/www/short"
    printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel' \
        >"$work/www/half"
    for version in 1.3 1.2; do
        s_server -WWW "-tls${version/./_}"
        exits "fetch from s_server -WWW, TLS $version" 0 "$bin/fetch" -v \
            --cacert "$work/cert.pem" -o "$work/got" "$url/plain"
        try "    the right bytes" sum_is "$work/got" f1048576
        stop s_server
    done
    s_server -HTTP
    exits "fetch, chunked" 0 "$bin/fetch" --insecure -o "$work/got" \
        "$url/chunked"
    same "    put together" "$(cat "$work/got")" "hello world"
    rm -f "$work/got"
    exits "fetch, Content-Length not reached" 1 "$bin/fetch" --insecure \
        -o "$work/got" "$url/short"
    exits "fetch, chunk not ended" 1 "$bin/fetch" --insecure \
        -o "$work/got" "$url/half"
    stop s_server
    try "neither left a file" no_file_left
}

s_server() {
    start s_server env -C "$work/www" openssl s_server -accept 127.0.0.1:0 \
        -cert "$work/cert.pem" -key "$work/key.pem" "$@"
    listening s_server '^ACCEPT '
    url=https://127.0.0.1:$port
}

# A body without a length ends with close_notify or not at all.
fetch_cut_off() {
    start cut "$bad_peer" cut "$work/cert.pem" "$work/key.pem"
    listening cut '^listening on '
    exits "fetch, stream ends without close_notify" 1 "$bin/fetch" \
        --insecure -o "$work/got" "https://127.0.0.1:$port/"
    try "left no file" no_file_left
    stop cut
}

fetch_program() {
    start_file_server --ktls=both --cert "$work/cert.pem" \
        --key "$work/key.pem"
    fetch_from_file_server
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
    fetch_from_s_server
    fetch_cut_off
}

# Letters that s_client would take for commands do not occur in the text.
echo_once() {
    local end back
    rm -f "$work/to" "$work/from"
    mkfifo "$work/to" "$work/from"
    timeout $patience openssl s_client -quiet -no_ign_eof "$1" \
        -connect "127.0.0.1:$port" <"$work/to" >"$work/from" 2>/dev/null &
    exec {end}>"$work/to" {back}<"$work/from"
    cat "$work/text" >&"$end" &
    head -c "$(wc -c <"$work/text")" <&"$back" | cmp - "$work/text"
    status=$?
    exec {end}>&- {back}<&-
    return "$status"
}

echo_program() {
    local path='tx kernel rx '
    [ "$expect" = kernel ] || path='tx (library|userspace) \('
    od -An -tx1 "$root/f16385" >"$work/text"
    start echo "$bin/echo_server" --port 0 --cert "$work/cert.pem" \
        --key "$work/key.pem"
    listening echo '^listening on '
    for version in 1_3 1_2; do
        try "echo_server and s_client, TLS $version" echo_once \
            "-tls$version"
        try "    its path" await echo "^TLSv${version/_/.} .* $path"
    done
    try "echo_server ends well" clean_stop echo
}
