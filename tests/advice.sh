#!/bin/sh
# SPDX-License-Identifier: MIT
# advice: the commands of every rule's advice, as the rules' cases give them, are run in namespaces of their own and taken back.
. tests/lib.sh
if [ "$(id -u)" != 0 ] || ! unshare -n -m -p -f --mount-proc true 2>/dev/null; then
	skip advice "needs root and namespaces"
	exit 0
fi
for p in ip nft tc python3; do
	if ! command -v $p >/dev/null; then
		skip advice "needs $p"
		exit 0
	fi
done
# the unit tests leave it, where they were run
cases=$BUILD/test/advice.json
if [ ! -s "$cases" ] || [ -n "$(find "$BUILD/test/test_findings" -newer "$cases")" ]; then
	cases=$TMP/advice.json
	ADVICE=$cases "$BUILD/test/test_findings" >"$TMP/log" 2>&1 || no "advice: cases" "$(tail -3 "$TMP/log")"
fi
python3 tests/incidents/advice.py "$cases" analyze/rules || no advice "ended with status $?"
