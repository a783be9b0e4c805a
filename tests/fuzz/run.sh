#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD SECONDS TARGET...: each target with libFuzzer for so long, starting with its corpus in the tree. What is new
# goes to BUILD/fuzz/corpus/TARGET, an input that breaks something to BUILD/fuzz/found/TARGET-*. Prints a table.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2
shift 2
mkdir -p "$build/fuzz/found"
# temporary databases: in memory where there is such a place
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# libtraceevent 1.7.1 loses a few bytes of a text that it refuses: no leak check in what uses it
bad=0
# edges: those of all code that the target is linked with, helpers and what it never calls included
printf '%-10s %12s %9s %16s %8s  %s\n' target runs runs/s edges inputs result
for t in "$@"; do
	new=$build/fuzz/corpus/$t log=$build/fuzz/$t.log
	mkdir -p "$new" "tests/corpus/$t"
	case $t in page | format | analysis | import) leaks=0 ;; *) leaks=1 ;; esac
	# short stacks of allocations: to take long ones costs more than most targets; replay.c takes them
	# which inputs are rare is not worth a tenth of the time where there are 20000 edges
	dict= entropic=1
	[ "$t" != analysis ] || entropic=0
	[ -f "tests/fuzz/$t.dict" ] && dict=-dict=tests/fuzz/$t.dict
	ASAN_OPTIONS=detect_leaks=$leaks:malloc_context_size=4:quarantine_size_mb=16:allocator_release_to_os_interval_ms=-1 UBSAN_OPTIONS=print_stacktrace=1 "$build/fuzz/fuzz_$t" $dict -entropic=$entropic -max_total_time="$seconds" \
		-timeout=30 -rss_limit_mb=2560 -max_len=81920 -detect_leaks=$leaks -print_final_stats=1 \
		-artifact_prefix="$build/fuzz/found/$t-" "$new" "tests/corpus/$t" >"$log" 2>&1
	rc=$?
	result=ok
	[ $rc = 0 ] || { result="BROKEN, see $log"; bad=1; }
	edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
	all=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | head -1)
	printf '%-10s %12s %9s %16s %8s  %s\n' "$t" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" \
		"${edges:-0} of ${all:-0}" "$(ls "$new" | wc -l)" "$result"
done
exit $bad
