# SPDX-License-Identifier: MIT
# Logs in, what is known of the cells out: see matrix_table.sh.  Lines of three
# kinds, with a TAB between their fields, which are read again as they are:
#
#   STACK VERSION ROLE SUITE KERNEL RESULT   a cell: "pass", or the reasons
#   lacks STACK FEATURE SCENARIO             left out by kernel_matrix
#   note TEXT                                what may not be whole, and why
BEGIN { FS = OFS = "\t" }

function log_name(    name) {
    name = FILENAME
    sub(/^.*\//, "", name)
    sub(/\.log$/, "", name)
    return name == "" || name == "-" ? "" : name ": "
}

# Its cells come at its end, or not at all.
function did_not_end() {
    if (running != "")
        kept["note" OFS running_in running " did not end: its cells are missing"]
    running = ""
}

function cell(    key) {
    key = $1 OFS $2 OFS $3 OFS $4 OFS $5
    if (!(key in why))
        why[key] = ""
    if ($6 != "pass" && index("; " why[key] "; ", "; " $6 "; ") == 0)
        why[key] = why[key] (why[key] == "" ? "" : "; ") $6
}

# "left out: SCENARIO, AEAD, TLS 1.2, client: STACK has not FEATURE"
function left_out(    what, who) {
    what = who = $0
    sub(/^left out: /, "", what)
    sub(/, [^,]*, TLS 1\.[23], (client|server): .*/, "", what)
    sub(/^.*, TLS 1\.[23], (client|server): /, "", who)
    sub(/ has not /, OFS, who)
    kept["lacks" OFS who OFS what]
}

FNR == 1 { did_not_end() }
{ sub(/\r$/, "") }
# run.sh says that it starts a program, and how it ended
/^== (kernel_matrix|stacks|backends|none)[^: ]*$/ {
    did_not_end()
    running = substr($0, 4)
    running_in = log_name()
}
/^== [^:]*: .*, exit status [0-9]+$/ && running != "" {
    if ($0 !~ /exit status 0$/) {
        text = $0
        sub(/^== /, "", text)
        kept["note" OFS log_name() text ": cells may be missing"]
    }
    running = ""
}
/^# [a-z]+_keys is not built$/ { kept["note" OFS log_name() substr($0, 3)] }
/^not run, because / { kept["note" OFS log_name() $0] }
/^left out: .*, TLS 1\.[23], (client|server): .* has not / { left_out() }
$1 == "lacks" || $1 == "note" { kept[$0] }
$1 == "cell" { sub(/^cell\t/, "") }
NF == 6 && $2 ~ /^1\.[23]$/ { cell() }

END {
    did_not_end()
    for (key in why)
        print key, why[key] == "" ? "pass" : why[key]
    for (line in kept)
        print line
}
