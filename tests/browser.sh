#!/bin/sh
# SPDX-License-Identifier: MIT
# browser: reports of fixture tapes in a real browser (Debian's Chromium, driven by playwright-core).
. tests/lib.sh
CHROMIUM=${CHROMIUM:-$(command -v chromium)} || CHROMIUM=
export CHROMIUM
[ -n "$CHROMIUM" ] && command -v npm >/dev/null || { skip browser "needs chromium, node and npm"; exit 0; }
mkdir -p "$BUILD/browser"
cp tests/browser/package.json tests/browser/report.spec.mjs "$BUILD/browser/"
(cd "$BUILD/browser" && { [ -d node_modules/playwright-core ] || npm install --no-audit --no-fund --no-package-lock --silent; }) >"$TMP/npm" 2>&1 ||
	{ skip browser "npm install failed: $(tail -1 "$TMP/npm")"; exit 0; }
for n in udp-loss healthy; do
	"$SKBTAPE" report "fixtures/$n/$n.skbtape" -o "$TMP/$n.html" || no "report of $n" "status $?"
done
node "$BUILD/browser/report.spec.mjs" "$TMP/udp-loss.html" "$TMP/healthy.html" | grep -v ' passed, '
