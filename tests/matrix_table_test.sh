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

# Both that are in the logs of this test.
ALL="AES-128-GCM, CHACHA20-POLY1305"

same "cells joined, one line for each" \
    "$(table --tsv | grep -c '')" 8
same "a failure among passes is one, with each reason once" \
    "$(table --tsv | grep 'CHACHA')" \
    "A 1	1.3	client	CHACHA20-POLY1305	7.2.7	lost a byte; lost"
same "what --tsv wrote gives the same table" \
    "$(table --tsv | tests/matrix_table.sh)" "$(table)"
same "every cell is there, by the name of its suite" "$(table)" \
    "stack  TLS  role            suites                          \
Linux 6.1.176  Linux 7.2.7  userspace
A 1    1.2  client, server  AES-128-GCM                     \
pass           pass         pass
A 1    1.2  client, server  CHACHA20-POLY1305               \
not run        not run      not run
A 1    1.3  client          AES-128-GCM                     \
not run        pass         not run
A 1    1.3  client          CHACHA20-POLY1305               \
not run        failed [1]   not run
A 1    1.3  server          $ALL  \
not run        not run      not run

[1] lost a byte; lost"
same "the same in markdown" "$(table --markdown)" \
    "| stack | TLS | role | suites | Linux 6.1.176 | Linux 7.2.7 | userspace |
|---|---|---|---|---|---|---|
| A 1 | 1.2 | client, server | AES-128-GCM | pass | pass | pass |
| A 1 | 1.2 | client, server | CHACHA20-POLY1305 | not run | not run | not run |
| A 1 | 1.3 | client | AES-128-GCM | not run | pass | not run |
| A 1 | 1.3 | client | CHACHA20-POLY1305 | not run | failed [1] | not run |
| A 1 | 1.3 | server | $ALL | not run | not run | not run |

- [1] lost a byte; lost"
same "nothing to say of no cells" "$(echo ok | tests/matrix_table.sh)" ""

# whole STACK WHERE [RESULT]: every cell of both versions and roles
whole() {
    local version role suite
    for version in 1.2 1.3; do
        for role in client server; do
            for suite in AES-128-GCM CHACHA20-POLY1305; do
                cell "$1" $version $role $suite "$2" "${3:-pass}"
            done
        done
    done
}

same "what passed alike is one row" "$(whole "B 2" 6.1.176 |
    tests/matrix_table.sh --markdown | tail -n 1)" \
    "| B 2 | 1.2, 1.3 | client, server | $ALL | pass |"

same "kernels by version, then what did without one" "$(
    for where in library userspace 10.0.1 7.2.7 7.2.10; do
        whole "B 2" $where
    done | tests/matrix_table.sh --markdown | sed -n 's/.* suites | //p')" \
    "Linux 7.2.7 | Linux 7.2.10 | Linux 10.0.1 | userspace | library |"

# all kinds of stacks, each where it can be
kinds() {
    local where
    for where in 7.2.7 userspace library; do
        whole "OpenSSL 3" $where
        [ $where = library ] || whole "GnuTLS 3 (keys)" $where
    done
    whole "none (keys, musl)" 7.2.7
    whole "Mbed TLS 2.28.3 (keys)" 7.2.7 | grep -v '	1\.3	'
    whole "none (keys, musl)" 6.18.44 "no kernel TLS"
}

# shellcheck disable=SC2016
same "what cannot be has its reason" \
    "$(kinds | tests/matrix_table.sh --markdown)" \
    "| stack | TLS | role | suites | Linux 7.2.7 | userspace | library |
|---|---|---|---|---|---|---|
| GnuTLS 3 (keys) | 1.2, 1.3 | client, server | $ALL | pass | pass | - |
| Mbed TLS 2.28.3 (keys) | 1.2 | client, server | $ALL | pass | not run | - |
| Mbed TLS 2.28.3 (keys) | 1.3 | client, server | $ALL | - | - | - |
| OpenSSL 3 | 1.2, 1.3 | client, server | $ALL | pass | pass | pass |
| none (keys, musl) | 1.2, 1.3 | client, server | $ALL | pass | - | - |

"'- `-` library: ktls_open() has no SSL to leave the records with
- `-` TLS 1.3: Mbed TLS 2 has none
- `-` userspace, library: ktls-none has the kernel'"'"'s path alone
- Linux 6.18.44: no kernel TLS'
same "a kernel that lacks TLS now and then has its column" "$(
    { whole "B 2" 6.18.44 "no kernel TLS"; whole "C 3" 6.18.44; } |
        tests/matrix_table.sh --markdown | tail -n 4)" \
    "| B 2 | 1.2, 1.3 | client, server | $ALL | failed [1] |
| C 3 | 1.2, 1.3 | client, server | $ALL | pass |

- [1] no kernel TLS"
# shellcheck disable=SC2016
same "a failure before the hand-off is in a column of its own" "$(
    { whole "B 2" 7.2.7
      cell "B 2" 1.2 client AES-128-GCM "no hand-off" "full: signal 11"; } |
        tests/matrix_table.sh --markdown | sed -n '1p;3p;8,$p')" \
    '| stack | TLS | role | suites | Linux 7.2.7 | no hand-off |
| B 2 | 1.2 | client | AES-128-GCM | pass | failed [1] |
- [1] full: signal 11
- `-` no hand-off: holds only what failed before it'

# What a log of run.sh says of its programs.
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# ends NAME, log on stdin: the notes that are made of it
ends() {
    cat >"$scratch/$1.log"
    tests/matrix_table.sh --tsv "$scratch/$1.log" |
        tests/matrix_table.sh | sed -n '/^not whole: /s///p'
}

same "one that died is named" "$(ends uml-7.2 <<'end'
== kernel_conn
== kernel_conn: 0 passed, 1 failed, exit status 1
== kernel_matrix
== kernel_matrix: 0 passed, 1 failed, exit status 139
== stacks
== stacks: 164 passed, 0 failed, exit status 0
end
)" "uml-7.2: kernel_matrix: 0 passed, 1 failed, exit status 139: \
cells may be missing"
same "one that did not end is named" "$(ends userspace <<'end'
== kernel_matrix-userspace
end
)" "userspace: kernel_matrix-userspace did not end: its cells are missing"
same "nor did one before the next" "$(ends uml-6.1 <<'end'
== kernel_matrix
== backends
== backends: 1 passed, 0 failed, exit status 0
end
)" "uml-6.1: kernel_matrix did not end: its cells are missing"
echo "== none" >"$scratch/a.log"
echo "== backends: 1 passed, 0 failed, exit status 0" >"$scratch/b.log"
same "nor in its own log" \
    "$(tests/matrix_table.sh "$scratch/a.log" "$scratch/b.log")" "
not whole: a: none did not end: its cells are missing"
same "one that was not run, or not built, is named" "$(ends stacks <<'end'
not run, because build-asan failed
# wolfssl_keys is not built
end
)" "stacks: not run, because build-asan failed
stacks: wolfssl_keys is not built"

left_out() {
    local suite
    for suite in AES128-GCM CHACHA20; do
        echo "left out: read_ahead=1, $suite, TLS 1.2, client: B 2 has not fins"
        echo "left out: full, late, $suite, TLS 1.3, server: B 2 has not fins"
        echo "left out: full, $suite, TLS 1.3, server: B 2 has not a tail"
    done
    whole "B 2" 7.2.7
}

same "what a stack has not, with what was left out for it" \
    "$(left_out | tests/matrix_table.sh | grep '^left out')" \
    "left out: B 2 has not a tail: full
left out: B 2 has not fins: full, late; read_ahead=1"
finish
