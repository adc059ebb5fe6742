#!/bin/bash
# Installs, builds and checks everything, in every kernel of the lab; ends
# with a line per suite and "N passed, N failed".
#
#   run.sh [--quick] [--no-kernel] [--no-install] [--stop] [--seed N]
#          [--suite NAME]...
#
#   --quick      without the long campaigns, QEMU and the second compiler
#   --no-kernel  without the lab; the summary says what was not run
#   --no-install take what is installed
#   --stop       stop at the first suite that fails (else -k: keep going)
#   --seed N     for the random tests; printed at the start
#   --suite NAME only this one, and what it needs built; --list names them
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# It would have its way with every connection of the tests.
unset KTLS_PATH
top=$PWD
logs=$top/build/test-logs
lab=$top/tests/lab

quick="" no_kernel="" no_install="" stop="" seed=$((RANDOM * 32768 + RANDOM))
only=()
jobs=$(nproc)
# For what hangs; the lab has a limit of its own.
limit=(timeout -k 10 1800)

# One suite per line: name, "alone" where it uses every processor by itself,
# what the summary calls it.
suites='
build-gcc alone build (gcc, warnings are errors)
build-clang alone build (clang, warnings are errors)
build-asan alone build (gcc, ASan+UBSan)
build-tsan alone build (gcc, TSan)
build-ipsec-mb alone build (AES-GCM from ipsec-mb, ASan+UBSan)
uml-6.1 beside kernel tests (UML 6.1)
uml-7.2 beside kernel tests (UML 7.2)
uml-6.1-fuzz beside hand-off fuzz (UML 6.1)
uml-7.2-fuzz beside hand-off fuzz (UML 7.2)
uml-6.1-examples beside examples (UML 6.1)
uml-7.2-examples beside examples (UML 7.2)
uml-6.1-parity beside parity of the paths (UML 6.1)
uml-7.2-parity beside parity of the paths (UML 7.2)
uml-7.2-keys beside key updates with stock peers (UML 7.2)
keys beside key updates with stock peers (this host, ASan+UBSan)
native beside kernel tests (this host)
native-examples beside examples (this host, kernel path)
parity beside parity of the paths (this host, records in the test)
parity-asan beside parity of the paths (this host, ASan+UBSan)
fuzz beside hand-off fuzz (this host, records in the test)
fuzz-asan beside hand-off fuzz (this host, ASan+UBSan)
unit beside unit (gcc, ASan+UBSan)
costs beside system calls, copies and memory (this host)
threads beside reader and writer (TSan)
library beside library path (this host, ASan+UBSan)
userspace beside userspace path (this host, ASan+UBSan)
ipsec-mb beside userspace path with ipsec-mb (this host, ASan+UBSan)
examples beside examples (this host, ASan+UBSan)
suites beside every suite with stock peers (this host, ASan+UBSan)
tidy beside clang-tidy
cppcheck beside cppcheck
style beside style
layers beside layers
abi beside abi and manual
consumer beside consumer (CMake and pkg-config)
lab beside lab (itself)
qemu-6.1 beside kernel tests (QEMU 6.1, two processors)
'

usage() {
    sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0"
}

options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --quick) quick=1 ;;
        --no-kernel) no_kernel=1 ;;
        --no-install) no_install=1 ;;
        --stop) stop=1 ;;
        -k | --keep-going) stop="" ;;
        --seed) seed=$2; shift ;;
        --suite) only+=("$2"); shift ;;
        --list) echo "$suites" | sed -n 's/ .*//p'; exit ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
        esac
        shift
    done
}

# ------------------------------------------------------- counting programs

# Within a suite, which is a subshell whose output is its log.
passed=0 failed=0 skipped=0

