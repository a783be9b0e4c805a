#!/bin/sh
# SPDX-License-Identifier: MIT
# browser: reports of fixture tapes in a real browser (Debian's Chromium, driven by playwright-core).
. tests/lib.sh
CHROMIUM=${CHROMIUM:-$(command -v chromium)} || CHROMIUM=
export CHROMIUM
[ -n "$CHROMIUM" ] && command -v npm >/dev/null || { skip browser "needs chromium, node and npm"; exit 0; }
mkdir -p "$BUILD/browser"
cp tests/browser/package.json tests/browser/report.spec.mjs "$BUILD/browser/"
need=
for p in axe-core html-validate playwright-core; do [ -d "$BUILD/browser/node_modules/$p" ] || need=$p; done
(cd "$BUILD/browser" && { [ -z "$need" ] || npm install --no-audit --no-fund --no-package-lock --silent; }) >"$TMP/npm" 2>&1 ||
	{ skip browser "npm install failed: $(tail -1 "$TMP/npm")"; exit 0; }
for n in udp-loss healthy; do
	"$SKBTAPE" report "fixtures/$n/$n.skbtape" -o "$TMP/$n.html" || no "report of $n" "status $?"
done
"$SKBTAPE" report fixtures/udp-loss/udp-loss.skbtape --lang zh -o "$TMP/udp-loss.zh.html" || no "report in Chinese" "status $?"
# a file's name is chosen by others too
evil="$TMP/<img src=x onerror=alert(1)>\"'&.skbtape"
cp fixtures/bad/evil.tape "$evil"
for n in html evil; do
	t=fixtures/bad/$n.tape
	[ $n = evil ] && t=$evil
	"$SKBTAPE" report "$t" -o "$TMP/$n.html" || no "report of $n" "status $?"
	grep -q onerror "$TMP/$n.html" && no "$n: the file's name stays out" "it is in" || ok "$n: the file's name stays out"
done
node "$BUILD/browser/report.spec.mjs" "$TMP/udp-loss.html" "$TMP/healthy.html" "$TMP/udp-loss.zh.html" "$TMP/html.html" "$TMP/evil.html" | grep -v ' passed, '
