#!/bin/bash
# Installs, builds and checks everything, in every kernel of the lab; ends
# with a line per suite and "N passed, N failed".
#
#   run.sh [--quick] [--no-kernel] [--no-install] [--stop] [--seed N]
#          [--releases] [--suite NAME]...
#
#   --quick      without the long campaigns, QEMU and the second compiler
#   --no-kernel  without the lab; the summary says what was not run
#   --no-install take what is installed
#   --stop       stop at the first suite that fails (else -k: keep going)
#   --releases   the hand-off with OpenSSL's newer releases, too: fetches
#                those of Debian trixie and sid (.ci/run does)
#   --seed N     for the random tests; printed at the start
#   --suite NAME only this one, and what it needs built; --list names them
set -u -o pipefail

cd "$(dirname "$0")/.." || exit 1
# It would have its way with every connection of the tests.
unset KTLS_PATH
top=$PWD
logs=$top/build/test-logs
lab=$top/tests/lab

quick="" no_kernel="" no_install="" stop="" releases="" seed=$((RANDOM * 32768 + RANDOM))
only=()
jobs=$(nproc)
# For what hangs; the lab has a limit of its own.
limit=(timeout -k 10 1800)

# One suite per line, for a function suite_NAME: its name; "alone" where it
# uses every processor by itself, or reads this host's tls_stat, to which others
# would add, else "beside"; what it needs; what the summary calls it.  Longest
# first, so that no processor idles at the end.
# Needs: the builds gcc, asan, tsan, ipsec-mb, or none; lab: a kernel of it;
# slow: not with --quick; releases: only with --releases; native: only where
# this host's kernel has TLS.
suites='
build-gcc alone none build (gcc, warnings are errors)
build-clang alone none,slow build (clang, warnings are errors)
build-asan alone none build (gcc, ASan+UBSan)
build-tsan alone none,slow build (gcc, TSan)
build-ipsec-mb alone none,slow build (AES-GCM from ipsec-mb, ASan+UBSan)
no-backend alone lab without a TLS library (glibc, musl; UML 6.1 and 7.2)
uml-6.1 beside gcc,lab kernel tests (UML 6.1)
userspace beside asan,slow userspace path (this host, ASan+UBSan)
uml-7.2 beside gcc,lab kernel tests (UML 7.2)
qemu-6.1 beside gcc,lab,slow kernel tests (QEMU 6.1, two processors)
parity beside gcc parity of the paths (this host, records in the test)
library beside asan,slow library path (this host, ASan+UBSan)
unit beside asan unit (gcc, ASan+UBSan)
ipsec-mb beside ipsec-mb,slow userspace path with ipsec-mb (this host, ASan+UBSan)
openssl-3.5-uml-6.1 beside gcc,lab,releases newer OpenSSL (UML 6.1)
openssl-3.6-uml-6.1 beside gcc,lab,releases newer OpenSSL (UML 6.1)
tidy beside gcc,ipsec-mb,slow clang-tidy
uml-7.2-boringssl beside gcc,lab BoringSSL (UML 7.2)
uml-6.1-boringssl beside gcc,lab,slow BoringSSL (UML 6.1)
uml-7.2-open beside gcc,lab,slow connections by their keys (UML 7.2)
uml-6.1-open beside gcc,lab,slow connections by their keys (UML 6.1)
boringssl-fuzz beside gcc BoringSSL, fuzz (this host, records in the test)
boringssl beside asan,gcc BoringSSL (this host, ASan+UBSan)
uml-6.1-stacks beside gcc,lab,slow other TLS stacks by their keys (UML 6.1)
uml-6.1-backends beside gcc,lab,slow OpenSSL and BoringSSL, two processes (UML 6.1)
uml-7.2-stacks beside gcc,lab other TLS stacks by their keys (UML 7.2)
uml-7.2-backends beside gcc,lab OpenSSL and BoringSSL, two processes (UML 7.2)
uml-7.2-examples-boringssl beside gcc,lab,slow examples on BoringSSL (UML 7.2)
uml-6.1-fuzz beside gcc,lab hand-off fuzz (UML 6.1)
uml-7.2-fuzz beside gcc,lab hand-off fuzz (UML 7.2)
fuzz beside gcc hand-off fuzz (this host, records in the test)
fuzz-asan beside asan hand-off fuzz (this host, ASan+UBSan)
openssl-3.5-uml-7.2 beside gcc,lab,releases newer OpenSSL (UML 7.2)
openssl-3.6-uml-7.2 beside gcc,lab,releases newer OpenSSL (UML 7.2)
uml-6.1-parity beside gcc,lab parity of the paths (UML 6.1)
uml-7.2-parity beside gcc,lab parity of the paths (UML 7.2)
openssl-3.5 beside gcc,releases newer OpenSSL (this host)
openssl-3.6 beside gcc,releases newer OpenSSL (this host)
parity-asan beside asan parity of the paths (this host, ASan+UBSan)
threads beside tsan,slow reader and writer (TSan)
uml-6.1-examples beside gcc,lab examples (UML 6.1)
uml-7.2-examples beside gcc,lab examples (UML 7.2)
uml-7.2-keys beside gcc,lab key updates with stock peers (UML 7.2)
keys beside asan key updates with stock peers (this host, ASan+UBSan)
examples beside asan examples (this host, ASan+UBSan)
examples-boringssl beside asan examples on BoringSSL (this host, ASan+UBSan)
backends beside asan OpenSSL and BoringSSL, two processes (this host, ASan+UBSan)
open beside asan,slow connections by their keys (this host, ASan+UBSan)
stacks beside asan other TLS stacks by their keys (this host, ASan+UBSan)
suites beside asan,slow every suite with stock peers (this host, ASan+UBSan)
native alone gcc,native kernel tests (this host)
native-examples alone gcc,native examples (this host, kernel path)
costs beside gcc,slow system calls, copies and memory (this host)
lab beside none,lab lab (itself)
consumer beside gcc consumer (CMake and pkg-config)
cppcheck beside none cppcheck
style beside none style
layers beside none layers
table beside none table of the matrices (itself)
abi beside gcc abi and manual
'