# count LABEL COMMAND...: run it, and count what it says of itself: Check's
# totals, lines of our scripts, or else its exit status.  Skipping counts as
# a failure where a kernel is required.
count() {
    local label=$1 output status=0 good bad
    shift
    output=$logs/$suite.$label.out
    echo "== $label"
    "$@" >"$output" 2>&1 </dev/null || status=$?
    cat "$output"
    read -r good bad < <(tally "$output")
    if [ "$status" = 77 ] && [ "$KTLS_REQUIRE_KERNEL" != 1 ]; then
        skipped=$((skipped + 1))
    elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    elif [ "$status" = 0 ] && [ "$good" = 0 ] && [ "$bad" = 0 ]; then
        good=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    echo "== $label: $good passed, $bad failed, exit status $status"
    rm -f "$output"
}

tally() {
    awk '/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
            gsub(/[^0-9 ]/, ""); split($0, n, / +/)
            bad += n[3] + n[4]; good += n[2] - n[3] - n[4] }
        /^all cells +[0-9]+\/[0-9]+$/ { split($3, n, "/")
            good += n[1]; bad += n[2] - n[1] }
        /: [0-9]+ iterations, [0-9]+ failed$/ {
            bad += $(NF - 1); good += $(NF - 3) - $(NF - 1) }
        /^ok - / { good++ }
        /^not ok - / { bad++ }
        END { print good + 0, bad + 0 }' "$1"
}

# programs BUILD FOLDER PREFIX: the built test programs, which must exist
programs() {
    local file
    for file in "$top/tests/$2/$3"_*.c; do
        [ -e "$file" ] || { echo "no tests in tests/$2" >&2; return 1; }
        echo "$top/build/$1/tests/$2/$(basename "$file" .c)"
    done
}

each_program() {
    local file list build=$1 folder=$2 prefix=$3
    shift 3
    [ $# -gt 0 ] || set -- "${limit[@]}"
    list=$(programs "$build" "$folder" "$prefix") || { failed=1; return; }
    for file in $list; do
        count "${file##*/}" "$@" "$file"
    done
}

# ------------------------------------------------------------------ suites

# build PRESET [OPTION...]
build() {
    cmake --preset "$1" -G Ninja &&
        cmake --build "build/$1" -j "$jobs" "${@:2}" -- -k 0
}

suite_build-gcc() { count build build gcc; }
suite_build-clang() { count build build clang; }
suite_build-asan() { count build build asan; }
suite_build-tsan() {
    count build build tsan --target test_two_threads --target kernel_soak \
        --target test_contexts_threads
}
suite_build-ipsec-mb() { count build build ipsec-mb; }
suite_style() { count style tests/style.sh; }
suite_layers() { count layers tests/layers.sh; }
suite_abi() { count abi tests/abi.sh build/gcc; }
suite_consumer() { count consumer tests/consumer/run.sh build/gcc; }

sanitizers() {
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1
}

suite_unit() {
    local folder
    sanitizers
    for folder in unit kernel fuzz; do
        ! compgen -G "tests/$folder/test_*.c" >/dev/null ||
            each_program asan "$folder" test
    done
}

# The same calls and the same peers, without the kernel.
suite_library() { without_kernel --library; }
suite_userspace() { without_kernel --userspace; }

without_kernel() {
    local file list
    sanitizers
    # none is wanted here: the lab runs the same programs with one
    export KTLS_REQUIRE_KERNEL=0
    list=$(programs asan kernel kernel) || { failed=1; return; }
    for file in $list; do
        case $file in *_sock) continue ;; esac
        count "${file##*/}" "${limit[@]}" "$file" "$1"
    done
}

# Everything below the records, and the records of everything above.
suite_ipsec-mb() {
    local name
    sanitizers
    for name in aead cipher contexts contexts_memory sealer opener inbox; do
        count "test_$name" build/ipsec-mb/tests/unit/test_$name
    done
    count kernel_life "${limit[@]}" build/ipsec-mb/tests/kernel/kernel_life \
        --path userspace
    count fuzz_parity "${limit[@]}" build/ipsec-mb/tests/parity/fuzz_parity \
        --iterations $((quick ? 100 : 2000)) --seed "$seed"
}

