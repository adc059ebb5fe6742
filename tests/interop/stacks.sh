#!/bin/bash
# Connections whose handshake another TLS stack made, and that ktls_open() took
# over: the programs of examples/stacks against openssl s_client, s_server and
# curl, in every version, suite and role that they have.  A line per case, a
# line "cell" per connection's kind, then "N passed, N failed".
#
#   stacks.sh [--build DIR] [--path PATH]... [--stack STACK]...
#
#   --build DIR    holds examples/stacks/ and tests/interop/ with the built
#                  programs (build/gcc)
#   --path PATH    kernel or userspace; without it, each that is here
#   --stack STACK  gnutls, mbedtls or wolfssl; without it, each that is built
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
# shellcheck source=tests/interop/server.sh
. "$here/server.sh"

build=$here/../../build/gcc paths=() stacks=()

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    --path) paths+=("$2"); shift ;;
    --stack) stacks+=("$2"); shift ;;
    *) sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
build=$(cd "$build" && pwd) || exit 2
bin=$build/examples/stacks
if [ ${#paths[@]} -eq 0 ]; then
    paths=(userspace)
    ! grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null ||
        paths=(kernel userspace)
fi

work=$(mktemp -d) || exit 2
trap 'stop_all; rm -rf "$work"' EXIT
export HOME=$work

# Stack, version, suite, the stack's words to offer it, OpenSSL's name.
kinds='
gnutls 1.2 AES-128-GCM NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM ECDHE-ECDSA-AES128-GCM-SHA256
gnutls 1.2 AES-256-GCM NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM ECDHE-ECDSA-AES256-GCM-SHA384
gnutls 1.2 CHACHA20-POLY1305 NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305 ECDHE-ECDSA-CHACHA20-POLY1305
gnutls 1.3 AES-128-GCM NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM TLS_AES_128_GCM_SHA256
gnutls 1.3 AES-256-GCM NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM TLS_AES_256_GCM_SHA384
gnutls 1.3 CHACHA20-POLY1305 NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305 TLS_CHACHA20_POLY1305_SHA256
mbedtls 1.2 AES-128-GCM TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256
mbedtls 1.2 AES-256-GCM TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384 ECDHE-ECDSA-AES256-GCM-SHA384
mbedtls 1.2 CHACHA20-POLY1305 TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256 ECDHE-ECDSA-CHACHA20-POLY1305
wolfssl 1.2 AES-128-GCM ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256
wolfssl 1.2 AES-256-GCM ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES256-GCM-SHA384
wolfssl 1.2 CHACHA20-POLY1305 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-ECDSA-CHACHA20-POLY1305
wolfssl 1.3 AES-128-GCM TLS13-AES128-GCM-SHA256 TLS_AES_128_GCM_SHA256
wolfssl 1.3 AES-256-GCM TLS13-AES256-GCM-SHA384 TLS_AES_256_GCM_SHA384
wolfssl 1.3 CHACHA20-POLY1305 TLS13-CHACHA20-POLY1305-SHA256 TLS_CHACHA20_POLY1305_SHA256
'

# ------------------------------------------------------------- what it takes

# In braces: found again among what the programs print of their own.  No line
# is a command of s_client or s_server.
digits() {
    {
        printf '{'
        head -c "$1" /dev/urandom | od -An -v -tu1 | tr -d ' \n' |
            head -c "$1"
        printf '}\n'
    } | fold -w 63
    echo
}

make_files() {
    digits 60000 >"$work/lines" && digits 22800 >"$work/typed" &&
        digits 5000 >"$work/few" &&
        rev "$work/lines" >"$work/reversed" &&
        mkdir "$work/root" && head -c 300007 /dev/urandom >"$work/root/f" &&
        printf 'GET /f HTTP/1.0\r\n\r\n' >"$work/request" &&
        "${CC:-cc}" -std=c11 -D_GNU_SOURCE -shared -fPIC \
            "$here/explicit_nonces.c" -o "$work/explicit_nonces.so" -ldl
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout "$work/key.pem" -out "$work/cert.pem"
}

# The library's version, as its headers tell it.
version_of() {
    case $1 in
    gnutls) echo "GnuTLS $(header gnutls/gnutls.h GNUTLS_VERSION)" ;;
    mbedtls) echo "Mbed TLS $(header mbedtls/version.h \
        MBEDTLS_VERSION_STRING)" ;;
    wolfssl) echo "wolfSSL $(header wolfssl/version.h \
        LIBWOLFSSL_VERSION_STRING)" ;;
    esac
}

