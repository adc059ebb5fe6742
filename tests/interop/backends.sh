#!/bin/bash
# Backend against backend, as two processes: every suite with OpenSSL and
# BoringSSL at either end, both handed off.  backend_peer.c tells what they
# talk of.  A line per thing checked, a line per cell of the matrix, then
# "N passed, N failed".
#
#   backends.sh [--build DIR] [--path PATH]... [--library NAME]...
#
#   --build DIR    holds tests/interop/ and examples/ with the built programs
#                  (build/gcc)
#   --path PATH    kernel, userspace, library, tx (only that direction of both
#                  ends in the kernel), rx; without it, each that is here
#   --library NAME openssl, boringssl; without it, both
#
# In a kernel of the lab:
#   tests/lab/run.sh uml-7.2 -- tests/interop/backends.sh --path kernel
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
# shellcheck source=tests/interop/server.sh
. "$here/server.sh"

build=$here/../../build/gcc paths=() libraries=()

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    --path) paths+=("$2"); shift ;;
    --library) libraries+=("$2"); shift ;;
    *) sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
build=$(cd "$build" && pwd) || exit 2
bin=$build/tests/interop
[ ${#libraries[@]} -gt 0 ] || libraries=(openssl boringssl)
probe=$build/examples/ktls_probe
if [ ${#paths[@]} -eq 0 ]; then
    paths=(userspace library)
    ! "$probe" >/dev/null || paths=(kernel tx rx "${paths[@]}")
fi

work=$(mktemp -d) || exit 2
trap 'stop_all; rm -rf "$work"' EXIT

# Version, suite, its name in both libraries, its cipher: all that both have of
# those that libktls hands off.
suites='
1.3 TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256 AES-128-GCM
1.3 TLS_AES_256_GCM_SHA384 TLS_AES_256_GCM_SHA384 AES-256-GCM
1.3 TLS_CHACHA20_POLY1305_SHA256 TLS_CHACHA20_POLY1305_SHA256 CHACHA20-POLY1305
1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE-ECDSA-AES128-GCM-SHA256 AES-128-GCM
1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE-ECDSA-AES256-GCM-SHA384 AES-256-GCM
1.2 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-ECDSA-CHACHA20-POLY1305 CHACHA20-POLY1305
1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ECDHE-RSA-AES128-GCM-SHA256 AES-128-GCM
1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ECDHE-RSA-AES256-GCM-SHA384 AES-256-GCM
1.2 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-RSA-CHACHA20-POLY1305 CHACHA20-POLY1305
1.2 TLS_RSA_WITH_AES_128_GCM_SHA256 AES128-GCM-SHA256 AES-128-GCM
1.2 TLS_RSA_WITH_AES_256_GCM_SHA384 AES256-GCM-SHA384 AES-256-GCM
1.2 TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 ECDHE-PSK-CHACHA20-POLY1305 CHACHA20-POLY1305
'

# ------------------------------------------------------------- one talk

# The messages of the first connection, each with a KeyUpdate where they are.
messages=13

# What of the two is in the kernel, for the path that is meant.
directions() {
    tx=userspace rx=userspace
    [ "$path" != library ] || tx=library rx=library
    case $path in kernel | tx) tx=kernel ;; esac
    case $path in kernel | rx) rx=kernel ;; esac
}

# The kernel of a direction has to follow as well as to send.
updates_here() {
    [ "$version" = 1.3 ] || return
    [[ $tx$rx != *kernel* ]] || [ "$rekey" = 1 ]
}

# BoringSSL offers all three of TLS 1.3, and chooses by processor and group:
# where no other library has a say, the peers are made to like the suite.
peer_options() {
    options=(--version "$version" --suite "$openssl" --file "$work/file"
        --tx "$tx" --rx "$rx")
    environment=()
    ! updates_here || options+=(--updates)
    [ "$version/$client/$server" = 1.3/boringssl/boringssl ] || return 0
    case $cipher in
    AES-256-GCM) options+=(--group CECPQ2) ;;
    # neither AES-NI nor PCLMULQDQ
    CHACHA20*) environment=(OPENSSL_ia32cap=~0x0200000200000000) ;;
    esac
}

# Both have come to their end by themselves.
talk() {
    local result
    start server env "${environment[@]}" timeout $patience \
        "$bin/backend_peer_$server" "${options[@]}"
    listening server '^listening on ' || return
    env "${environment[@]}" timeout $patience "$bin/backend_peer_$client" \
        "${options[@]}" --connect "$port" >"$work/client.log" 2>&1
    result=$?
    echo "client, exit status $result:"
    tail -n 20 "$work/client.log"
    while IFS= read -r -t $patience -u "${fd_of[server]}" line; do
        printf '%s\n' "$line" >>"$work/server.log"
    done
    stop server
    echo "server, exit status $status:"
    tail -n 20 "$work/server.log"
    [ "$result" -eq 0 ] && [ "$status" -eq 0 ]
}

# ----------------------------------------------------------- what they said

# An emulated kernel takes its time to start a program: none is in here.

# lines WHO WHAT: the lines about that are left in `found`
lines() {
    local text
    found=""
    while IFS= read -r text; do
        [[ $text =~ ^([a-z]+)"$2: "(.*)$ ]] || continue
        found+="${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"$'\n'
    done <"$work/$1.log"
}

