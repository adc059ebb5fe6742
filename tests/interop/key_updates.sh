#!/bin/bash
# Key updates by the thousand between libktls and stock programs: openssl
# s_client and s_server are given their K and k commands, and gnutls-cli
# ^rekey^, while data goes both ways and we change our keys as often.  A line
# per case, then "N passed, N failed".
#
#   key_updates.sh [--build DIR] [--path PATH]...
#
#   --build DIR  holds tests/interop/ with the built programs (build/gcc)
#   --path PATH  kernel, userspace, library; without it, each that is here
#
# In a kernel of the lab:
#   tests/lab/run.sh uml-7.2 -- tests/interop/key_updates.sh --path kernel
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
# shellcheck source=tests/interop/server.sh
. "$here/server.sh"

build=$here/../../build/gcc paths=()
updates=1000
# Pieces of data: a command stands between each two.
many=$((updates + 1))

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    --path) paths+=("$2"); shift ;;
    *) sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
build=$(cd "$build" && pwd) || exit 2
bin=$build/tests/interop
if [ ${#paths[@]} -eq 0 ]; then
    paths=(userspace library)
    ! grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null ||
        paths=(kernel "${paths[@]}")
fi

work=$(mktemp -d) || exit 2
trap 'stop_all; rm -rf "$work"' EXIT
export HOME=$work

# OpenSSL's name, GnuTLS's cipher
suites='
TLS_AES_128_GCM_SHA256 AES-128-GCM
TLS_AES_256_GCM_SHA384 AES-256-GCM
TLS_CHACHA20_POLY1305_SHA256 CHACHA20-POLY1305
'

# Digits in braces: no line of them is a command, and they are found again
# among what the programs print of their own.
digits() {
    {
        printf '{'
        head -c "$1" /dev/urandom | od -An -v -tu1 | tr -d ' \n' |
            head -c "$1"
        printf '}'
        echo
    } | fold -w 63
}

# The mean piece of ours is 10,000 bytes long: some are two records.  The
# commands' are packets of a pipe, less than 4,096 bytes.
make_files() {
    digits $((many * 10000)) >"$work/ours" &&
        digits $((many * 1900)) >"$work/theirs" &&
        digits 300000 >"$work/ours-few" &&
        digits 13000 >"$work/few"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$work/key.pem" -out "$work/cert.pem"
}

# s_server says what it does in the midst of the data: in whole lines, while
# its buffer is larger than all of them.
data_of() {
    tr -d '\n' | LC_ALL=C sed 's/SSL_do_handshake -> 1//g
        s/Read BLOCK//g
        s/^[^{]*//
        s/}[^}]*$/}/'
}

sum() {
    sha256sum | cut -d ' ' -f 1
}

# ours ARG...: our side of the connection, in the background as `ours`
ours() {
    rm -f "$work/received"
    start ours timeout 300 "$bin/key_peer" --send "$work/$mine" \
        --receive "$work/received" --rounds "$rounds" \
        --expect "$(stat -c %s "$work/$theirs")" "$@"
}

ours_serves() {
    ours --cert "$work/cert.pem" --key "$work/key.pem" "$@"
    listening ours '^listening on '
}

typed() {
    timeout 300 "$bin/key_commands" "$rounds" "$work/$theirs" "$@"
}

ended() {
    stop_gently ours
    cat "$work/ours.log"
    echo "exit status $status"
    [ "$status" -eq 0 ]
}

# It ends by itself: no signal.
stop_gently() {
    local fd=${fd_of[$1]}
    while IFS= read -r -t 300 -u "$fd" line; do
        printf '%s\n' "$line" >>"$work/$1.log"
    done
    stop "$1"
}

s_client() {
    ours_serves --suite "$2" --path "$1" || return
    typed k K openssl s_client -brief -connect "127.0.0.1:$port" \
        >"$work/got" 2>"$work/said"
    echo "s_client: exit status $?"
    tail -n 5 "$work/said"
    ended
}

s_server() {
    start stock timeout 300 "$bin/key_commands" "$rounds" "$work/$theirs" \
        k K stdbuf -o 4M openssl s_server -accept 127.0.0.1:0 -naccept 1 \
        -cert "$work/cert.pem" -key "$work/key.pem"
    listening stock '^ACCEPT ' || return
    cat <&"${fd_of[stock]}" >"$work/got" &
    local reader=$!
    ours --connect "$port" --suite "$2" --path "$1"
    ended || return
    wait "$reader"
    stop stock
    [ "$status" -eq 0 ]
}

# GnuTLS suffers 8 updates a second, and hangs up without a word: ours are
# few there.  Its own are not held back.  What it gets it prints byte by byte.
gnutls_tells() {
    mine=ours-few
    gnutls "$1" "$2" "$3" '^rekey1^' '^rekey1^' --updates 6 --ask-every 2
}

# Of these each asks for one of ours.
gnutls_asks() {
    rounds=7 mine=few theirs=few
    gnutls "$1" "$2" "$3" '^rekey^' '^rekey^' --updates 0
}

# gnutls PATH SUITE CIPHER TELL ASK ARG...
gnutls() {
    local suite=$2 priority="NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+$3"
    local tell=$4 ask=$5 path=$1
    shift 5
    ours_serves --suite "$suite" --path "$path" --no-notify "$@" || return
    typed "$tell" "$ask" gnutls-cli --inline-commands --insecure \
        --logfile="$work/said" --priority "$priority" --port "$port" \
        127.0.0.1 >"$work/got" 2>>"$work/said"
    echo "gnutls-cli: exit status $?"
    tail -n 5 "$work/said"
    ended
}

# counted SENT RECEIVED ASKED: what key_peer counted is at least that
counted() {
    local counts
    read -r -a counts < <(sed -n 's/^updates: //p' "$work/ours.log" |
        tr -cs '0-9' ' ')
    echo "    ${counts[0]:-0} sent, ${counts[1]:-0} received," \
        "${counts[2]:-0} of them asked"
    [ "${counts[0]:-0}" -ge "$1" ] && [ "${counts[1]:-0}" -ge "$2" ] &&
        [ "${counts[2]:-0}" -ge "$3" ]
}

# run WHO PATH SUITE CIPHER SENT RECEIVED ASKED
run() {
    local what="$1, $2, $3"
    : >"$work/got"
    : >"$work/said"
    rounds=$many mine=ours theirs=theirs
    try "$what" "$1" "$2" "$3" "$4"
    stop_all
    same "    what it got" "$(data_of <"$work/got" | sum)" \
        "$(data_of <"$work/$mine" | sum)"
    same "    what we got" "$(sum <"$work/received")" \
        "$(sum <"$work/$theirs")"
    same "    paths" "$(sed -n 's/^paths: //p' "$work/ours.log")" \
        "tx $2, rx $2"
    try "    at least $5 updates sent, $6 received, $7 asked" \
        counted "$5" "$6" "$7"
    cat "$work/tried"
}

try "files of digits" make_files
try "a certificate" make_certificate

for path in "${paths[@]}"; do
    while read -r suite cipher; do
        [ -n "$suite" ] || continue
        run s_client "$path" "$suite" "$cipher" $updates $updates 100
        run s_server "$path" "$suite" "$cipher" $updates $updates \
            $((updates / 2))
        run gnutls_tells "$path" "$suite" "$cipher" 6 $updates 0
        run gnutls_asks "$path" "$suite" "$cipher" 1 6 6
    done <<<"$suites"
done

finish