header() {
    printf '#include <%s>\n%s\n' "$1" "$2" | "${CC:-cc}" -E - 2>/dev/null |
        tail -n 1 | tr -d '"'
}

kernel_name() {
    if [ "$path" = kernel ]; then
        uname -r | grep -oE '^[0-9]+(\.[0-9]+)*'
    else
        echo userspace
    fi
}

rekey_here() {
    "$build/examples/ktls_probe" | grep -qE 'rekey +yes'
}

# ------------------------------------------------------------------ one case

# our_client ARG...: its data go to $work/got
our_client() {
    env KTLS_PATH="$want" "${preload[@]}" timeout $patience "$bin/${stack}_keys" client --port "$port" \
        --ca "$work/cert.pem" --suites "$offer" "$@" \
        >"$work/got" 2>"$work/said"
    status=$?
    cat "$work/said"
    echo "exit status $status"
    [ "$status" -eq 0 ]
}

our_server() {
    start ours env KTLS_PATH="$want" "${preload[@]}" timeout $patience \
        "$bin/${stack}_keys" server --cert "$work/cert.pem" --key "$work/key.pem" --suites "$offer" "$@"
    listening ours '^listening on '
}

# It ends by itself: no signal.
our_server_ended() {
    local fd=${fd_of[ours]}
    while IFS= read -r -t $patience -u "$fd" line; do
        printf '%s\n' "$line" >>"$work/ours.log"
    done
    stop ours
    cp "$work/ours.log" "$work/said"
    cat "$work/said"
    echo "exit status $status"
    [ "$status" -eq 0 ]
}

stock_options() {
    if [ "$version" = 1.2 ]; then
        stock=(-tls1_2 -cipher "$openssl")
        curl=(--tls-max 1.2 --ciphers "$openssl")
    else
        stock=(-tls1_3 -ciphersuites "$openssl")
        curl=(--tlsv1.3 --tls13-ciphers "$openssl")
    fi
}

