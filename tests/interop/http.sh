# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: what file_server makes of requests, good and sly.

get() {
    curl -sS --insecure --path-as-is --max-time $patience "$@"
}

# answers WHAT STATUS:BYTES CURL-ARG...
answers() {
    local what=$1 wanted=$2
    shift 2
    same "$what" "$(get -o "$work/got" -w '%{http_code}:%{size_download}' \
        "$@" 2>&1)" "$wanted"
}

ranges() {
    answers "range from the start" 206:10 -r 0-9 "$url/f16384"
    try "    its bytes" cmp "$work/got" <(head -c 10 "$root/f16384")
    answers "range to the end" 206:4 -r 16380- "$url/f16384"
    try "    its bytes" cmp "$work/got" <(tail -c 4 "$root/f16384")
    answers "range of the last bytes" 206:16383 -r -16383 "$url/f16384"
    try "    its bytes" cmp "$work/got" <(tail -c 16383 "$root/f16384")
    answers "range in the middle of 32 MiB" 206:1000001 \
        -r 20000000-21000000 "$url/f33554432"
    try "    its bytes" cmp "$work/got" \
        <(tail -c +20000001 "$root/f33554432" | head -c 1000001)
    answers "range beyond the end is cut" 206:1 -r 0-99 "$url/f1"
    answers "range behind the end" 416:26 -r 16384- "$url/f16384"
    answers "several ranges get the whole" 200:16384 -r 0-1,4-5 "$url/f16384"
    answers "nonsense for a range gets the whole" 200:16384 \
        -H 'Range: bytes=9-3' "$url/f16384"
    answers "If-Range gets the whole" 200:16384 -r 0-9 \
        -H 'If-Range: "x"' "$url/f16384"
}

head_only() {
    printf 'HEAD /f16384 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
        openssl s_client -quiet -connect "127.0.0.1:$port" 2>/dev/null |
        body | wc -c
}

headers() {
    same "HEAD sends no body" "$(head_only)" 0
    get -I "$url/f16385" >"$work/got"
    try "HEAD tells the length" grep -q '^Content-Length: 16385.$' "$work/got"
    modified=$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' "$work/got")
    answers "not modified since" 304:0 -H "If-Modified-Since: $modified" \
        "$url/f16385"
    answers "modified since" 200:1 \
        -H "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT" "$url/f1"
    get -I "$url/sub/index.html" >"$work/got"
    try "MIME type by ending" \
        grep -qi '^Content-Type: text/html' "$work/got"
    answers "POST" 405:23 -d x "$url/"
    answers "nothing there" 404:14 "$url/none"
    answers "long URL" 414:17 "$url/$(printf '%3000s' '' | tr ' ' x)"
}

folders() {
    answers "index.html" 200:6 "$url/sub/"
    answers "a folder without its slash" 301:22 "$url/sub"
    answers "its Location cannot name a host" 301:22 "$url//sub"
    get -I "$url//sub" >"$work/got"
    try "    but a path" grep -q '^Location: /sub/.$' "$work/got"
    get "$url/" >"$work/got"
    try "listing: names are encoded in links" \
        grep -q 'href="./a%20%3Cb%3E%26%27x/"' "$work/got"
    try "listing: and escaped in the text" \
        grep -q '>a &lt;b&gt;&amp;&#39;x/<' "$work/got"
}

# No way out of the root, and the answer says nothing of what is there.
traversal() {
    local path
    for path in ../secret sub/../../secret %2e%2e/secret \
        sub/%2e%2e/%2e%2e/secret ..%2fsecret out absolute up/secret \
        "%2f$work/secret" "/$work/secret" "sub/../../../$work/secret"; do
        try "not served: /${path//$work/...}" refused "$path"
    done
    answers "a link that stays inside" 200:1 "$url/inside"
    answers "dots that stay inside" 200:1 "$url/sub/../f1"
    answers "a NUL in the path" 400:16 "$url/f1%00.txt"
    answers "a broken escape" 400:16 "$url/%g1"
    answers "a FIFO" 403:14 "$url/fifo"
}

refused() {
    local code
    code=$(get -o "$work/got" -w '%{http_code}' "$url/$1")
    echo "answered $code"
    case $code in 403 | 404) ! grep -q secret "$work/got" ;; *) false ;; esac
}

pipeline() {
    printf '%s' $'GET /f1 HTTP/1.1\r\nHost: a\r\n\r\n' \
        $'HEAD /f16384 HTTP/1.1\r\nHost: a\r\n\r\n' \
        $'GET /none HTTP/1.1\r\nHost: a\r\n\r\n' \
        $'GET /f16385 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
        openssl s_client -quiet -connect "127.0.0.1:$port" 2>/dev/null |
        LC_ALL=C grep -ao 'HTTP/1.1 [0-9]*' | tr '\n' ' '
}

keep_alive() {
    same "keep-alive: one connection for three files" \
        "$(get -w '%{num_connects} ' -o "$work/1" "$url/f1" -o "$work/2" \
            "$url/f16384" -o "$work/3" "$url/f0")" "1 0 0 "
    same "HTTP/1.0 closes" "$(get -0 -w '%{num_connects} ' -o "$work/1" \
        "$url/f1" -o "$work/2" "$url/f1")" "1 1 "
    same "pipelined requests are answered in order" "$(pipeline)" \
        "HTTP/1.1 200 HTTP/1.1 200 HTTP/1.1 404 HTTP/1.1 200 "
}

http_rules() {
    start_file_server --ktls=both
    url=https://127.0.0.1:$port
    headers
    ranges
    folders
    keep_alive
    traversal
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
    try "every connection took the expected path" every_path files "$both"
}

# one_mode MODE VERSION REGEX
one_mode() {
    start_file_server "--ktls=$1"
    try "--ktls=$1, TLS $2: a download" get --tls-max "$2" \
        -o "$work/got" "https://127.0.0.1:$port/f1048576"
    try "    is whole" sum_is "$work/got" f1048576
    try "    its path" await files "^conn 1: TLSv$2 .*$3"
    try "    the server ends well" clean_stop files
}

modes() {
    local aside='(library|userspace)' version
    for version in 1.3 1.2; do
        one_mode off "$version" "tx $aside .*, rx $aside "
        if [ "$expect" = kernel ]; then
            one_mode tx "$version" "tx kernel, rx $aside "
            one_mode rx "$version" "tx $aside .*, rx kernel$"
            one_mode auto "$version" "tx kernel, rx "
        else
            one_mode auto "$version" "tx $aside .*, rx $aside "
        fi
    done
}
