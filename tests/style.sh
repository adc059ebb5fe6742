#!/bin/bash
# What a compiler does not see: lengths, words, heads, and the shell scripts.
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

# With git the files that are or would be committed, else all but build/.
files() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@" |
            while read -r file; do [ ! -f "$file" ] || echo "$file"; done
    else
        local pattern
        for pattern; do
            find . -path ./build -prune -o -type f -path "./$pattern" -print
        done | sed 's,^\./,,'
    fi | sort -u
}

mapfile -t sources < <(files '*.c' '*.h')
mapfile -t library < <(files 'lib/*.c' 'lib/*.h' 'include/*.h')
mapfile -t scripts < <(files '*.sh' '.ci/run')
mapfile -t shipped < <(files 'lib/*' 'include/*' 'examples/*' 'pkgconfig/*')
mapfile -t everything < <(files '*')

# A tab reaches the next multiple of eight.
wide_lines() {
    expand "${sources[@]}" >/dev/null || return
    local file
    for file in "${sources[@]}"; do
        expand "$file" | awk -v file="$file" 'length($0) > 80 {
            printf "%s:%d: %d columns\n", file, FNR, length($0) }'
    done
}

# The public header is mostly the contract itself and stays one file.
long_files() {
    wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 400 &&
        $2 != "include/ktls/ktls.h" { print $2 ": " $1 " lines" }'
}

long_functions() {
    awk 'FNR == 1 { start = 0 }
        /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start + 1 > 60)
                printf "%s:%d: function of %d lines\n", FILENAME, start,
                       FNR - start + 1
            start = 0 }' "${sources[@]}"
}

headless() {
    local file
    for file in "${sources[@]}"; do
        head -n 1 "$file" | grep -q '^/\* SPDX-License-Identifier: MIT \*/$' ||
            echo "$file"
    done
}

# Written in two halves, so that this file does not find itself.
unfinished_words() {
    grep -nIwE "TO""DO|FIX""ME|XX""X|HA""CK|not impl""emented|st""ub|for n""ow" \
        "${shipped[@]}"
}

vague_names() {
    printf '%s\n' "${library[@]}" |
        grep -E '/[a-z_]*(util|helper|common|manager)[a-z_]*\.[ch]$'
    grep -nE '\b[a-z_]*(_util|helper|manager)[a-z_]*\(' "${library[@]}"
}

# A checkout's own path, or a mirror's address, is nobody else's business.
private_paths() {
    grep -nIF "$(pwd -P)" "${everything[@]}"
    grep -nIE 'https?://[a-z.]*(deb''ian|n''pm)' "${everything[@]}"
}

blanks() {
    grep -nIE '[ 	]+$' "${sources[@]}" "${scripts[@]}"
    local file
    for file in "${sources[@]}" "${scripts[@]}"; do
        [ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
    done
}

empty "no line is wider than 80 columns" "$(wide_lines)"
empty "no file is longer than 400 lines" "$(long_files)"
empty "no function is longer than 60 lines" "$(long_functions)"
empty "every source names its licence" "$(headless)"
empty "nothing says that it is unfinished" "$(unfinished_words)"
empty "no vague names" "$(vague_names)"
empty "no private paths or mirrors" "$(private_paths)"
empty "no blanks at the end of a line" "$(blanks)"
if command -v shellcheck >/dev/null; then
    check "shellcheck" shellcheck -x -S warning "${scripts[@]}"
else
    not_ok "shellcheck is not installed"
fi
finish
