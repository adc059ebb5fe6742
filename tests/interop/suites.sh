#!/bin/bash
# Every suite of the library that a stock program has, too, on the userspace
# path: s_client, gnutls-cli and curl fetch a file from file_server, and fetch
# gets it from s_server and gnutls-serv.  A line per case, then "N passed, N
# failed".
#
#   suites.sh [--build DIR]
#
#   --build DIR  holds examples/ with the built programs (build/gcc)
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
# shellcheck source=tests/interop/server.sh
. "$here/server.sh"
# shellcheck source=tests/interop/clients.sh
. "$here/clients.sh"

build=$here/../../build/gcc

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    *) sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
build=$(cd "$build" && pwd) || exit 2
bin=$build/examples

work=$(mktemp -d) || exit 2
trap 'stop_all; rm -rf "$work"' EXIT
export HOME=$work
root=$work/root

# Suite, OpenSSL's name of it, GnuTLS's key exchange, the server's key; a
# cipher is named alike in all suites that have it.  Nobody has AES-GCM with
# ECDHE_PSK (RFC 8442).
suites='
TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256 - ec
TLS_AES_256_GCM_SHA384 TLS_AES_256_GCM_SHA384 - ec
TLS_CHACHA20_POLY1305_SHA256 TLS_CHACHA20_POLY1305_SHA256 - ec
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA ec
TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA ec
TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-ECDSA ec
TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA rsa
TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA rsa
TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-RSA rsa
TLS_RSA_WITH_AES_128_GCM_SHA256 AES128-GCM-SHA256 RSA rsa
TLS_RSA_WITH_AES_256_GCM_SHA384 AES256-GCM-SHA384 RSA rsa
TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 DHE-RSA-AES128-GCM-SHA256 DHE-RSA rsa
TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 DHE-RSA-AES256-GCM-SHA384 DHE-RSA rsa
TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 DHE-RSA-CHACHA20-POLY1305 DHE-RSA rsa
TLS_DHE_DSS_WITH_AES_128_GCM_SHA256 DHE-DSS-AES128-GCM-SHA256 DHE-DSS dsa
TLS_DHE_DSS_WITH_AES_256_GCM_SHA384 DHE-DSS-AES256-GCM-SHA384 DHE-DSS dsa
TLS_PSK_WITH_AES_128_GCM_SHA256 PSK-AES128-GCM-SHA256 PSK psk
TLS_PSK_WITH_AES_256_GCM_SHA384 PSK-AES256-GCM-SHA384 PSK psk
TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 PSK-CHACHA20-POLY1305 PSK psk
TLS_DHE_PSK_WITH_AES_128_GCM_SHA256 DHE-PSK-AES128-GCM-SHA256 DHE-PSK psk
TLS_DHE_PSK_WITH_AES_256_GCM_SHA384 DHE-PSK-AES256-GCM-SHA384 DHE-PSK psk
TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256 DHE-PSK-CHACHA20-POLY1305 DHE-PSK psk
TLS_RSA_PSK_WITH_AES_128_GCM_SHA256 RSA-PSK-AES128-GCM-SHA256 RSA-PSK psk
TLS_RSA_PSK_WITH_AES_256_GCM_SHA384 RSA-PSK-AES256-GCM-SHA384 RSA-PSK psk
TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256 RSA-PSK-CHACHA20-POLY1305 RSA-PSK psk
TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 ECDHE-PSK-CHACHA20-POLY1305 ECDHE-PSK psk
'

size=1000003
psk=$(printf '5a%.0s' {1..32})
both='tx userspace( \(.*\))?,? rx userspace( \(.*\))?$'

# ------------------------------------------------------------- what it takes

make_file() {
    mkdir -p "$root" && head -c "$size" /dev/urandom >"$root/f$size" &&
        (cd "$root" && sha256sum "f$size") >"$work/sums"
}

# certificate NAME: for the key of that name
certificate() {
    openssl req -x509 -key "$work/$1.key" -days 2 -subj /CN=test \
        -addext subjectAltName=IP:127.0.0.1 -out "$work/$1.crt"
}

