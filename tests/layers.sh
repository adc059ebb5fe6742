#!/bin/bash
# The order of the house: a file of lib/ uses only what stands above it, one
# file makes the system calls, and none ends, prints or signals.
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

# The order is the build's own list of sources.
order=$(sed -n '/^set(ktls_sources/,/)/p' lib/CMakeLists.txt |
    grep -oE '[a-z0-9_]+\.c' | sed 's/\.c$//')

# A header stands where its source stands; one without a source of its own
# stands above them all.
place() {
    echo "$order" | grep -nx "$1" | cut -d: -f1
}

# NAME of "NAME.h" for each header of lib/ that file $1 includes
included() {
    sed -n 's/^#include "\([a-z0-9_]*\)\.h"$/\1/p' "$1"
}

upward_only() {
    local name file own other wrong=0
    for name in $order; do
        own=$(place "$name")
        for file in "lib/$name.c" "lib/$name.h"; do
            [ -e "$file" ] || continue
            for other in $(included "$file"); do
                [ "$(place "$other" || true)" ] || continue
                [ "$(place "$other")" -le "$own" ] && continue
                echo "$file includes $other.h, which stands below it"
                wrong=1
            done
        done
    done
    return $wrong
}

unlisted() {
    local file name
    for file in lib/*.c; do
        name=$(basename "$file" .c)
        [ "$(place "$name")" ] || echo "$file"
    done
}

# Comments and strings out, line numbers kept.
code() {
    awk 'function strip(s,  out, c, n) {
            out = ""
            for (n = 1; n <= length(s); n++) {
                c = substr(s, n, 1)
                if (in_comment) {
                    if (substr(s, n, 2) == "*/") { in_comment = 0; n++ }
                } else if (substr(s, n, 2) == "/*") { in_comment = 1; n++ }
                else if (in_string) {
                    if (c == "\\") n++
                    else if (c == "\"") { in_string = 0; out = out c }
                } else {
                    if (c == "\"" && !quoted(s, n)) in_string = 1
                    out = out c
                }
            }
            return out
        }
        function quoted(s, n) { return substr(s, n - 1, 3) == "\x27\"\x27" }
        FNR == 1 { in_comment = in_string = 0 }
        { print FILENAME ":" FNR ":" strip($0) }' "$@"
}

calls='accept4?|bind|connect|dup[23]?|epoll_[a-z_]+|fcntl|fork|getpeername|'
calls+='getsockname|getsockopt|ioctl|listen|lseek(64)?|mmap|open(at2?)?|pipe2?|'
calls+='poll|ppoll|pread(64)?|preadv|pthread_sigmask|pwrite|read|readv|recv|'
calls+='recvfrom|recvmsg|select|send|sendfile(64)?|sendmsg|sendto|setsockopt|'
calls+='shutdown|sigaction|signal|sigpending|sigprocmask|sigtimedwait|'
calls+='sigwait|socket|socketpair|splice|syscall|write|writev|close|fstat|stat'

# A call by its bare name: not a member of the table, not a longer name, not
# a declaration of such a member.
bare_calls() {
    code lib/*.c |
        grep -vE '^lib/sys\.c:' |
        grep -E "(^|[^A-Za-z0-9_.>*])($calls) *\("
}

banned='abort|assert|exit|_exit|_Exit|quick_exit|raise|kill|printf|fprintf|'
banned+='vfprintf|puts|fputs|putchar|perror|syslog|signal|alarm|sleep|usleep|'
banned+='pthread_create|thrd_create|fork|system|popen|getenv|setenv|'
banned+='sprintf|strcpy|strcat|gets|alloca|atexit|ERR_print_errors_fp'

banned_calls() {
    code lib/*.c | grep -E "(^|[^A-Za-z0-9_.>])($banned) *\("
}

# errno is set by system calls: only the file that makes them looks at it,
# and what talks to the TLS library, which reports its own that way.
errno_users() {
    code lib/*.c | grep -vE '^lib/(sys|backend_[a-z]+|errors_ssl)\.c:' |
        grep -E '(^|[^A-Za-z0-9_>.])errno([^A-Za-z0-9_.]|$)'
}

empty "lib/CMakeLists.txt lists every source" "$(unlisted)"
check "each file includes only what stands above it" upward_only
empty "system calls are made by sys.c only" "$(bare_calls)"
empty "nothing ends the process, prints, signals or sleeps" "$(banned_calls)"
empty "errno is read by sys.c and the backend only" "$(errno_users)"
finish
