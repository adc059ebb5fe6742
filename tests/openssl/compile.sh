#!/bin/bash
# Compiles the library against a release's headers, with the flags of a build
# (warnings, deprecations among them, are errors there); nothing is kept.
#
#   compile.sh RELEASE BUILD
set -euo pipefail

# shellcheck source=tests/openssl/release.sh
. "$(cd "$(dirname "$0")" && pwd)/release.sh"

describe_release "$1"
include=$lab_dir/$1/root/usr/include
commands=$(realpath "$2")/compile_commands.json
[ -s "$include/openssl/ssl.h" ] || die "$1 is not in $lab_dir"
[ -s "$commands" ] || die "no $commands"

# Searched before the host's own, whatever the commands name.
export C_INCLUDE_PATH=$include:$include/x86_64-linux-gnu
cd "$2"
count=0
while read -r command; do
    sh -c "${command//\\\"/\"} -fsyntax-only -o /dev/null"
    count=$((count + 1))
done < <(sed -nE 's/^ *"command": "(.*ktls_objects\.dir.*)",?$/\1/p' \
    "$commands")
[ "$count" -gt 0 ] || die "no source of the library in $commands"
echo "$count sources compiled against $(sed -nE \
    's/^# *define OPENSSL_VERSION_TEXT "(.*)"$/\1/p' \
    "$include"/{,x86_64-linux-gnu/}openssl/opensslv.h 2>/dev/null)"
