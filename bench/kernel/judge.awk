# From lines of kbench behind a kernel's name to a table for people, or the
# lines of the JSON (-v format=table or json): each line beside its peer, and
# the goals.  Exit status 1 with a table in which a goal falls short.
#
# Fields: kernel, what is done, call, path, version, suite, size, count, and the
# least and the most of its bursts.

BEGIN {
    FS = "\t"
    # What a line is compared to: the raw system call, or OpenSSL.
    peer["send-file", "ktls_sendfile kernel"] = "sendfile kernel"
    peer["send-file", "SSL_sendfile kernel"] = "sendfile kernel"
    peer["send-file", "ktls_sendfile userspace"] = "pread+SSL_write userspace"
    peer["send-file", "pread+SSL_write kernel"] = "sendfile kernel"
    peer["send-file", "pread+send kernel"] = "sendfile kernel"
    peer["send-memory", "ktls_write kernel"] = "send kernel"
    peer["send-memory", "SSL_write kernel"] = "send kernel"
    peer["send-memory", "ktls_write userspace"] = "SSL_write userspace"
    peer["receive", "ktls_read kernel"] = "recv kernel"
    peer["receive", "recvmsg kernel"] = "recv kernel"
    peer["receive", "SSL_read kernel"] = "recv kernel"
    peer["receive", "ktls_read kernel no-pad"] = "SSL_read userspace"
    peer["receive", "recv kernel no-pad"] = "SSL_read userspace"
    peer["receive", "ktls_read userspace"] = "SSL_read userspace"
    peer["hand-off", "ktls_handoff kernel"] = "SSL_accept kernel"
    peer["hand-off", "ktls_handoff userspace"] = "SSL_accept userspace"
    peer["hand-off", "attach+install kernel"] = "SSL_accept kernel"
    title["send-file"] = "sending from a file"
    title["send-memory"] = "sending from memory"
    title["receive"] = "receiving"
    title["hand-off"] = "hand-off, instructions in all"
}

{
    n++
    kernel[n] = $1; what[n] = $2; way[n] = $3; path[n] = $4
    version[n] = $5; suite[n] = $6; size[n] = $7; count[n] = $8
    least[n] = $9; most[n] = $10
    group = group_of(n)
    at[group, $3 " " $4, $7] = n
    # What is read or written 16 KiB at a time, whatever was asked for.
    if (!((group, $3 " " $4) in any) || $7 == 16384)
        any[group, $3 " " $4] = n
}

# Plain TCP stands beside the first suite.
function group_of(i) {
    return kernel[i] FS what[i] FS \
        (version[i] == "-" ? "TLSv1.3" FS "AES-128-GCM" : \
        version[i] FS suite[i])
}

# The line of the peer, at the same size where it has it; 0: there is none.
function peer_of(i,    name, g) {
    name = peer[what[i], way[i] " " path[i]]
    if (name == "")
        return 0
    g = group_of(i)
    if ((g, name, size[i]) in at)
        return at[g, name, size[i]]
    return (name ~ /^(pread|SSL_read)/ && (g, name) in any) ? any[g, name] : 0
}

# The numbers to reach: a ratio that may not be exceeded, or 0.
function goal_of(i) {
    if (version[i] != "TLSv1.3" || suite[i] != "AES-128-GCM")
        return 0
    if (way[i] == "ktls_sendfile" && path[i] == "kernel" && size[i] >= 65536)
        return 1.005
    if (way[i] == "ktls_read" && path[i] == "kernel no-pad" &&
        kernel[i] == "6.1" && size[i] >= 262144)
        return 0.83
    return 0
}

# The medians repeat to some 0.1 %, whatever the machine does.
function verdict(ratio, goal) {
    return ratio <= goal + 0.00005 ? "reached" : "SHORT"
}

function size_text(s) {
    return s == 0 ? "" : s >= 1048576 ? s / 1048576 " MiB" : s / 1024 " KiB"
}

function number(v) {
    return sprintf(v < 1000 ? "%.3f" : "%.0f", v)
}

function by_size() {
    sizes = split("0 16384 65536 262144 1048576", order, " ")
}