declare -A how_of=() needs_of=() title_of=()
names=()
read_suites() {
    local name how needs title
    while read -r name how needs title; do
        [ -n "$name" ] || continue
        names+=("$name")
        how_of[$name]=$how needs_of[$name]=$needs title_of[$name]=$title
    done <<<"$suites"
}

# needs SUITE WORD: WORD is one of those it needs
needs() {
    case ,${needs_of[$1]:-}, in *",$2,"*) true ;; *) false ;; esac
}

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
        --releases) releases=1 ;;
        --seed) seed=$2; shift ;;
        --suite) only+=("$2"); shift ;;
        --list) printf '%s\n' "${names[@]}"; exit ;;
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
suite_table() { count table tests/matrix_table_test.sh; }
suite_abi() { count abi tests/abi.sh build/gcc build/none; }
suite_consumer() { count consumer tests/consumer/run.sh build/gcc build/none; }

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
suite_library() {
    local path
    without_kernel --library
    # what no kernel has a part in, and no other suite
    for path in userspace/library library/userspace; do
        count "kernel_life-${path/\//-}" "${limit[@]}" \
            build/asan/tests/kernel/kernel_life --path "$path"
    done
}
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
        */fuzz_open)
            [[ $1 = in_* ]] || for way in "" --no-rekey; do
                count "fuzz_open$way" "$@" "$file" $way \
                    --iterations "$iterations" --seed "$seed"
            done
            continue ;;
        *) [[ $1 = in_* ]] || count "${file##*/}" "$@" "$file" \
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
        --iterations $((quick ? 2000 : 30000)) --seed "$seed"
}

suite_parity-asan() {
    sanitizers
    count test_sendfile "${limit[@]}" build/asan/tests/parity/test_sendfile
    count fuzz_parity "${limit[@]}" build/asan/tests/parity/fuzz_parity \
        --iterations $((quick ? 200 : 2000)) --seed "$((seed + 1))"
}

suite_tidy() {
    local file build
    for file in lib/*.c examples/*.c examples/*/*.c; do
        [ -e "$file" ] || continue
        build=build/gcc
        case $file in *_ipsec_mb.c) build=build/ipsec-mb ;; esac
        count "${file//\//_}" clang-tidy --quiet -p "$build" "$file"
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