make_certificates() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
        -out "$work/ec.key" &&
        openssl genpkey -algorithm RSA -out "$work/rsa.key" &&
        openssl dsaparam -genkey -noout -out "$work/dsa.key" 2048 &&
        openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 \
            -out "$work/dh.pem" &&
        certificate ec && certificate rsa && certificate dsa || return
    # RSA_PSK has a certificate, too
    cp "$work/rsa.key" "$work/psk.key"
    cp "$work/rsa.crt" "$work/psk.crt"
    echo "test:$psk" >"$work/psk.txt"
}

# What the example programs have no options for comes from outside.
make_settings() {
    cat >"$work/openssl.conf" <<EOF
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = all
[all]
CipherString = ALL:@SECLEVEL=0
EOF
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -shared -fPIC "$here/all_suites.c" \
        -o "$work/all_suites.so" -lssl -ldl &&
        "${CC:-cc}" -shared -fPIC "$here/buffered_stdout.c" \
            -o "$work/buffered_stdout.so"
}

# ours KEY: the environment of an example program, as words in `environment`
ours() {
    environment=(OPENSSL_CONF="$work/openssl.conf" KTLS_PATH=userspace)
    [ "$1" = ec ] || environment+=(LD_PRELOAD="$work/all_suites.so"
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
}

# ------------------------------------------------------------ how it is said

version_of() {
    case $1 in *_WITH_*) echo 1.2 ;; *) echo 1.3 ;; esac
}

# The names as they stand, for the row that was read.
stock_options() {
    openssl_options=(-tls1_3 -ciphersuites "$openssl")
    gnutls_options=()
    local cipher=${suite##*WITH_}
    cipher=${cipher#TLS_} cipher=${cipher%_SHA*}
    priority="NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+${cipher//_/-}"
    [ "$version" = 1.2 ] || return 0
    openssl_options=(-tls1_2 -cipher "$openssl:@SECLEVEL=0")
    priority="NONE:+VERS-TLS1.2:+$kx:+${cipher//_/-}:+AEAD:+COMP-NULL"
    priority+=":+GROUP-ALL:+SIGN-ALL:+SIGN-DSA-SHA1"
    priority+=":+CTYPE-ALL"
    [ "$key" = psk ] || return 0
    openssl_options+=(-psk "$psk" -psk_identity test)
    gnutls_options=(--pskusername test --pskkey "$psk")
}

openssl_has() {
    grep -qxF "$openssl" "$work/openssl.has"
}

# TLS_RSA_AES_128_GCM_SHA256, and CHACHA20_POLY1305 without the hash
gnutls_has() {
    local name=${suite/WITH_/}
    [ "$version" = 1.3 ] || name=${name/POLY1305_SHA256/POLY1305}
    grep -qxF "$name" "$work/gnutls.has"
}

list_stock() {
    openssl ciphers 'ALL:@SECLEVEL=0' | tr : '\n' >"$work/openssl.has" &&
        gnutls-cli --list | awk '{ print $1 }' >"$work/gnutls.has"
}

# ------------------------------------------------- file_server, their clients

by_s_client() {
    request "f$size" | timeout $patience openssl s_client -quiet \
        -connect "127.0.0.1:$port" "${openssl_options[@]}" 2>"$work/said" |
        body >"$work/got"
    sum_is "$work/got" "f$size" || { tail -n 5 "$work/said"; return 1; }
}

by_curl() {
    local options=(--tlsv1.3 --tls13-ciphers "$openssl")
    [ "$version" = 1.3 ] ||
        options=(--tls-max 1.2 --ciphers "$openssl:@SECLEVEL=0")
    curl -sS --insecure --fail --max-time $patience "${options[@]}" \
        -o "$work/got" "https://127.0.0.1:$port/f$size" &&
        sum_is "$work/got" "f$size"
}

# gnutls-cli hangs up at the end of its input: keep it open until it is done.
by_gnutls_cli() {
    local end pid
    rm -f "$work/requests"
    mkfifo "$work/requests"
    LD_PRELOAD=$work/buffered_stdout.so timeout $patience gnutls-cli \
        --insecure --logfile="$work/said" --priority "$priority" \
        "${gnutls_options[@]}" --port "$port" 127.0.0.1 \
        <"$work/requests" 2>>"$work/said" >"$work/raw" &
    pid=$!
    exec {end}>"$work/requests"
    request "f$size" >&"$end"
    wait "$pid"
    exec {end}>&-
    body <"$work/raw" >"$work/got"
    sum_is "$work/got" "f$size" || { tail -n 5 "$work/said"; return 1; }
}

# served CLIENT: and by the suite and the path that are meant
served() {
    rm -f "$work/got"
    "by_$1" && await files "^conn [0-9]+: TLSv$version $suite $both"
}

serve() {
    try "$1 from file_server, $suite" served "$1"
}

serve_suite() {
    stock_options
    ! openssl_has || serve s_client
    # gnutls-cli 3.7 does not survive what it prints of PSK with (EC)DHE
    case $kx in
    *DHE-PSK) ;;
    *) ! gnutls_has || serve gnutls_cli ;;
    esac
    # curl has no option for a pre-shared key
    if openssl_has && [ "$key" != psk ]; then
        serve curl
    fi
}