# A row for each way, a column for each size.
function table_rows(g, i,    j, k, s, name, row, seen, p, line) {
    for (j = i; j <= n && group_of(j) == g; j++) {
        name = way[j] " " path[j]
        if (name in seen)
            continue
        seen[name] = 1
        line = sprintf("  %-27s", name)
        for (s = 2; s <= sizes; s++) {
            if ((g, name, order[s]) in at) {
                k = at[g, name, order[s]]
                p = peer_of(k)
                line = line sprintf(" %8s %-8s", number(count[k]), \
                    p ? sprintf("(%.3f)", count[k] / count[p]) : "")
            } else
                line = line sprintf(" %17s", "")
        }
        p = peer[what[j], name]
        sub(/ +$/, "", line)
        print line (p == "" ? "" : sprintf("%*s%s", \
            111 - length(line), "against ", p))
    }
}

function table_handoff(g, i,    j, p) {
    for (j = i; j <= n && group_of(j) == g; j++) {
        p = peer_of(j)
        printf "  %-27s %8s%s\n", way[j] " " path[j], number(count[j]), \
            p ? sprintf("  %.2f %% of the server's handshake", \
                100 * count[j] / count[p]) : ""
    }
}

function table(    i, g, s, done, part) {
    for (i = 1; i <= n; i++) {
        g = group_of(i)
        if (g in done)
            continue
        done[g] = 1
        split(g, part, FS)
        printf "\nLinux %s, %s, %s %s\n", kernel[i], title[what[i]], \
            part[3], part[4]
        if (what[i] == "hand-off") {
            table_handoff(g, i)
            continue
        }
        printf "  %-27s", "instructions per byte"
        for (s = 2; s <= sizes; s++)
            printf " %8s %-8s", size_text(order[s]), ""
        print ""
        table_rows(g, i)
    }
}

# Prints a line where there is a goal; 1: it falls short.
function tell_goal(i,    p, goal, ratio) {
    goal = goal_of(i)
    p = peer_of(i)
    if (!goal || !p)
        return 0
    ratio = count[i] / count[p]
    printf "  %-7s  Linux %-4s  %-23s %7s against %s: %.4f, goal %s\n", \
        verdict(ratio, goal), kernel[i], way[i] " " path[i], \
        size_text(size[i]), way[p] " " path[p], ratio, goal
    return verdict(ratio, goal) != "reached"
}

function goals(    i, s, g, short, done) {
    print "\nGoals"
    for (i = 1; i <= n; i++) {
        g = group_of(i) FS way[i] FS path[i]
        if (g in done)
            continue
        done[g] = 1
        for (s = 2; s <= sizes; s++)
            if ((group_of(i), way[i] " " path[i], order[s]) in at)
                short += tell_goal( \
                    at[group_of(i), way[i] " " path[i], order[s]])
    }
    return short
}

function spread(i) {
    return sprintf("\"median\": %s, \"min\": %s, \"max\": %s", \
        count[i], least[i], most[i])
}

function json(    i, p, goal, ratio) {
    print " \"lines\": ["
    for (i = 1; i <= n; i++) {
        printf "  {\"kernel\": \"%s\", \"name\": \"%s\", \"way\": \"%s\", " \
            "\"path\": \"%s\", \"version\": \"%s\", \"suite\": \"%s\", " \
            "\"size\": %d, \"unit\": \"%s\", %s", kernel[i], what[i], way[i], \
            path[i], version[i], suite[i], size[i], \
            size[i] ? "instructions/byte" : "instructions", spread(i)
        p = peer_of(i)
        if (p) {
            ratio = sprintf("%.5f", count[i] / count[p])
            printf ",\n   \"peer\": \"%s\", \"peer_value\": {%s}, " \
                "\"compare\": \"share\", \"ratio\": {\"median\": %s}", \
                way[p] " " path[p], spread(p), ratio
        }
        goal = p ? goal_of(i) : 0
        printf ", \"goal\": %s, \"verdict\": %s}%s\n", goal ? goal : "null", \
            goal ? "\"" verdict(ratio, goal) "\"" : "null", i < n ? "," : ""
    }
    print " ]"
}

END {
    by_size()
    if (format == "json") {
        json()
        exit 0
    }
    table()
    exit goals() > 0
}
