# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: curl, gnutls-cli and s_client against file_server, over
# each suite, with both directions in the kernel where it is to be had.

# version, suite, OpenSSL's name of it, GnuTLS's cipher
suites='
1.3 TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256 AES-128-GCM
1.3 TLS_AES_256_GCM_SHA384 TLS_AES_256_GCM_SHA384 AES-256-GCM
1.3 TLS_CHACHA20_POLY1305_SHA256 TLS_CHACHA20_POLY1305_SHA256 CHACHA20-POLY1305
1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE-ECDSA-AES128-GCM-SHA256 AES-128-GCM
1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE-ECDSA-AES256-GCM-SHA384 AES-256-GCM
1.2 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-ECDSA-CHACHA20-POLY1305 CHACHA20-POLY1305
'

sizes='0 1 16383 16384 16385 1048576 33554432'

body() {
    LC_ALL=C sed '1,/^\r$/d'
}

# sum_is FILE NAME: FILE is what the server holds as NAME
sum_is() {
    local sum
    sum=$(sha256sum <"$1") || return
    grep -q "^${sum%% *}  $2\$" "$work/sums"
}

request() {
    printf 'GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' \
        "$1"
}

# The client keeps what it got on one connection: keep-alive at work.
with_curl() {
    local options=() size
    for size in $sizes; do
        options+=("https://127.0.0.1:$port/f$size" -o "$work/got$size")
    done
    if [ "$1" = 1.3 ]; then
        options+=(--tlsv1.3 --tls13-ciphers "$2")
    else
        options+=(--tls-max 1.2 --ciphers "$2")
    fi
    curl -sS --insecure --fail --max-time $patience "${options[@]}" || return
    for size in $sizes; do
        sum_is "$work/got$size" "f$size" || return
        rm "$work/got$size"
    done
}

# with_s_client VERSION SUITE SIZE
with_s_client() {
    local options=(-tls1_3 -ciphersuites "$2")
    [ "$1" = 1.3 ] || options=(-tls1_2 -cipher "$2")
    request "f$3" | timeout $patience openssl s_client -quiet \
        -connect "127.0.0.1:$port" "${options[@]}" 2>"$work/said" |
        body >"$work/got"
    sum_is "$work/got" "f$3" || { tail -n 5 "$work/said"; return 1; }
}

# gnutls-cli hangs up at the end of its input: keep it open until it is done.
with_gnutls() {
    local end priority pid
    priority="NORMAL:-VERS-ALL:+VERS-TLS$1:-CIPHER-ALL:+$2"
    rm -f "$work/requests"
    mkfifo "$work/requests"
    LD_PRELOAD=$work/buffered_stdout.so timeout $patience gnutls-cli \
        --insecure --logfile="$work/said" --priority "$priority" \
        --port "$port" 127.0.0.1 \
        <"$work/requests" 2>>"$work/said" >"$work/raw" &
    pid=$!
    exec {end}>"$work/requests"
    request "f$3" >&"$end"
    wait "$pid"
    exec {end}>&-
    body <"$work/raw" >"$work/got"
    sum_is "$work/got" "f$3" || { tail -n 5 "$work/said"; return 1; }
}

# download CLIENT VERSION SUITE NAME ARG...: and the path is the right one
download() {
    local client=$1 version=$2 suite=$3
    shift 3
    try "$client, TLS $version, $suite${2:+, $2 bytes}" \
        "with_$client" "$version" "$@"
    try "    its path" await files \
        "^conn [0-9]+: TLSv$version $suite $both"
}

many_at_once() {
    local i
    curl -sS --insecure --fail --max-time $patience --parallel \
        --parallel-max 16 -o "$work/many#1" \
        "https://127.0.0.1:$port/f1048576?[1-16]" || return
    for i in {1..16}; do
        sum_is "$work/many$i" f1048576 || return
        rm "$work/many$i"
    done
}

downloads() {
    local version suite openssl gnutls size sizes_here
    start_file_server --ktls=both --workers 2
    while read -r version suite openssl gnutls; do
        [ -n "$version" ] || continue
        sizes_here="1 1048576"
        case $suite in *AES_128*) sizes_here="1 16383 16384 16385 33554432" ;; esac
        download curl "$version" "$suite" "$openssl"
        for size in $sizes_here; do
            download s_client "$version" "$suite" "$openssl" "$size"
            download gnutls "$version" "$suite" "$gnutls" "$size"
        done
    done <<<"$suites"
    try "16 connections at once" many_at_once
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
    try "every connection took that path" every_path files "$both"
}
