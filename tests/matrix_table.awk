# SPDX-License-Identifier: MIT
# The table of what matrix_cells.awk found: see matrix_table.sh.
#
# form     text or markdown
# kernels  the columns, a line for each
#
# Every stack has a cell for each version, role, suite and kernel: one that is
# in no log was not run, and says so, unless it is one that cannot be.
BEGIN {
    FS = "\t"
    VERSION = 2; ROLE = 3; SUITES = 4; NAMED = 4
    n = split(kernels, kernel, "\n")
    for (i = 1; i <= n; i++)
        has_tls[kernel[i]] = 0
    told = 0
}

$1 == "note" { note[++notes] = $2; next }
$1 == "lacks" {
    key = $2 " has not " $3
    if (!(key in lacks)) lack[++lacked] = key
    lacks[key] = lacks[key] (key in lacks && lacks[key] != "" ? "; " : ": ") $4
    next
}
NF == 6 {
    if (!($1 in is_stack)) { is_stack[$1]; stack[++stacks] = $1 }
    if (!($4 in is_suite)) { is_suite[$4]; suite[++suites] = $4 }
    result[$1, $2, $3, $4, $5] = $6
    if ($6 != "no kernel TLS") has_tls[$5] = 1
}

# Why there can be no such cell, or "".
function cannot(stack, version, kernel) {
    if (kernel == "no hand-off")
        return "no hand-off: holds only what failed before it"
    if (stack ~ /^Mbed TLS 2\./ && version == "1.3")
        return "TLS 1.3: Mbed TLS 2 has none"
    if (stack ~ /^none / && kernel !~ /^[0-9]/)
        return "userspace, library: ktls-none has the kernel's path alone"
    if (stack ~ /\(keys\)$/ && kernel == "library")
        return "library: ktls_open() has no SSL to leave the records with"
    return ""
}

function value(stack, version, role, suite, kernel,    text) {
    if ((stack, version, role, suite, kernel) in result) {
        text = result[stack, version, role, suite, kernel]
        if (text == "pass") return text
        if (!(text in number)) { number[text] = ++told; reason[told] = text }
        return "failed [" number[text] "]"
    }
    text = cannot(stack, version, kernel)
    if (text == "") return "not run"
    impossible[text]
    return "-"
}

# A row for each stack, version, role and suite.
function fill(    s, v, r, u, k) {
    for (s = 1; s <= stacks; s++)
        for (v = 2; v <= 3; v++)
            for (r = 0; r < 2; r++)
                for (u = 1; u <= suites; u++) {
                    grid[++rows, 1] = stack[s]
                    grid[rows, VERSION] = "1." v
                    grid[rows, ROLE] = r ? "server" : "client"
                    grid[rows, SUITES] = suite[u]
                    for (k = 1; k <= n; k++)
                        grid[rows, NAMED + k] = value(stack[s], "1." v,
                            grid[rows, ROLE], suite[u], kernel[k])
                }
}

# Rows that differ in this column alone become one, which names all.
function merge(column,    r, i, key, first) {
    for (r = 1; r <= rows; r++) {
        if (r in gone) continue
        key = ""
        for (i = 1; i <= NAMED + n; i++)
            if (i != column) key = key FS grid[r, i]
        if (key in first) {
            grid[first[key], column] = grid[first[key], column] ", " \
                grid[r, column]
            gone[r]
        } else
            first[key] = r
    }
}

function line(row,    i, text) {
    text = form == "markdown" ? "|" : ""
    for (i = 1; i <= NAMED + n; i++)
        if (form == "markdown") text = text " " grid[row, i] " |"
        else text = text sprintf("%-" width[i] "s  ", grid[row, i])
    sub(/ +$/, "", text)
    print text
}

function draw(    r, i, rule) {
    for (r = 0; r <= rows; r++)
        for (i = 1; i <= NAMED + n; i++)
            if (!(r in gone) && length(grid[r, i]) > width[i])
                width[i] = length(grid[r, i])
    line(0)
    rule = "|"
    for (i = 1; i <= NAMED + n; i++) rule = rule "---|"
    if (form == "markdown") print rule
    for (r = 1; r <= rows; r++)
        if (!(r in gone)) line(r)
}

# A line below the table, the first one after an empty one.
function below(text) {
    if (!any++) print ""
    print (form == "markdown" ? "- " : "") text
}

END {
    grid[0, 1] = "stack"; grid[0, VERSION] = "TLS"; grid[0, ROLE] = "role"
    grid[0, SUITES] = "suites"
    # a kernel whose cells all say so has no column
    for (i = 1; i <= n; i++)
        if (has_tls[kernel[i]]) kernel[++kept] = kernel[i]
        else without[++bare] = kernel[i]
    n = kept + 0
    for (i = 1; i <= n; i++)
        grid[0, NAMED + i] = (kernel[i] ~ /^[0-9]/ ? "Linux " : "") kernel[i]
    fill()
    merge(SUITES); merge(ROLE); merge(VERSION)
    if (n) draw()
    for (i = 1; i <= told; i++) below("[" i "] " reason[i])
    # in an order that is the same each time: that of the rules above
    for (i = 1; i <= stacks; i++)
        for (v = 2; v <= 3; v++)
            for (k = 1; k <= n; k++) {
                text = cannot(stack[i], "1." v, kernel[k])
                if (text in impossible) {
                    below((form == "markdown" ? "`-` " : "-   ") text)
                    delete impossible[text]
                }
            }
    for (i = 1; i <= bare; i++) below("Linux " without[i] ": no kernel TLS")
    for (i = 1; i <= lacked; i++) below("left out: " lack[i] lacks[lack[i]])
    for (i = 1; i <= notes; i++) below("not whole: " note[i])
}
