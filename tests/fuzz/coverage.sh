#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh BUILD TARGET...: what of the code that reads tapes the corpus reaches: lines with code, those that were run,
# their share, by file and in total. What a target found on this machine (BUILD/fuzz/corpus) counts with FOUND=1.
set -eu
cd "$(dirname "$0")/../.."
build=$1
shift
cov=$build/cov
rm -f "$cov"/*.profraw
objects=
for t in "$@"; do
	set -- "tests/corpus/$t"
	[ -z "${FOUND:-}" ] || [ ! -d "$build/fuzz/corpus/$t" ] || set -- "$@" "$build/fuzz/corpus/$t"
	LLVM_PROFILE_FILE=$cov/$t.profraw "$cov/fuzz_$t" "$@" >/dev/null 2>"$cov/$t.log" || { tail -3 "$cov/$t.log"; exit 1; }
	objects="$objects -object $cov/fuzz_$t"
done
llvm-profdata merge -o "$cov/all.profdata" "$cov"/*.profraw
# shellcheck disable=SC2086
llvm-cov export -format=lcov -instr-profile="$cov/all.profdata" $objects 2>/dev/null | awk -F: '
	$1 == "SF" { f = $2; sub(".*/analyze/", "analyze/", f); sub(".*/schema/", "schema/", f); mine = f ~ /^(analyze|schema)\/[a-z0-9_]*[.]c$/ }
	$1 == "DA" && mine { split($2, v, ","); all[f]++; if (v[2] + 0) run[f]++ }
	END {
		for (f in all) {
			printf "%-28s %6d %6d %5.1f %%\n", f, all[f], run[f], 100 * run[f] / all[f] | "sort"
			a += all[f]
			r += run[f]
		}
		close("sort")
		printf "%-28s %6d %6d %5.1f %%\n", "total", a, r, 100 * r / a
	}'
