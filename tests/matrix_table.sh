#!/bin/bash
# What the matrix programs ran, as a table: a row per TLS stack, version and
# role, a column per kernel.
#
#   matrix_table.sh [--tsv | --markdown] [FILE]...
#
# FILEs are logs with lines that begin with "cell", or what --tsv made of
# them: stack, version, role, suite, kernel and "pass" or the reason, with a
# TAB between. Several of one cell count as passed when all of them did.
#
#   --tsv       the cells, sorted, one line for each
#   --markdown  for README.md: rows that say the same are one
set -euo pipefail

form=text
case ${1:-} in
--tsv | --markdown) form=${1#--}; shift ;;
-*) sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac

# one line per cell, the reasons joined
cells() {
    awk -F'\t' -v OFS='\t' '
        { sub(/\r$/, "") }
        $1 == "cell" { sub(/^cell\t/, "") }
        NF != 6 || $2 !~ /^1\.[23]$/ { next }
        { key = $1 OFS $2 OFS $3 OFS $4 OFS $5 }
        !(key in why) { why[key] = "" }
        $6 != "pass" && index("; " why[key] "; ", "; " $6 "; ") == 0 {
            why[key] = why[key] (why[key] == "" ? "" : "; ") $6 }
        END { for (key in why)
            print key, why[key] == "" ? "pass" : why[key] }' "$@" |
        LC_ALL=C sort
}

# Kernels by their version, then what did without one.
columns() {
    cut -f5 | sort -u | awk '{ print (/^[0-9]/ ? 1 : /^userspace/ ? 2 : 3) \
        "\t" $0 }' | sort -t '	' -k1,1n -k2,2V | cut -f2
}

# As many suites in a cell as there are in its stack's row: "3/3 pass"; what
# did not pass is a note below.
pivot() {
    awk -F'\t' -v form="$form" -v kernels="$1" '
        function put(row, col, text) {
            grid[row, col] = text
            if (length(text) > width[col]) width[col] = length(text) }
        function value(id, kernel,    text) {
            if (!((id, kernel) in all)) return "-"
            text = (good[id, kernel] + 0) "/" all[id, kernel]
            if (note[id, kernel] != "") return text " [" note[id, kernel] "]"
            return text " pass" }
        function same(a, b,    i) {
            for (i = 1; i <= n; i++)
                if (value(a, col[i]) != value(b, col[i])) return 0
            return 1 }
        # b goes into a, where both are there and say the same
        function merge(a, b) {
            if (!(a in seen) || !(b in seen) || (a in gone) || (b in gone) ||
                !same(a, b)) return 0
            gone[b] = 1
            return 1 }
        function line(row,    i, text) {
            text = form == "markdown" ? "|" : ""
            for (i = 1; i <= n + 3; i++)
                if (form == "markdown") text = text " " grid[row, i] " |"
                else text = text sprintf("%-" width[i] "s  ", grid[row, i])
            sub(/ +$/, "", text)
            print text }
        BEGIN { n = split(kernels, col, "\n") }
        {
            id = $1 SUBSEP $2 SUBSEP $3
            if (!(id in seen)) { seen[id] = ++rows; ids[rows] = id }
            stacks[$1]
            all[id, $5]++
            if ($6 == "pass") { good[id, $5]++; next }
            text = $4 ": " $6
            if (!(text in number)) { number[text] = ++notes; told[notes] = text }
            note[id, $5] = note[id, $5] (note[id, $5] == "" ? "" : ", ") \
                number[text]
        }
        END {
            put(0, 1, "stack"); put(0, 2, "TLS"); put(0, 3, "role")
            for (i = 1; i <= n; i++)
                put(0, i + 3, (col[i] ~ /^[0-9]/ ? "Linux " : "") col[i])
            if (form == "markdown")
                for (stack in stacks)
                    for (v = 2; v <= 3; v++)
                        if (merge(stack SUBSEP "1." v SUBSEP "client",
                                stack SUBSEP "1." v SUBSEP "server"))
                            role[stack SUBSEP "1." v SUBSEP "client"] = "both"
            if (form == "markdown")
                for (stack in stacks)
                    for (r = 0; r < 2; r++) {
                        what = r ? "server" : "client"
                        a = stack SUBSEP "1.2" SUBSEP what
                        b = stack SUBSEP "1.3" SUBSEP what
                        if (role[a] == role[b] && merge(a, b))
                            version[a] = "1.2, 1.3" }
            line_at = 0
            for (r = 1; r <= rows; r++) {
                if (ids[r] in gone) continue
                split(ids[r], part, SUBSEP)
                put(++line_at, 1, part[1])
                put(line_at, 2, version[ids[r]] ? version[ids[r]] : part[2])
                if (role[ids[r]] == "both") part[3] = "client, server"
                put(line_at, 3, part[3])
                for (i = 1; i <= n; i++)
                    put(line_at, i + 3, value(ids[r], col[i])) }
            line(0)
            if (form == "markdown") {
                rule = "|"
                for (i = 1; i <= n + 3; i++) rule = rule "---|"
                print rule }
            for (r = 1; r <= line_at; r++) line(r)
            if (notes) print ""
            for (i = 1; i <= notes; i++)
                print (form == "markdown" ? "- " : "") "[" i "] " told[i] }'
}

all=$(cells "$@")
[ -n "$all" ] || exit 0
if [ "$form" = tsv ]; then
    echo "$all"
else
    echo "$all" | pivot "$(echo "$all" | columns)"
fi