# What is emulated is slow: only paths that need this kernel.  All of those
# run where it can rekey, each half with each other; the other one has the
# pairs that a hand-off chooses there, and kernel_conn's own pair.  The paths
# without a kernel are this host's (library, userspace).
kernel_tests() {
    local file list path
    local paths=(kernel kernel/userspace userspace/kernel) only=(--kernel)
    have "$1" || return
    if [ "$1" != uml-6.1 ]; then
        paths+=(kernel/library library/kernel)
        only=()
    fi
    list=$(programs gcc kernel kernel) || { failed=1; return; }
    for file in $list; do
        case $file in
        *_life)
            for path in "${paths[@]}"; do
                count "kernel_life-${path/\//-}" in_lab "$1" "$file" \
                    --path "$path"
            done ;;
        *_conn) count kernel_conn in_lab "$1" "$file" "${only[@]}" ;;
        *) count "${file##*/}" in_lab "$1" "$file" ;;
        esac
    done
}

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

# It builds for itself, also what two suites below compare and install.
suite_no-backend() { count none tests/none.sh uml-6.1 uml-7.2; }

suite_uml-6.1-stacks() { kernel_stacks uml-6.1; }
suite_uml-7.2-stacks() { kernel_stacks uml-7.2; }

kernel_stacks() {
    have "$1" && count stacks in_lab "$1" tests/interop/stacks.sh \
        --build build/gcc --path kernel
}

suite_stacks() {
    sanitizers
    count stacks "${limit[@]}" tests/interop/stacks.sh --build build/asan \
        --path userspace
}

suite_uml-6.1-backends() { kernel_backends uml-6.1 --path kernel --path tx; }
suite_uml-7.2-backends() { kernel_backends uml-7.2 --path kernel --path tx \
    --path rx; }

# kernel_backends KERNEL OPTION...
kernel_backends() {
    have "$1" && count backends in_lab "$1" tests/interop/backends.sh \
        --build build/gcc "${@:2}"
}

suite_backends() {
    sanitizers
    count backends "${limit[@]}" tests/interop/backends.sh --build build/asan
}

suite_uml-7.2-examples-boringssl() {
    have uml-7.2 && count examples in_lab uml-7.2 tests/interop/run.sh \
        --build build/gcc --backend boringssl --expect kernel
}

suite_examples-boringssl() {
    sanitizers
    count examples "${limit[@]}" tests/interop/run.sh --build build/asan \
        --backend boringssl
}

# The hand-off of the tests above, with BoringSSL; what it has not is said.
suite_boringssl() {
    local dir=build/asan/tests/boringssl scenarios=() file name
    [ -z "$quick" ] || scenarios=(full resumed Hello client memory 0-RTT)
    sanitizers
    export KTLS_REQUIRE_KERNEL=0
    count test_take "${limit[@]}" "$dir/test_take"
    count test_cut "${limit[@]}" "$dir/test_cut"
    count test_small "${limit[@]}" "$dir/test_small"
    count test_cut_doubt "${limit[@]}" "$dir/test_cut_doubt"
    count test_cut_end "${limit[@]}" "$dir/test_cut_end"
    count fuzz_open "${limit[@]}" "$dir/fuzz_open" --iterations 200 \
        --seed "$seed"
    count fuzz_handoff "${limit[@]}" "$dir/fuzz_handoff" --fake-kernel \
        --iterations 200 --seed "$seed"
    count kernel_life-userspace "${limit[@]}" "$dir/kernel_life" --userspace
    count kernel_life-library "${limit[@]}" "$dir/kernel_life" --library
    count kernel_matrix-userspace "${limit[@]}" "$dir/kernel_matrix" \
        --userspace "${scenarios[@]}"
    [ -z "$quick" ] || return
    count kernel_soak "${limit[@]}" "$dir/kernel_soak" --userspace --threads
    for file in tests/fuzz/test_open*.c; do
        name=$(basename "$file" .c)
        case $name in
        # the longest, and what counts allocations: in boringssl-fuzz
        test_open | test_open_cut | test_open_memory) ;;
        *) count "$name" "${limit[@]}" "$dir/$name" ;;
        esac
    done
    dir=build/gcc/tests/boringssl
    count kernel_matrix-library "${limit[@]}" "$dir/kernel_matrix" --library
    count kernel_conn-library "${limit[@]}" "$dir/kernel_conn" --library
    count kernel_conn-userspace "${limit[@]}" "$dir/kernel_conn" --userspace
}

