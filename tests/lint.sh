#!/bin/sh
# SPDX-License-Identifier: MIT
# lint: SPDX lines, file length, forbidden words, white space, cppcheck where it is installed.
. tests/lib.sh
bad=$(git ls-files '*.c' '*.h' '*.sh' '*.sql' '*.js' '*.mjs' '*.css' '*.mk' Makefile | xargs grep -L 'SPDX-License-Identifier: MIT')
eq "SPDX line in each source file" "$bad" ""
bad=$(git ls-files '*.c' '*.h' '*.sh' '*.js' '*.mjs' | xargs wc -l | awk '$2 != "total" && $1 > 900 {print $2}')
eq "no source file over 900 lines" "$bad" ""
bad=$(git grep -n -I -w -E 'TODO|FIXME|XXX' -- ':!tests/lint.sh' ':!fixtures' | head)
eq "nothing unfinished" "$bad" ""
bad=$(git ls-files '*.c' '*.h' '*.sql' '*.sh' | xargs grep -n -E '[ 	]+$' | head)
eq "no blanks at line ends" "$bad" ""
if command -v cppcheck >/dev/null; then
	# embed.c is an include of generated arrays, which take it many minutes;
	# missingIncludeSystem: system headers are not parsed; unknownMacro: cmocka's; varFuncNullUB: it takes the NULL inside a
	# compound literal for a variadic argument; internalAstError: nor does it parse one behind a question mark
	cppcheck --quiet --error-exitcode=9 --enable=warning,portability --inline-suppr --suppress=missingIncludeSystem \
		--suppress=unknownMacro --suppress=varFuncNullUB --suppress=internalAstError --std=c11 -j2 -i analyze/embed.c -D_GNU_SOURCE -I"$BUILD" schema capture analyze reports >"$TMP/cpp" 2>&1
	rc=$?
	[ $rc = 0 ] && ok cppcheck || no cppcheck "$(head -20 "$TMP/cpp")"
else
	skip cppcheck "not installed"
fi
