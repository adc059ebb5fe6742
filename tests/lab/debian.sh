# shellcheck shell=bash disable=SC2154
# Packages of any Debian release, with apt and dpkg and a state of their own
# below $lab_dir: they are unpacked there, never installed. Sourced after
# common.sh.
#
# KTLS_LAB_MIRROR  Debian mirror to use in place of the one apt knows
# KTLS_LAB_KEYRING keyring that signs Debian's archive

# suites whose lists this run has read
declare -A refreshed=()

# Package lists may be missing (containers) or stale: update once, try again.
apt_install() {
    local install=(apt-get install -qq -y --no-install-recommends)
    export DEBIAN_FRONTEND=noninteractive
    "${install[@]}" "$@" >/dev/null 2>&1 && return
    apt-get update -qq >&2 && "${install[@]}" "$@" >/dev/null
}

# The host's own Debian mirror if it has one, so that proxies and mirrors an
# administrator chose are respected.
debian_mirror() {
    local uri
    if [ -n "${KTLS_LAB_MIRROR:-}" ]; then
        echo "$KTLS_LAB_MIRROR"
        return
    fi
    # shellcheck disable=SC2016
    uri=$(apt-get indextargets --format '$(ORIGIN)|$(SUITE)|$(REPO_URI)' \
        2>/dev/null | awk -F'|' '$1 == "Debian" && $2 !~ /security/ {
            print $3; exit }') || true
    [ -n "$uri" ] || uri=$(sed -nE \
        's#^(URIs:|deb( \[.*\])?) *([a-z+]+://[^ ]*/debian/?)( .*)?$#\3#p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
        /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1) || true
    echo "${uri:-$(printf 'http://%s.%s/%s' deb debian.org debian)}"
}

host_keyring() {
    local file
    if [ -n "${KTLS_LAB_KEYRING:-}" ]; then
        echo "$KTLS_LAB_KEYRING"
        return
    fi
    for file in {"$lab_dir",/usr/share/keyrings}/*keyring.[gp]*; do
        case ${file##*/} in
        keyring.* | debian-archive-keyring.*) ;;
        *) continue ;;
        esac
        [ -s "$file" ] || continue
        echo "$file"
        return
    done
    return 1
}

# run apt's $2... on suite $1 alone, whatever the host is set up with; a
# mirror that lags behind will do for a test kernel: signatures are checked,
# their date is not
apt_suite() {
    local state=$lab_dir/apt/$1 tool=$2
    shift 2
    "$tool" -o Dir::Etc::SourceList="$state/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
        -o Dir::State::status="$state/status" -o APT::Architecture=amd64 \
        -o APT::Architectures=amd64 -o APT::Default-Release= \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
        -o Acquire::Check-Valid-Until=false \
        -o APT::Update::Post-Invoke-Success::= "$@"
}

write_sources() {
    local suite=$1 keyring=$2 state=$lab_dir/apt/$1
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' \
        "$keyring" "$(debian_mirror)" "$suite" >"$state/sources.list"
}

update_suite() {
    write_sources "$1" "$2"
    apt_suite "$1" apt-get -qq -o APT::Update::Error-Mode=any update \
        >"$lab_dir/apt/$1/log" 2>&1
}

# Signatures are never skipped: a keyring too old for a suite is replaced by
# the one of an older suite that it can still verify.
newer_keyring() {
    local suite keyring=$1 new file dir=$lab_dir/apt/keyring
    for suite in bookworm trixie; do
        rm -rf "$dir"
        update_suite "$suite" "$keyring" || continue
        new=$(unpack "$suite" debian-archive-keyring "$dir") || continue
        file=$(find "$dir" -name 'debian-archive-keyring.[gp]*' | head -n 1)
        [ -s "$file" ] || continue
        keyring=$lab_dir/keyring.${file##*.}
        cp -L "$file" "$keyring"
        say "took debian-archive-keyring $new from Debian $suite"
    done
    [ "$keyring" != "$1" ] && newer=$keyring
}

refresh() {
    local suite=$1 keyring newer
    [ -z "${refreshed[$suite]:-}" ] || return 0
    keyring=$(host_keyring) || {
        need_keyring
        keyring=$(host_keyring)
    }
    if ! update_suite "$suite" "$keyring"; then
        grep -qE 'NO_PUBKEY|EXPKEYSIG|not signed|Sub-process .*gpgv' \
            "$lab_dir/apt/$suite/log" && newer_keyring "$keyring" &&
            update_suite "$suite" "$newer" || return 1
    fi
    refreshed[$suite]=1
}

need_keyring() {
    if [ "$(id -u)" != 0 ] || ! apt_install debian-archive-keyring; then
        die "Debian's archive keys are missing: install" \
            "debian-archive-keyring, or set KTLS_LAB_KEYRING"
    fi
}

candidate() {
    apt_suite "$1" apt-cache --no-all-versions show "$2" 2>/dev/null |
        sed -n 's/^Version: //p' | head -n 1
}

# download package $2 of suite $1, unpack it into $3, print its version
unpack() {
    local dir
    dir=$(mktemp -d "$lab_dir/apt/download.XXXXXX")
    (cd "$dir" && apt_suite "$1" apt-get -qq download "$2" >&2) &&
        mkdir -p "$3" && dpkg -x "$dir"/*.deb "$3" &&
        dpkg-deb -f "$dir"/*.deb Version
    local rc=$?
    rm -rf "$dir"
    return $rc
}

# what package $2 of suite $1 depends on, as far as its name matches $3
depends_on() {
    apt_suite "$1" apt-cache depends --no-recommends --no-suggests "$2" |
        sed -nE "s/^ *Depends: ($3)\$/\1/p"
}

# --- what is cached -------------------------------------------------------

# Looked for again after that many days, or with --update.
max_age_days=7

need_debian() {
    type -P apt-get dpkg-deb >/dev/null ||
        die "apt-get and dpkg are needed (Debian, Ubuntu)"
}

# One at a time, kernels and libraries alike.
lock_cache() {
    mkdir -p "$lab_dir/apt"
    exec 9>"$lab_dir/lock"
    flock 9
}

stamp_value() {
    sed -n "s/^$2=//p" "$lab_dir/$1/stamp" 2>/dev/null || true
}

# What is old stays usable when the network does not answer.
is_fresh() {
    [ -s "$lab_dir/$1/stamp" ] && [ -z "$update" ] &&
        [ -z "$(find "$lab_dir/$1/stamp" -mtime "+$max_age_days")" ]
}

# The lists of suite $2 for $1, of which version $3 is here if not empty:
# fails where that one has to do, and ends the program where there is none.
reach() {
    refresh "$2" && return
    tail -n 5 "$lab_dir/apt/$2/log" >&2
    [ -n "$3" ] || die "$1: cannot read the package lists of Debian $2" \
        "(see above); is there a network?"
    say "$1: Debian $2 does not answer, keeping $3"
    return 1
}

# $1.new becomes $1; runs in progress keep the old one's files open
put_in_place() {
    rm -rf "$lab_dir/$1.old"
    [ ! -e "$lab_dir/$1" ] || mv "$lab_dir/$1" "$lab_dir/$1.old"
    mv "$lab_dir/$1.new" "$lab_dir/$1"
    rm -rf "$lab_dir/$1.old"
}
