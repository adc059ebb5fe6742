# shellcheck shell=bash
# Sourced by the checks that are scripts: a line per thing checked, a count
# and a status at the end.

passed=0
failed=0

ok() {
    passed=$((passed + 1))
    echo "ok - $*"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok - $*"
}

# check WHAT COMMAND...: it succeeds; its output is shown where it does not
check() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        ok "$what"
    else
        not_ok "$what"
        [ -z "$said" ] || echo "$said" | sed 's/^/    /'
    fi
}

# same WHAT A B: two texts are equal
same() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1"
        diff <(echo "$2") <(echo "$3") | sed 's/^/    /'
    fi
}

# empty WHAT TEXT: nothing was found
empty() {
    if [ -z "$2" ]; then
        ok "$1"
    else
        not_ok "$1"
        echo "$2" | head -n 20 | sed 's/^/    /'
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
