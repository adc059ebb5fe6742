#!/bin/bash
# What the matrix programs ran, as a table: a row per TLS stack, version, role
# and suite, a column per kernel; rows that say the same are one, which names
# all of them.  What no log has is "not run", and "-" where it cannot be; the
# reasons are below, and what a stack cannot be asked for.
#
#   matrix_table.sh [--tsv | --markdown] [FILE]...
#
# FILEs are logs of run.sh with lines that begin with "cell", or what --tsv
# made of them: stack, version, role, suite, kernel and "pass" or the reason,
# with a TAB between.  Several of one cell count as passed when all of them
# did.  A program whose cells may not all be there is named, too.
#
#   --tsv       the cells, sorted, one line for each, and the notes
#   --markdown  for README.md
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
form=text
case ${1:-} in
--tsv | --markdown) form=${1#--}; shift ;;
-*) sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac

# one line per cell, the reasons joined
cells() {
    awk -f "$here/matrix_cells.awk" "$@" | LC_ALL=C sort
}

# Kernels by their version, then what did without one.
columns() {
    awk -F'\t' 'NF == 6 { print $5 }' | sort -u |
        awk '{ print (/^[0-9]/ ? 1 : /^userspace/ ? 2 : /^library/ ? 3 : 4) \
            "\t" $0 }' | sort -t '	' -k1,1n -k2,2V | cut -f2
}

all=$(cells "$@")
[ -n "$all" ] || exit 0
if [ "$form" = tsv ]; then
    echo "$all"
else
    echo "$all" | awk -v form="$form" -v kernels="$(echo "$all" | columns)" \
        -f "$here/matrix_table.awk"
fi
