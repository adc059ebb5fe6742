#!/bin/bash
# Builds the benchmark as a release, runs it, and says which goals fall short.
#
#   run.sh [--json FILE] [--quick] [--only PATTERN] [--rounds N]
#          [--seconds S] [--ipsec-mb] [--kernel] [--strict] [--list]
#          [--no-install]
#
#   --json FILE    everything for programs, per round
#   --quick        fewer sizes, shorter rounds: about a minute, not eight
#   --only PATTERN the races whose title holds it (--list names them)
#   --rounds N     paired rounds, 9 if not said
#   --seconds S    CPU time of one way in one round
#   --ipsec-mb     take AES-GCM from Intel's multi-buffer library
#   --kernel       the kernel path besides: instructions per byte in QEMU
#   --strict       exit status 1 where a goal falls short
#   --no-install   take what is installed
set -u -o pipefail

here=$PWD
cd "$(dirname "$0")/.." || exit 1
top=$PWD
KTLS_BENCH_COMMAND="./bench/run.sh $*"
export KTLS_BENCH_COMMAND

json="" ipsec_mb=OFF kernel="" install=1
arguments=()

usage() {
    sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0"
}

options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --json | --only | --rounds | --seconds)
            [ $# -gt 1 ] || { usage >&2; exit 2; }
            if [ "$1" != --json ]; then
                arguments+=("$1" "$2")
            elif [ "${2#/}" = "$2" ]; then
                json=$here/$2
            else
                json=$2
            fi
            shift ;;
        --quick | --list) arguments+=("$1") ;;
        --ipsec-mb) ipsec_mb=ON ;;
        --kernel) kernel=1 ;;
        --strict) arguments+=(--strict 1) ;;
        --no-install) install="" ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
        esac
        shift
    done
}

install_missing() {
    local groups=(build)
    [ -n "$install" ] || return 0
    [ "$ipsec_mb" = OFF ] || groups+=(ipsec_mb)
    tests/install.sh "${groups[@]}"
}

# A folder for each kind, so that going to and fro builds nothing anew.
build() {
    folder=$top/build/bench
    [ "$ipsec_mb" = OFF ] || folder=$top/build/bench-ipsec-mb
    mkdir -p "$folder"
    if ! {
        cmake -G Ninja -S "$top" -B "$folder" -DKTLS_BENCH=ON \
            -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" \
            -DKTLS_IPSEC_MB="$ipsec_mb" -DKTLS_BUILD_TESTS=OFF \
            -DKTLS_BUILD_EXAMPLES=OFF -DKTLS_INSTALL=OFF &&
            cmake --build "$folder" --target bench
    } >"$folder/build.log" 2>&1; then
        tail -n 20 "$folder/build.log" >&2
        echo "bench/run.sh: the build failed, see $folder/build.log" >&2
        return 1
    fi
}

# merge FILE NAME MORE: put the object in file MORE into that of FILE, whose
# last line is its closing brace alone.
merge() {
    local merged=$1.merged
    {
        sed '$d' "$1"
        printf ',\n "%s":\n' "$2"
        cat "$3"
        echo "}"
    } >"$merged" && mv "$merged" "$1"
}

kernel_half() {
    local said=$folder/kernel.json options=()
    if [ ! -x bench/kernel/run.sh ]; then
        echo "bench/run.sh: there is no bench/kernel/run.sh" >&2
        return 1
    fi
    case " ${arguments[*]-} " in *" --quick "*) options+=(--quick) ;; esac
    case " ${arguments[*]-} " in *" --strict "*) options+=(--strict) ;; esac
    rm -f "$said"
    echo
    bench/kernel/run.sh --json "$said" ${options[0]+"${options[@]}"} ||
        return 1
    [ -z "$json" ] || merge "$json" kernel "$said"
}

main() {
    local status=0
    options "$@"
    install_missing && build || exit 1
    [ -z "$json" ] || arguments+=(--json "$json")
    "$folder/bench/bench" ${arguments[0]+"${arguments[@]}"} || status=$?
    [ -z "$kernel" ] || kernel_half || status=1
    return $status
}

main "$@"