# Counted without sanitizers, which have their own.
suite_costs() { count test_costs "${limit[@]}" build/gcc/tests/fuzz/test_costs; }

suite_threads() {
    export TSAN_OPTIONS=halt_on_error=1
    count test_contexts_threads build/tsan/tests/unit/test_contexts_threads
    count test_two_threads build/tsan/tests/fuzz/test_two_threads
    count kernel_soak "${limit[@]}" build/tsan/tests/kernel/kernel_soak \
        --path userspace --threads --bytes $((128 << 20))
}

# fuzz BUILD ITERATIONS [COMMAND...]: every program of tests/fuzz by COMMAND,
# that of the hand-off in each of the ways
fuzz() {
    local build=$1 iterations=$2 list file way
    shift 2
    [ $# -gt 0 ] || set -- "${limit[@]}"
    list=$(programs "$build" fuzz fuzz) || { failed=1; return; }
    for file in $list; do
        case $file in
        */fuzz_handoff) ;;
        *) [ "$1" = in_lab ] || count "${file##*/}" "$@" "$file" \
            --iterations $((iterations * 10)) --seed "$seed"
            continue ;;
        esac
        for way in "${ways[@]}"; do
            # shellcheck disable=SC2086
            count "${file##*/}${way// /}" "$@" "$file" $way \
                --iterations "$iterations" --seed "$seed"
        done
    done
}

suite_fuzz() {
    local ways=("--fake-kernel" "--fake-kernel --read-ahead"
        "--fake-kernel --no-rekey" "--fake-kernel --no-rekey --read-ahead")
    fuzz gcc $((quick ? 200 : 5000))
}

suite_fuzz-asan() {
    local ways=("--fake-kernel" "--fake-kernel --no-rekey --read-ahead")
    sanitizers
    fuzz asan $((quick ? 50 : 500))
}

suite_parity() {
    count fuzz_parity "${limit[@]}" build/gcc/tests/parity/fuzz_parity \
        --iterations $((quick ? 2000 : 100000)) --seed "$seed"
}

suite_parity-asan() {
    sanitizers
    count test_sendfile "${limit[@]}" build/asan/tests/parity/test_sendfile
    count fuzz_parity "${limit[@]}" build/asan/tests/parity/fuzz_parity \
        --iterations $((quick ? 200 : 2000)) --seed "$((seed + 1))"
}

suite_tidy() {
    local file
    for file in lib/*.c examples/*.c examples/*/*.c; do
        [ -e "$file" ] || continue
        count "${file//\//_}" clang-tidy --quiet -p build/gcc "$file"
    done
}

suite_cppcheck() {
    count cppcheck cppcheck --quiet --std=c11 --error-exitcode=1 \
        --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem -j "$jobs" \
        --suppressions-list=tests/cppcheck.txt -D__GNUC__ -D_GNU_SOURCE \
        --include=tests/cppcheck.h -Iinclude -Ilib lib examples
}

# Our variables, KTLS_REQUIRE_KERNEL among them, are passed on by the lab.
in_lab() {
    "$lab/run.sh" "$1" --timeout 1800 -- "${@:2}"
}

# have KERNEL: it is there, or counts as a failure
have() {
    count fetch "$lab/fetch.sh" "$1"
    [ "$failed" = 0 ]
}

kernel_tests() { have "$1" && each_program gcc kernel kernel in_lab "$1"; }

kernel_fuzz() {
    local ways=("" --read-ahead)
    have "$1" && fuzz gcc $((quick ? 50 : 1000)) in_lab "$1"
}

kernel_examples() {
    have "$1" && count examples in_lab "$1" tests/interop/run.sh \
        --build build/gcc --expect kernel
}

kernel_parity() {
    have "$1" || return
    count test_sendfile in_lab "$1" build/gcc/tests/parity/test_sendfile
    count fuzz_parity in_lab "$1" build/gcc/tests/parity/fuzz_parity \
        --kernel real --iterations $((quick ? 100 : 2000)) --seed "$seed"
}

