#!/bin/sh
# SPDX-License-Identifier: MIT
# repro: two builds of this tree in two folders give the same files. DEB=1: the Debian packages, too. Not part of make check: some minutes.
. tests/lib.sh
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
for d in one two/deeper; do
	mkdir -p "$TMP/$d"
	git ls-files -z | grep -zv '^fixtures/' | xargs -0 tar -cf - | tar -xf - -C "$TMP/$d"
	if [ "${DEB-}" ]; then
		(cd "$TMP/$d" && sh docs/debian/build.sh build) >"$TMP/log" 2>&1
	else
		make -C "$TMP/$d" all >"$TMP/log" 2>&1
	fi || { no "build in $d" "$(tail -5 "$TMP/log")"; exit 1; }
done
if [ "${DEB-}" ]; then set -- $(cd "$TMP/one" && ls build/deb/*.deb); else set -- build/skbtape build/skbtape-record; fi
for f in "$@"; do
	eq "$f is the same twice" "$(sha256sum <"$TMP/one/$f")" "$(sha256sum <"$TMP/two/deeper/$f")"
done
