#!/bin/bash
# The table of all matrices: what it joins, and that no failure is lost.
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

# cell STACK VERSION ROLE SUITE KERNEL RESULT
cell() {
    local IFS=$'\t'
    echo "cell	$*"
}

log() {
    echo "ok: a line of a program"
    cell "A 1" 1.2 client AES-128-GCM 7.2.7 pass
    cell "A 1" 1.2 client AES-128-GCM 7.2.7 pass
    cell "A 1" 1.2 client AES-128-GCM userspace pass
    cell "A 1" 1.2 server AES-128-GCM 7.2.7 pass
    cell "A 1" 1.2 server AES-128-GCM userspace pass
    cell "A 1" 1.2 client AES-128-GCM 6.1.176 pass
    cell "A 1" 1.2 server AES-128-GCM 6.1.176 pass
    cell "A 1" 1.3 client CHACHA20-POLY1305 7.2.7 pass
    cell "A 1" 1.3 client AES-128-GCM 7.2.7 pass
    cell "A 1" 1.3 client CHACHA20-POLY1305 7.2.7 "lost a byte"
    cell "A 1" 1.3 client CHACHA20-POLY1305 7.2.7 pass
    cell "A 1" 1.3 client CHACHA20-POLY1305 7.2.7 "lost a byte"
    cell "A 1" 1.3 client CHACHA20-POLY1305 7.2.7 "lost"
}

table() {
    log | tests/matrix_table.sh "$@"
}

same "cells joined, one line for each" \
    "$(table --tsv | grep -c '')" 8
same "a failure among passes is one, with each reason once" \
    "$(table --tsv | grep 'CHACHA')" \
    "A 1	1.3	client	CHACHA20-POLY1305	7.2.7	lost a byte; lost"
same "what --tsv wrote gives the same table" \
    "$(table --tsv | tests/matrix_table.sh)" "$(table)"
same "kernels by version, then what did without one" "$(table)" \
    "stack  TLS  role    Linux 6.1.176  Linux 7.2.7  userspace
A 1    1.2  client  1/1 pass       1/1 pass     1/1 pass
A 1    1.2  server  1/1 pass       1/1 pass     1/1 pass
A 1    1.3  client  -              1/2 [1]      -

[1] CHACHA20-POLY1305: lost a byte; lost"
same "rows that say the same are one in markdown" "$(table --markdown)" \
    "| stack | TLS | role | Linux 6.1.176 | Linux 7.2.7 | userspace |
|---|---|---|---|---|---|
| A 1 | 1.2 | client, server | 1/1 pass | 1/1 pass | 1/1 pass |
| A 1 | 1.3 | client | - | 1/2 [1] | - |

- [1] CHACHA20-POLY1305: lost a byte; lost"
same "nothing to say of no cells" "$(echo ok | tests/matrix_table.sh)" ""
finish