suite_uml-6.1-parity() { kernel_parity uml-6.1; }
suite_uml-7.2-parity() { kernel_parity uml-7.2; }

suite_uml-7.2-keys() {
    have uml-7.2 && count key_updates in_lab uml-7.2 \
        tests/interop/key_updates.sh --build build/gcc --path kernel
}

suite_keys() {
    sanitizers
    count key_updates "${limit[@]}" tests/interop/key_updates.sh \
        --build build/asan
}

suite_uml-6.1() { kernel_tests uml-6.1; }
suite_uml-7.2() { kernel_tests uml-7.2; }
suite_uml-6.1-fuzz() { kernel_fuzz uml-6.1; }
suite_uml-7.2-fuzz() { kernel_fuzz uml-7.2; }
suite_uml-6.1-examples() { kernel_examples uml-6.1; }
suite_uml-7.2-examples() { kernel_examples uml-7.2; }

# Two processors, where races show.  The matrix stays out: it needs the
# host's programs, and is long; so does the soak, which is about rekeys.
suite_qemu-6.1() {
    local file list
    have qemu-6.1 || return
    list=$(programs gcc kernel kernel) || { failed=1; return; }
    for file in $list; do
        case $file in
        *_matrix | *_soak) ;;
        *_life) count kernel_life in_lab qemu-6.1 "$file" --path kernel ;;
        *_conn) count kernel_conn in_lab qemu-6.1 "$file" --kernel ;;
        *) count "${file##*/}" in_lab qemu-6.1 "$file" ;;
        esac
    done
}

suite_lab() {
    have uml-6.1 && have uml-7.2 && count lab tests/lab/selftest.sh \
        uml-6.1 uml-7.2
}

suite_native() { each_program gcc kernel kernel; }

suite_native-examples() {
    count examples "${limit[@]}" tests/interop/run.sh --build build/gcc --expect kernel
}

# Leaks of memory show here, those of descriptors everywhere.
suite_examples() {
    sanitizers
    count examples "${limit[@]}" tests/interop/run.sh --build build/asan
}

suite_suites() {
    sanitizers
    count suites "${limit[@]}" tests/interop/suites.sh --build build/asan
}

# --------------------------------------------------------------- the order

wanted() {
    local name
    if [ ${#only[@]} -gt 0 ]; then
        for name in "${only[@]}"; do
            [ "$name" = "$1" ] && return
            needs "$name" "$1" && return
        done
        return 1
    fi
    case $1 in
    build-clang | build-tsan | build-ipsec-mb | ipsec-mb | threads | \
        library | userspace | suites | costs | tidy | qemu-*)
        [ -z "$quick" ] ;;
    native*) host_has_tls ;;
    *) true ;;
    esac
}

# needs SUITE BUILD: SUITE wants BUILD's result
needs() {
    case $1 in
    build-* | style | layers | cppcheck | lab) false ;;
    unit | examples | suites | *-asan | library | userspace | keys)
        [ "$2" = build-asan ] ;;
    ipsec-mb) [ "$2" = build-ipsec-mb ] ;;
    threads) [ "$2" = build-tsan ] ;;
    *) [ "$2" = build-gcc ] ;;
    esac
}

host_has_tls() {
    grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null
}

is_lab() {
    case $1 in uml-* | qemu-* | lab) true ;; *) false ;; esac
}

# the build that SUITE wants and that failed, if so
broken_build() {
    local build
    for build in build-gcc build-asan build-tsan build-ipsec-mb; do
        needs "$1" "$build" && [ -s "$logs/$build.result" ] &&
            ! grep -q '^1 0 ' "$logs/$build.result" && echo "$build" && return
    done
    return 1
}