# It takes AES-GCM in TLS 1.3 only where the processor has it.
suite_boringssl-fuzz() {
    local dir=build/gcc/tests/boringssl n=$((quick ? 200 : 2000)) way name
    for way in "" --no-rekey; do
        count "fuzz_open$way" "${limit[@]}" "$dir/fuzz_open" $way \
            --iterations "$n" --seed "$seed"
        count "fuzz_handoff$way" "${limit[@]}" "$dir/fuzz_handoff" \
            --fake-kernel $way --iterations "$n" --seed "$seed"
        count "fuzz_handoff-chacha$way" env \
            OPENSSL_ia32cap=~0x200000000000000 "${limit[@]}" \
            "$dir/fuzz_handoff" --fake-kernel $way --iterations "$n" \
            --seed "$seed"
    done
    [ -z "$quick" ] || return
    for name in faults open open_cut open_memory; do
        count "test_$name" "${limit[@]}" "$dir/test_$name"
    done
}

suite_uml-6.1-boringssl() { kernel_boringssl uml-6.1; }

suite_uml-7.2-boringssl() {
    kernel_boringssl uml-7.2
    [ -n "$quick" ] || count kernel_conn in_lab uml-7.2 \
        build/gcc/tests/boringssl/kernel_conn --kernel
}

kernel_boringssl() {
    local dir=build/gcc/tests/boringssl scenarios=()
    have "$1" || return
    [ -z "$quick" ] || scenarios=(full resumed 0-RTT)
    count kernel_matrix in_lab "$1" "$dir/kernel_matrix" "${scenarios[@]}"
    count kernel_life in_lab "$1" "$dir/kernel_life" --path kernel
    count fuzz_handoff in_lab "$1" "$dir/fuzz_handoff" --seed "$seed" \
        --iterations $((quick ? 50 : 1000))
}

suite_open() {
    sanitizers
    export KTLS_REQUIRE_KERNEL=0
    count kernel_life "${limit[@]}" build/asan/tests/kernel/kernel_life --keys \
        --userspace
    count kernel_conn "${limit[@]}" build/asan/tests/kernel/kernel_conn --keys \
        --userspace
}

# kernel_conn is left out: how this kernel takes keys, and what it does with
# them, are in those below, and the calls behind an opening are those behind a
# hand-off, which kernel_conn has there.
suite_uml-6.1-open() { kernel_open uml-6.1; }

suite_uml-7.2-open() {
    kernel_open uml-7.2
    [ "$failed" != 0 ] || count kernel_conn in_lab uml-7.2 \
        build/gcc/tests/kernel/kernel_conn --keys --kernel
}

# Of the tests with made-up keys those to which a real kernel has something to
# say, in one start of it.
kernel_open() {
    local name programs=()
    have "$1" || return
    for name in "" _bad _fds _cipher _cut _control _updates _ends _keeps \
        _keys; do
        programs+=("build/gcc/tests/fuzz/test_open$name")
    done
    # shellcheck disable=SC2016
    KTLS_TEST_WORLD=host count test_open in_lab "$1" sh -c 'status=0
        for program; do "$program" || status=1; done
        exit $status' sh "${programs[@]}"
    count kernel_life in_lab "$1" build/gcc/tests/kernel/kernel_life \
        --keys --path kernel
}

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

# The record layer was written anew in 3.2, and its callbacks with it: what
# reads secrets, sequence numbers and unread bytes out of an SSL runs with
# each release.  The programs are the ones built with this host's OpenSSL, and
# the peers are the release's own.
suite_openssl-3.5() { release_tests openssl-3.5; }
suite_openssl-3.6() { release_tests openssl-3.6; }
suite_openssl-3.5-uml-6.1() { release_kernel openssl-3.5 uml-6.1; }
suite_openssl-3.5-uml-7.2() { release_kernel openssl-3.5 uml-7.2; }
suite_openssl-3.6-uml-6.1() { release_kernel openssl-3.6 uml-6.1; }
suite_openssl-3.6-uml-7.2() { release_kernel openssl-3.6 uml-7.2; }