# ------------------------------------------------------ fetch, their servers

by_fetch() {
    ours "$key"
    env "${environment[@]}" timeout $patience "$bin/fetch" -v --insecure \
        -o "$work/got" "https://127.0.0.1:$port/f$size" 2>"$work/said" &&
        sum_is "$work/got" "f$size" &&
        grep -qE "^TLSv$version $suite $both" "$work/said" && return
    tail -n 5 "$work/said"
    return 1
}

with_s_server() {
    local result
    start s_server env -C "$root" openssl s_server -accept 127.0.0.1:0 \
        -WWW -cert "$work/$key.crt" -key "$work/$key.key" \
        -dhparam "$work/dh.pem" "${openssl_options[@]}"
    listening s_server '^ACCEPT ' && by_fetch
    result=$?
    stop s_server
    return $result
}

# It takes port 0, and does not tell which that became.
listening_port() {
    local pid=$1 inode hex
    for inode in /proc/"$pid"/fd/*; do
        inode=$(readlink "$inode")
        [[ $inode =~ ^socket:\[([0-9]+)\]$ ]] || continue
        hex=$(awk -v inode="${BASH_REMATCH[1]}" \
            '$4 == "0A" && $10 == inode { print substr($2, 10) }' \
            /proc/net/tcp)
        [ -z "$hex" ] || port=$((16#$hex))
    done
    [ "$port" != 0 ]
}

with_gnutls_serv() {
    local options=() result
    [ "$key" != psk ] || options=(--pskpasswd "$work/psk.txt")
    start gnutls_serv gnutls-serv --port 0 --http \
        --httpdata "$root/f$size" --priority "$priority" \
        --x509certfile "$work/$key.crt" --x509keyfile "$work/$key.key" \
        --dhparams "$work/dh.pem" "${options[@]}"
    await gnutls_serv 'listening on IPv4 .*done' && port=0 &&
        listening_port "${pid_of[gnutls_serv]}" && by_fetch
    result=$?
    stop gnutls_serv
    return $result
}

fetch_suite() {
    local peer
    stock_options
    for peer in s_server gnutls_serv; do
        if [ $peer = s_server ]; then openssl_has; else gnutls_has; fi ||
            continue
        rm -f "$work/got"
        try "fetch from $peer, $suite" "with_$peer"
    done
}

# ----------------------------------------------------------------- the order

# each_of KEY COMMAND: with the row's columns as variables; KEY may be any
each_of() {
    local wanted=$1 command=$2
    while read -r suite openssl kx key; do
        [ -n "$suite" ] || continue
        [ "$wanted" = any ] || [ "$wanted" = "$key" ] || continue
        version=$(version_of "$suite")
        "$command"
    done <<<"$suites"
}

serve_key() {
    ours "$1"
    start files env "${environment[@]}" "$bin/file_server" --root "$root" \
        --port 0 -v --cert "$work/$1.crt" --key "$work/$1.key"
    listening files '^listening on ' || { not_ok "file_server, $1"; return; }
    descriptors=$(count_descriptors)
    each_of "$1" serve_suite
    try "descriptors are back" descriptors_back
    try "file_server ends well" clean_stop files
}

told_what_is_missing() {
    openssl_has || echo "# openssl has no $suite"
    gnutls_has || echo "# gnutls has no $suite"
}

try "a file" make_file
try "certificates" make_certificates
try "settings" make_settings
try "what there is" list_stock
each_of any told_what_is_missing

for key in ec rsa dsa psk; do
    serve_key "$key"
done
each_of any fetch_suite

finish
