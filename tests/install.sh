#!/bin/sh
# SPDX-License-Identifier: MIT
# install: make install below DESTDIR puts all there, make uninstall removes all of it; man pages and links in the READMEs are whole.
. tests/lib.sh
mk() { make -s BUILD="$BUILD" CC="${CC:-cc}" DESTDIR="$TMP/root dir" PREFIX=/usr "$@" >"$TMP/log" 2>&1; }
mk -o all install
eq "install: status" "$? $(head -3 "$TMP/log")" "0 "
(cd "$TMP/root dir/usr" && find . -type f | sort) >"$TMP/have"
for f in bin/skbtape bin/skbtape-record share/man/man1/skbtape.1 share/man/man1/skbtape-record.1 share/man/man5/skbtape-tape.5 share/man/man5/skbtape-rules.5 \
	share/man/man7/skbtape-db.7 share/man/man7/skbtape-causes.7 share/bash-completion/completions/skbtape share/bash-completion/completions/skbtape-record \
	share/zsh/site-functions/_skbtape share/fish/vendor_completions.d/skbtape.fish share/doc/skbtape/LICENSE share/doc/skbtape/RULES.md share/doc/skbtape/README.zh.md; do
	grep -qx "./$f" "$TMP/have" || echo "$f"
done >"$TMP/missing"
eq "install: programs, man pages, completion, licence, docs" "$(cat "$TMP/missing")" ""
eq "install: programs run" "$("$TMP/root dir/usr/bin/skbtape" --version | cut -d' ' -f1) $("$TMP/root dir/usr/bin/skbtape-record" --version | cut -d' ' -f1)" "skbtape skbtape"
missing=$(cut -f1 analyze/causes.tsv | sed 1d | while read -r c; do grep -qF ".BR $(echo "$c" | sed 's/-/\\-/g') " "$BUILD/man/skbtape-causes.7" || echo "$c"; done)
eq "skbtape-causes(7) has every cause" "$missing" ""
if command -v man >/dev/null; then
	for f in docs/*.[157] "$BUILD"/man/*.[57]; do LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$f" 2>&1 >/dev/null | sed "s|^|$f: |"; done >"$TMP/out"
	eq "man pages: no warnings" "$(head -5 "$TMP/out")" ""
else
	skip "man pages: no warnings" "no man"
fi
for f in README.md README.zh.md; do
	grep -o '](\([^)#]*\))' $f | sed 's/](//; s/)$//' | grep -v '^http' | while read -r l; do [ -e "$l" ] || echo "$f: $l"; done
done >"$TMP/out"
eq "README: links lead somewhere" "$(cat "$TMP/out")" ""
# the same commands in both: what stands between four blanks and a comment
commands() { grep -E '^    (\./|skbtape|make) ?' "$1" | sed 's/  *# .*//; s/ *$//'; }
commands README.md >"$TMP/en"
commands README.zh.md >"$TMP/zh"
eq "README: the same commands in both languages" "$(diff "$TMP/en" "$TMP/zh")" ""
[ "$(wc -l <"$TMP/en")" -ge 20 ] && ok "README: commands found" || no "README: commands found" "$(wc -l <"$TMP/en")"
mk uninstall
eq "uninstall: status" $? 0
eq "uninstall: nothing left" "$(cd "$TMP/root dir" && find . -type f)" ""