have_release() {
    count fetch_release tests/openssl/fetch.sh "$1"
    [ "$failed" = 0 ]
}

release_tests() {
    local file path
    local with=("${limit[@]}" tests/openssl/run.sh "$1")
    local ways=("--fake-kernel" "--fake-kernel --read-ahead"
        "--fake-kernel --no-rekey" "--fake-kernel --no-rekey --read-ahead")
    have_release "$1" || return
    export KTLS_REQUIRE_KERNEL=0
    count compile tests/openssl/compile.sh "$1" build/gcc
    for file in tests/unit/test_*.c; do
        file=$(basename "$file" .c)
        # it makes EVP_DigestFinal_ex fail, which 3.6's HMAC does not call
        [ "$file" = test_schedule ] ||
            count "$file" "${with[@]}" "build/gcc/tests/unit/$file"
    done
    for file in edges_handoff reasons_ssl reasons_kernel; do
        count "test_$file" "${with[@]}" "build/gcc/tests/fuzz/test_$file"
    done
    for path in userspace library; do
        count "kernel_matrix-$path" "${with[@]}" \
            build/gcc/tests/kernel/kernel_matrix "--$path"
    done
    fuzz gcc $((quick ? 200 : 2000)) "${with[@]}"
}

release_kernel() {
    local with=(in_release_lab "$1" "$2") ways=("" --read-ahead) scenarios=()
    have "$2" && have_release "$1" || return
    # what the releases differ in is not the kernel's matter: in one of them
    # the ways of a handshake are enough
    [ "$2" != uml-6.1 ] ||
        scenarios=(full resumed Hello client read_ahead "memory BIOs" 0-RTT)
    count kernel_matrix "${with[@]}" build/gcc/tests/kernel/kernel_matrix \
        "${scenarios[@]}"
    fuzz gcc $((quick ? 50 : 300)) "${with[@]}"
}

in_release_lab() {
    tests/openssl/run.sh "$1" --kernel "$2" --timeout 1800 "${@:3}"
}

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
            [[ $1 = build-* ]] && needs "$name" "${1#build-}" && return
        done
        return 1
    fi
    ! { needs "$1" slow && [ -n "$quick" ]; } &&
        ! { needs "$1" releases && [ -z "$releases" ]; } &&
        ! { needs "$1" native && ! host_has_tls; }
}

host_has_tls() {
    grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null
}

# the build that SUITE wants and that failed, if so
broken_build() {
    local build
    for build in gcc asan tsan ipsec-mb; do
        needs "$1" "$build" && [ -s "$logs/build-$build.result" ] &&
            ! grep -q '^1 0 ' "$logs/build-$build.result" &&
            echo "build-$build" && return
    done
    return 1
}

# sets used: processor seconds that this shell's children have used, emulated kernels
# among them
processor_time() {
    # of this very shell: not in a pipe
    times >"$logs/$suite.times.out"
    used=$(awk 'NR == 2 { gsub(/[ms]/, " ")
        print int($1 * 60 + $2 + $3 * 60 + $4) }' "$logs/$suite.times.out")
    rm -f "$logs/$suite.times.out"
}

run_suite() {
    local suite=$1 began=$SECONDS broken used
    if broken=$(broken_build "$suite"); then
        echo "0 1 0 0" >"$logs/$suite.result"
        echo "not run, because $broken failed" >"$logs/$suite.log"
        report "$suite" 0
        return
    fi
    (
        "suite_$suite"
        [ $((passed + failed + skipped)) -gt 0 ] || failed=1
        processor_time
        echo "$passed $failed $skipped $used" >"$logs/$suite.result"
    ) >"$logs/$suite.log" 2>&1
    [ -s "$logs/$suite.result" ] || echo "0 1 0 0" >"$logs/$suite.result"
    report "$suite" $((SECONDS - began))
}