# The suite and the paths that are meant, in what the program said.
as_meant() {
    local cipher=${suite//-/_}
    grep -E "^TLSv$version TLS_.*${cipher%_POLY1305}.*: tx $tx( .*)?, rx $rx( .*)?\$" \
        "$work/said" || { echo "not: $suite, tx $tx, rx $rx"; return 1; }
}

equal() {
    cmp "$1" "$2" && as_meant
}

s_server() {
    start stock timeout $patience "${commands[@]}" env -C "$work/root" \
        openssl s_server -accept 127.0.0.1:0 -naccept 1 \
        -cert "$work/cert.pem" -key "$work/key.pem" "${stock[@]}" "$@"
    listening stock '^ACCEPT '
}

# It ends by itself, and is told that we do.
s_server_ended() {
    local fd=${fd_of[stock]}
    cat <&"$fd" >"$work/printed"
    stop stock
    echo "s_server: exit status $status"
    ! grep -aiE 'unexpected eof|^ERROR' "$work/printed" && [ "$status" -eq 0 ]
}

client_lines() {
    s_server -rev && our_client --send "$work/lines" \
        --bytes "$(stat -c %s "$work/lines")" "$@" && s_server_ended &&
        equal "$work/got" "$work/reversed"
}

# To the peer's close_notify.
client_download() {
    s_server -WWW && our_client --send "$work/request" "$@" &&
        s_server_ended || return
    LC_ALL=C sed '1,/^\r$/d' "$work/got" >"$work/body"
    equal "$work/body" "$work/root/f"
}

server_echo() {
    our_server --bytes "$(stat -c %s "$work/lines")" "$@" || return
    timeout $patience openssl s_client -quiet -connect "localhost:$port" \
        -CAfile "$work/cert.pem" "${stock[@]}" <"$work/lines" \
        >"$work/got" 2>"$work/told"
    local result=$?
    our_server_ended || return
    grep -i 'unexpected eof' "$work/told" && return 1
    echo "s_client: exit status $result"
    [ "$result" -eq 0 ] && equal "$work/got" "$work/lines"
}

server_file() {
    our_server --file "$work/root/f" "$@" || return
    curl -sS --fail --max-time $patience --cacert "$work/cert.pem" "${curl[@]}" \
        -o "$work/got" "https://localhost:$port/f"
    local result=$?
    our_server_ended || return
    echo "curl: exit status $result"
    [ "$result" -eq 0 ] && equal "$work/got" "$work/root/f"
}

# Sealed by the stack, then by us: each explicit nonce is the last one's next.
# Nothing else would tell, a peer takes any.
nonces() {
    local nonce last="" count=0
    rm -f "$work/nonces"
    preload=(EXPLICIT_NONCES="$work/nonces"
        LD_PRELOAD="$work/explicit_nonces.so"
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
    "$@" || return
    while read -r nonce; do
        [ -z "$last" ] ||
            [ "$nonce" = "$(printf '%016x' $((16#$last + 1)))" ] ||
            { echo "$nonce behind $last"; return 1; }
        last=$nonce count=$((count + 1))
    done <"$work/nonces"
    echo "$count records"
    [ $count -gt 4 ]
}

# ------------------------------------------------------------- small records

# refused BYTES: we have said so and given up, and not taken anything over
refused() {
    [ "$status" -eq 1 ] && ! grep ': tx ' "$work/said" &&
        grep "records of up to $1 bytes were agreed on" "$work/said"
}

# Behind the handshake no record has come, not even a broken one.
server_refuses() {
    our_server --file "$work/root/f" || return
    timeout $patience openssl s_client -quiet -connect "localhost:$port" \
        -CAfile "$work/cert.pem" "${stock[@]}" -maxfraglen "$1" \
        <"$work/request" >"$work/got" 2>"$work/told"
    ! our_server_ended || return 1
    cat "$work/told"
    refused "$1" && [ ! -s "$work/got" ] &&
        ! grep 'error:' "$work/told" | grep -v 'unexpected eof'
}

# The other extension, which GnuTLS alone has here: its peer asks for 1024.
server_refuses_limit() {
    our_server --file "$work/root/f" || return
    timeout $patience gnutls-cli --insecure --priority "$offer" \
        --recordsize 1024 --port "$port" localhost \
        <"$work/request" >"$work/got" 2>&1
    ! our_server_ended || return 1
    cat "$work/got"
    refused 1024 && grep -a 'Handshake was completed' "$work/got" &&
        ! grep -a -e 'HTTP/1.0 200' -e 'invalid length' "$work/got"
}

client_refuses_limit() {
    start stock gnutls-serv --port 0 --echo --recordsize 1024 \
        --x509certfile "$work/cert.pem" --x509keyfile "$work/key.pem" \
        --priority "$offer"
    await stock 'listening on IPv4 .*done' && port_of "${pid_of[stock]}" ||
        return
    ! our_client --send "$work/few" || return 1
    stop stock
    cat "$work/stock.log"
    status=1
    refused 1024 && ! grep -a 'invalid length' "$work/stock.log"
}

# gnutls-serv does not tell which one it was given.
port_of() {
    local inode
    inode=$(readlink "/proc/$1/fd/"* | sed -n 's/^socket:\[\(.*\)\]$/\1/p' |
        paste -sd '|')
    port=$(awk -v inode="^($inode)\$" '$4 == "0A" && $10 ~ inode {
        print substr($2, 10) }' /proc/net/tcp)
    [ -n "$port" ] && port=$((16#$port))
}

# --------------------------------------------------------------- key updates

data_of() {
    tr -d '\n' | LC_ALL=C sed 's/SSL_do_handshake -> 1//g
        s/Read BLOCK//g
        s/^[^{]*//
        s/}[^}]*$/}/'
}

# counted SENT RECEIVED: what we counted is at least that
counted() {
    local counts
    read -r -a counts < <(sed -n 's/^key updates: //p' "$work/said" |
        tr -cs '0-9' ' ')
    echo "updates: ${counts[0]:-0} sent, ${counts[1]:-0} received"
    [ "${counts[0]:-0}" -ge "$1" ] && [ "${counts[1]:-0}" -ge "$2" ] &&
        as_meant && [ "$(data_of <"$work/got" | sha256sum)" = \
            "$(data_of <"$work/$text" | sha256sum)" ]
}

# What it prints is the data, so it goes another way than its errors.
client_typed() {
    local result reader
    commands=("$build/tests/interop/key_commands" "$rounds" "$work/$text"
        "$tell" "$ask" stdbuf -o 4M)
    s_server || return
    cat <&"${fd_of[stock]}" >"$work/printed" &
    reader=$!
    our_client --bytes "$(stat -c %s "$work/$text")" "$@"
    result=$?
    [ "$result" -eq 0 ] || kill "${pid_of[stock]}"
    wait "$reader"
    stop stock
    cp "$work/printed" "$work/got"
    echo "s_server: exit status $status"
    [ "$result" -eq 0 ] && [ "$status" -eq 0 ]
}

server_typed() {
    local result
    our_server --bytes "$(stat -c %s "$work/$text")" "$@" || return
    timeout $patience "$build/tests/interop/key_commands" "$rounds" "$work/$text" \
        "$tell" "$ask" openssl s_client -brief -connect "localhost:$port" \
        "${stock[@]}" >"$work/got" 2>"$work/told"
    result=$?
    our_server_ended || return
    echo "s_client: exit status $result"
    [ "$result" -eq 0 ]
}

# follows SENT RECEIVED ARG...: the connection goes on through key updates
follows() {
    local sent=$1 received=$2
    shift 2
    "${role}_typed" "$@" && counted "$sent" "$received"
}

# Without a secret the peer's first one is the end, and it is said why.
ends() {
    ! "${role}_typed" "$@" || return 1
    grep 'a KeyUpdate' "$work/said"
}

# A KeyUpdate that asks for ours is read before, and nothing is sent behind it.
owed_answer() {
    commands=("$build/tests/interop/key_commands" 2 "$work/few" K k)
    s_server -msg || return
    cat <&"${fd_of[stock]}" >"$work/printed" &
    local reader=$!
    our_client --send "$work/lines" --first 3000 \
        --bytes "$(stat -c %s "$work/few")"
    local result=$?
    [ "$result" -eq 0 ] || kill "${pid_of[stock]}"
    wait "$reader"
    cmp "$work/got" "$work/few" && as_meant &&
        grep -a '<<< TLS 1.3.* KeyUpdate$' "$work/printed"
}

# ------------------------------------------------------------------ one cell

reason=""

# one WHAT COMMAND...: a case of this cell
one() {
    local before=$failed
    commands=() preload=()
    : >"$work/got"
    : >"$work/said"
    try "$stack $version $role $suite ${want//,/ }: $1" "${@:2}"
    stop ours
    stop stock
    [ "$failed" -eq "$before" ] || reason=${reason:-$1}
}

cell() {
    reason=""
    want=$path tx=$path rx=$path
    if [ "$role" = client ]; then
        one "lines both ways" client_lines
        one "after a first exchange" client_lines --first 64
        one "with read-ahead" client_lines --first 64 --read-ahead
        one "a download" client_download
    else
        one "lines both ways" server_echo
        one "after a first exchange" server_echo --first 1000
        one "with read-ahead" server_echo --first 1000 --read-ahead
        one "a file by curl" server_file
        one "small records are refused by name" server_refuses 512
    fi
    [ "$stack" != gnutls ] ||
        one "a small record_size_limit is refused by name" \
            "${role}_refuses_limit"
    if [ "$version" = 1.3 ]; then
        "updates_$stack"
    elif [ "$path" = userspace ] && [[ $suite == *GCM ]]; then
        case $role in
        client) one "explicit nonces" nonces client_lines --first 64 ;;
        server) one "explicit nonces" nonces server_echo --first 64 ;;
        esac
    fi
    printf 'cell\t%s (keys)\t%s\t%s\t%s\t%s\t%s\n' "$name" "$version" \
        "$role" "$suite" "$(kernel_name)" "${reason:-pass}"
}