run_suite() {
    local suite=$1 title=$2 began=$SECONDS broken
    if broken=$(broken_build "$suite"); then
        echo "0 1 0" >"$logs/$suite.result"
        echo "not run, because $broken failed" >"$logs/$suite.log"
        report "$suite" "$title" 0
        return
    fi
    (
        "suite_$suite"
        [ $((passed + failed + skipped)) -gt 0 ] || failed=1
        echo "$passed $failed $skipped" >"$logs/$suite.result"
    ) >"$logs/$suite.log" 2>&1
    [ -s "$logs/$suite.result" ] || echo "0 1 0" >"$logs/$suite.result"
    report "$suite" "$title" $((SECONDS - began))
}

report() {
    local suite=$1 title=$2 took=$3 good bad skip
    read -r good bad skip <"$logs/$suite.result"
    [ "$bad" = 0 ] || {
        echo "---- $suite: the end of build/test-logs/$suite.log"
        grep -E '^not ok|:[FE]:|: error|ERROR:|runtime error:' \
            "$logs/$suite.log" | head -n 20
        tail -n 25 "$logs/$suite.log"
        echo "----"
    }
    echo "$(line "$title" "$good" "$bad" "$skip")  [$took s]"
}

line() {
    printf '%s: %d passed, %d failed' "$1" "$2" "$3"
    [ "$4" = 0 ] || printf ', %d skipped' "$4"
}

# Suites beside each other are process groups of their own, so that nothing
# of them stays behind.
interrupted() {
    local group
    for group in $(jobs -p); do
        kill -- "-$group" 2>/dev/null
    done
    exit 130
}

run_all() {
    local name how title running=0
    set -m
    trap interrupted INT TERM
    while read -r name how title; do
        [ -n "$name" ] && wanted "$name" || continue
        if [ -n "$no_kernel" ] && is_lab "$name"; then
            echo "not run" >"$logs/$name.result"
            continue
        fi
        if [ "$how" = alone ]; then
            wait
            running=0
            run_suite "$name" "$title"
        else
            [ "$running" -lt "$jobs" ] || { wait -n; running=$((running - 1)); }
            run_suite "$name" "$title" &
            running=$((running + 1))
        fi
        [ -z "$stop" ] || ! grep -q '^[0-9]* [1-9]' "$logs"/*.result || break
    done <<<"$suites"
    wait
}

summary() {
    local name how title good bad skip all_good=0 all_bad=0
    echo
    while read -r name how title; do
        [ -s "$logs/$name.result" ] || continue
        read -r good bad skip <"$logs/$name.result"
        if [ "$good" = not ]; then
            echo "$title: NOT RUN (--no-kernel)"
            continue
        fi
        line "$title$(release "$name")" "$good" "$bad" "$skip"
        echo
        all_good=$((all_good + good))
        all_bad=$((all_bad + bad))
    done <<<"$suites"
    echo "$all_good passed, $all_bad failed"
    [ "$all_bad" = 0 ] && [ "$all_good" -gt 0 ]
}

# which kernel it really was
release() {
    local found
    is_lab "$1" || return 0
    found=$("$lab/fetch.sh" --list 2>/dev/null |
        awk -v name="${1%-[a-z]*}" '$1 == name { print $2 }')
    [ -z "$found" ] || printf ', %s' "$found"
}

main() {
    options "$@"
    export KTLS_REQUIRE_KERNEL=1
    [ -z "$no_kernel" ] || KTLS_REQUIRE_KERNEL=0
    # Check's own limit of 4 seconds is for faster machines than an emulated
    # one; hangs are still found.
    export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-300}
    export KTLS_SEED=$seed KTLS_QUICK=${quick:-0} CTEST_OUTPUT_ON_FAILURE=1
    mkdir -p "$logs"
    rm -f "$logs"/*.result "$logs"/*.out
    if [ -z "$no_install" ]; then
        local groups=(build test)
        [ -n "$no_kernel" ] || groups+=(lab)
        KTLS_NO_QEMU=${quick:-0} tests/install.sh "${groups[@]}" || exit 1
    fi
    echo "seed $seed, $jobs processors, logs in build/test-logs"
    run_all
    summary
}

main "$@"