report() {
    local suite=$1 took=$2 good bad skip used
    read -r good bad skip used <"$logs/$suite.result"
    [ "$bad" = 0 ] || {
        echo "---- $suite: the end of build/test-logs/$suite.log"
        grep -E '^not ok|:[FE]:|: error|ERROR:|runtime error:' \
            "$logs/$suite.log" | head -n 20
        tail -n 25 "$logs/$suite.log"
        echo "----"
    }
    echo "$(line "${title_of[$suite]}$(release "$suite")" "$good" "$bad" \
        "$skip")  [$took s, $used s of a processor]"
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
    local name running=0
    set -m
    trap interrupted INT TERM
    for name in "${names[@]}"; do
        wanted "$name" || continue
        if [ -n "$no_kernel" ] && needs "$name" lab; then
            echo "not run" >"$logs/$name.result"
            continue
        fi
        if [ "${how_of[$name]}" = alone ]; then
            wait
            running=0
            run_suite "$name"
        else
            # half of what a suite takes is waiting for its peers: two more
            # than there are processors
            [ "$running" -lt $((jobs + 2)) ] ||
                { wait -n; running=$((running - 1)); }
            run_suite "$name" &
            running=$((running + 1))
        fi
        [ -z "$stop" ] || ! grep -q '^[0-9]* [1-9]' "$logs"/*.result || break
    done
    wait
}

# The cells of all matrices of this run, and what of them may be missing.
table() {
    local name good rest files=()
    for name in "${names[@]}"; do
        [ -s "$logs/$name.result" ] && [ -s "$logs/$name.log" ] || continue
        read -r good rest <"$logs/$name.result"
        # that log is an earlier run's
        [ "$good" = not ] || files+=("$logs/$name.log")
    done
    [ ${#files[@]} -gt 0 ] || return 0
    tests/matrix_table.sh --tsv "${files[@]}" >"$logs/cells.tsv"
    [ -s "$logs/cells.tsv" ] || return 0
    [ -z "$no_kernel" ] ||
        printf 'note\tkernels of the lab: --no-kernel\n' >>"$logs/cells.tsv"
    echo
    tests/matrix_table.sh "$logs/cells.tsv"
}

summary() {
    local name good bad skip used all_good=0 all_bad=0
    echo
    for name in "${names[@]}"; do
        [ -s "$logs/$name.result" ] || continue
        read -r good bad skip used <"$logs/$name.result"
        if [ "$good" = not ]; then
            echo "${title_of[$name]}: NOT RUN (--no-kernel)"
            continue
        fi
        line "${title_of[$name]}$(release "$name")" "$good" "$bad" "$skip"
        echo
        all_good=$((all_good + good))
        all_bad=$((all_bad + bad))
    done
    table
    echo
    echo "$all_good passed, $all_bad failed"
    [ "$all_bad" = 0 ] && [ "$all_good" -gt 0 ]
}

# which kernel and which OpenSSL it really was
release() {
    if [[ $1 =~ (uml|qemu)-[0-9.]+ ]]; then
        "$lab/fetch.sh" --list 2>/dev/null |
            awk -v name="${BASH_REMATCH[0]}" '$1 == name { printf ", %s", $2 }'
    fi
    [[ $1 =~ openssl-[0-9.]+ ]] || return 0
    tests/openssl/fetch.sh --list 2>/dev/null |
        awk -v name="${BASH_REMATCH[0]}" '$1 == name {
            printf ", openssl %s of %s", $2, $3 }'
}

main() {
    read_suites
    options "$@"
    export KTLS_REQUIRE_KERNEL=1
    [ -z "$no_kernel" ] || KTLS_REQUIRE_KERNEL=0
    # Check's own limit of 4 seconds is for faster machines than an emulated
    # one; hangs are still found.
    export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-300}
    # a line for each kind of cell
    export KTLS_CELLS=short
    export KTLS_SEED=$seed KTLS_QUICK=${quick:-0} CTEST_OUTPUT_ON_FAILURE=1
    mkdir -p "$logs"
    rm -f "$logs"/*.result "$logs"/*.out "$logs"/cells.tsv
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