# said_same WHAT WHO WHAT WHO WHAT: two of them said the same
said_same() {
    local one
    lines "$2" "$3"
    one=$found
    lines "$4" "$5"
    same "$1" "$one" "$found"
}

updates_made() {
    local who least
    for who in client server; do
        lines "$who" ' sent'
        least=$messages
        [[ $found =~ ^full\ [0-9]+\ bytes,\ ([0-9]+)\ updates ]] &&
            [ "${BASH_REMATCH[1]}" -ge "$least" ] && continue
        echo "$who: less than $least in $found"
        return 1
    done
}

no_updates_made() {
    local who what
    for who in client server; do
        for what in ' sent' ' received'; do
            lines "$who" "$what"
            echo "$who$what: $found"
            [[ $found == *", 0 updates"* ]] || return
            [[ ! $found =~ ,\ [1-9][0-9]*\ updates ]] || return
        done
    done
}

tickets_fed() {
    lines client ' tickets'
    echo "$found"
    [[ $found =~ ^full\ ([1-9][0-9]*),\ fed\ ([0-9]+) ]] &&
        [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
}

# --------------------------------------------------------------- the matrix

# What went wrong in a cell: TLS 1.2 has several suites for each.
declare -A reason_of
cells=()

# For the rows: what each library calls itself, and the kernel.
declare -A name_of
kernel=$(uname -r | grep -oE '^[0-9]+\.[0-9]+(\.[0-9]+)?')

ask_name() {
    name_of[$1]=$("$bin/backend_peer_$1" --library) || return
    [ "$1" = openssl ] || name_of[$1]=${name_of[$1]%% (*}
}

# OpenSSL first, and its role; a library with itself is both.
cell() {
    local key role stack where=$kernel roles=(client)
    case $path in userspace | library) where=$path ;; esac
    stack="${name_of[$client]} <-> ${name_of[$server]}"
    if [ "$client" = "$server" ]; then
        roles=(client server)
    elif [ "$client" = boringssl ]; then
        stack="${name_of[$server]} <-> ${name_of[$client]}"
        roles=(server)
    fi
    for role in "${roles[@]}"; do
        printf -v key '%s\t' "$stack" "$version" "$role" "$cipher" "$where"
        [ -n "${reason_of[$key]+x}" ] || cells+=("$key")
        [ -n "${reason_of[$key]:-}" ] || reason_of[$key]=$1
    done
}

ends='full close_notify
resumed close_notify
cut truncated
'

# judge WHAT: a check of the talk that was just run; the first that fails is
# the cell's reason
judge() {
    [ -n "$reason" ] || [ "$failed" = "$before" ] || reason=$1
}

run() {
    local what="$client client, $server server, $suite, $path" reason=""
    local before=$failed meant
    directions
    peer_options
    meant="TLSv$version $suite, tx $tx, rx $rx"
    meant="full $meant, reused 0
resumed $meant, reused 1
cut $meant, reused 0
"
    : >"$work/client.log"
    try "$what" talk
    stop_all
    judge "no whole conversation"
    lines client ""
    same "    the client's paths" "$found" "$meant"
    lines server ""
    same "    the server's paths" "$found" "$meant"
    judge "another path or suite, or not resumed"
    said_same "    what the client sent has come" client ' sent' \
        server ' received'
    said_same "    what the server sent has come" server ' sent' \
        client ' received'
    judge "other counts at the other end"
    lines client ' end'
    same "    ends" "$found" "$ends"
    said_same "    ends, as the server saw them" server ' end' client ' end'
    judge "another end of the stream"
    if updates_here; then
        try "    KeyUpdates" updates_made
    else
        try "    no KeyUpdates" no_updates_made
    fi
    judge "other KeyUpdates than were asked for"
    [ "$version" = 1.2 ] || try "    tickets after the hand-off" tickets_fed
    judge "a ticket was not fed to the SSL"
    cell "${reason:+$path path, $suite: $reason}"
}

make_file() {
    head -c 700001 /dev/urandom >"$work/file"
}

find_rekey() {
    rekey=0
    ! "$probe" --json | grep -q '"rekey": true' || rekey=1
    echo "# this kernel can change keys: $rekey"
}

print_cells() {
    local key
    for key in "${cells[@]}"; do
        printf 'cell\t%s%s\n' "$key" "${reason_of[$key]:-pass}"
    done
}

# No suite of TLS 1.2 is missing above.  BoringSSL lists none of 1.3, which
# has three.
common_suites() {
    comm -12 <("$bin/backend_peer_openssl" --suites | LC_ALL=C sort) \
        <("$bin/backend_peer_boringssl" --suites | LC_ALL=C sort)
}

find_rekey
try "a file" make_file
[ ${#libraries[@]} -lt 2 ] || same "all suites that both have" \
    "$(common_suites)" \
    "$(awk '$1 == "1.2" { print $2 }' <<<"$suites" | LC_ALL=C sort)"
for name in "${libraries[@]}"; do
    try "built with $name" ask_name "$name"
done

for path in "${paths[@]}"; do
    while read -r version suite openssl cipher; do
        [ -n "$version" ] || continue
        for client in "${libraries[@]}"; do
            for server in "${libraries[@]}"; do
                run
            done
        done
    done <<<"$suites"
done
print_cells

finish