updates_gnutls() {
    local rounds=12 text=typed tell=k ask=K
    [ "$role" = server ] || one "an answer that is owed" owed_answer
    if [ "$path" = kernel ] && [ -z "$rekey" ]; then
        # no key changes in this kernel: RX is ours, and none of TX is asked
        want=tx=kernel,rx=userspace tx=kernel rx=userspace ask=k
        one "key updates" follows 0 $((rounds - 1))
        return
    fi
    one "key updates" follows 1 $((rounds - 1))
    one "key updates, some of them before" follows 1 $((rounds - 6)) \
        --first 5000
}

# There are no secrets: only what happened before is followed.
updates_wolfssl() {
    local rounds=2 text=few tell=K ask=K
    [ "$role" = server ] || one "an answer that is owed" owed_answer
    one "a key update is refused by name" ends
    one "a key update before" follows 0 0 --first 3000
}

# --------------------------------------------------------------- in its order

each_cell() {
    local suites=0
    while read -r stack version suite offer openssl; do
        [ -n "$stack" ] && [[ " ${stacks[*]} " == *" $stack "* ]] || continue
        name=$(version_of "$stack")
        stock_options
        for role in client server; do
            cell
        done
        suites=$((suites + 1))
    done <<<"$kinds"
    [ $suites -gt 0 ] || not_ok "no stack was found"
}

try "files" make_files
try "a certificate" make_certificate

if [ ${#stacks[@]} -eq 0 ]; then
    for stack in gnutls mbedtls wolfssl; do
        if [ -x "$bin/${stack}_keys" ]; then
            stacks+=("$stack")
        else
            echo "# ${stack}_keys is not built"
        fi
    done
fi
rekey=""
! rekey_here || rekey=1
for path in "${paths[@]}"; do
    each_cell
done

finish
