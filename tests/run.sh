#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh: all tests, one after the other; the last line is "N passed, N failed, N skipped".
# A test script prints lines "ok NAME", "not ok NAME: WHY", "skip NAME: WHY"; unit tests are cmocka programs.
# With arguments: only the scripts named so (tests/NAME.sh), or "unit".
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
export BUILD
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
passed=0 failed=0 skipped=0

want() { [ -z "$only" ] || case " $only " in *" $1 "*) true ;; *) false ;; esac; }
only="$*"

# for tests/advice.sh
export ADVICE="$BUILD/test/advice.json"
! want unit || rm -f "$ADVICE"
for t in "$BUILD"/test/test_*; do
	case $t in *.*) continue ;; esac
	want unit || break
	name=$(basename "$t")
	timeout 300 "$t" >"$log/out" 2>&1
	rc=$?
	p=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log/out" | head -1)
	f=$(sed -n 's/.*\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log/out" | head -1)
	passed=$((passed + ${p:-0}))
	if [ $rc != 0 ]; then
		failed=$((failed + ${f:-1}))
		echo "not ok $name (status $rc)"
		grep -v -e '\[ RUN' -e '\[       OK' "$log/out" | tail -40
	else
		echo "ok $name: ${p:-0}"
	fi
done

unset ADVICE
for t in cli install golden exports lang json replay cuts corrupt bad hostile_db imports folders corpus confine live_counts live_perf live_load live_cpu live_softirq live_identity live_ties live_kill live_limits live_privilege advice browser instructions lint; do
	[ -f "tests/$t.sh" ] && want "$t" || continue
	timeout 900 sh "tests/$t.sh" >"$log/out" 2>"$log/err"
	rc=$?
	cat "$log/out"
	p=$(grep -c '^ok ' "$log/out")
	f=$(grep -c '^not ok ' "$log/out")
	s=$(grep -c '^skip ' "$log/out")
	if [ $((p + f + s)) = 0 ] || { [ $rc != 0 ] && [ "$f" = 0 ]; }; then
		echo "not ok $t: ended with status $rc"
		f=$((f + 1))
	fi
	[ "$f" = 0 ] || tail -30 "$log/err"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
