#!/bin/sh
# SPDX-License-Identifier: MIT
# lang: the catalogs of other languages. Texts of the report and of the dictionaries must be translated; texts of rules that
# are not are named, and stay English meanwhile. 'sh tests/lang.sh --list' prints everything that a catalog lacks.
. tests/lib.sh
LIST=$BUILD/tests/lang_list

for po in reports/lang/*.po; do
	l=$(basename "$po" .po)
	"$LIST" "$l" >"$TMP/$l.raw" || no "$l: list" "status $?"
	sort -u "$TMP/$l.raw" >"$TMP/$l"
	[ "${1:-}" = --list ] && cat "$TMP/$l"
	eq "$l: every text of the report has a translation" "$(grep '^missing	\(reports/\|analyze/\)' "$TMP/$l" | cut -f2- | head -20)" ""
	eq "$l: translations take the same arguments and values" "$(grep '^differs' "$TMP/$l" | cut -f2- | head -20)" ""
	eq "$l: no translation of a text that is gone" "$(grep '^stale' "$TMP/$l" | cut -f3 | head -20)" ""
	n=$(grep '^missing' "$TMP/$l" | grep -v -c '	\(reports\|analyze\)/')
	if [ "$n" = 0 ]; then
		ok "$l: every text of the rules has a translation"
	else
		skip "$l: every text of the rules has a translation" "$n are English, in $(grep '^missing' "$TMP/$l" | cut -f2 | grep '\.sql$' | sort -u | tr '\n' ' ')"
	fi
done

# the same tape twice gives the same bytes, in each language and format, from the tape and from its database
for n in udp-loss qdisc-loss; do
	tape=fixtures/$n/$n.skbtape
	"$SKBTAPE" analyze -q "$tape" -o "$TMP/$n.db"
	for l in en zh; do
		for f in html md json; do
			"$SKBTAPE" report "$tape" --lang $l -f $f -o "$TMP/1.$f" && "$SKBTAPE" report "$tape" --lang $l -f $f -o "$TMP/2.$f" &&
				"$SKBTAPE" report "$TMP/$n.db" --lang $l -f $f -o "$TMP/3.$f" || no "$n $l $f" "status $?"
			cmp -s "$TMP/1.$f" "$TMP/2.$f" && cmp -s "$TMP/1.$f" "$TMP/3.$f" && ok "$n $l $f: the same bytes each time" || no "$n $l $f: the same bytes each time" "they differ"
			cp "$TMP/1.$f" "$TMP/$n.$l.$f"
		done
	done
	grep -q '<html lang="zh-CN">' "$TMP/$n.zh.html" && ok "$n: the page names its language" || no "$n: the page names its language" "no lang"
	# what is measured does not depend on the language
	for f in html md; do
		eq "$n $f: the same addresses" "$(grep -o '10\.[0-9]*\.[0-9]*\.[0-9]*' "$TMP/$n.zh.$f" | sort -u)" "$(grep -o '10\.[0-9]*\.[0-9]*\.[0-9]*' "$TMP/$n.en.$f" | sort -u)"
	done
	titles=$(sqlite3 -batch "$TMP/$n.db" "SELECT title FROM finding WHERE severity <> 'info'")
	[ -n "$titles" ] && ! printf '%s\n' "$titles" | grep -q -F -f - "$TMP/$n.zh.md" && ok "$n: findings are translated" || no "$n: findings are translated" "$titles"
done

# of other programs' files: what they lack is said in the reader's language too
"$SKBTAPE" report fixtures/import/veth.dat fixtures/import/veth-va.pcap --lang zh -f md -o "$TMP/import.md"
eq "notes of an import are translated" "$(grep -c '^- 缺少来源, [a-z]*: .*[^a-z]$' "$TMP/import.md") $(sed -n '/^### 未能看到的内容/,/^### 录制方式/p' "$TMP/import.md" | grep -E '[a-z]+ [a-z]+ [a-z]+ [a-z]+ [a-z]+')" "3 "

# why tells the same in either language: what is measured, and no English sentence of its own
"$SKBTAPE" why "$TMP/udp-loss.db" --lang en udp >"$TMP/why.en" && "$SKBTAPE" why "$TMP/udp-loss.db" udp --lang zh >"$TMP/why.zh" || no "why" "status $?"
"$SKBTAPE" why "$TMP/udp-loss.db" udp | cmp -s - "$TMP/why.en" && ok "why speaks English by itself" || no "why speaks English by itself" "it differs"
eq "why: the same addresses" "$(grep -o '10\.[0-9]*\.[0-9]*\.[0-9]*' "$TMP/why.zh" | sort | uniq -c)" "$(grep -o '10\.[0-9]*\.[0-9]*\.[0-9]*' "$TMP/why.en" | sort | uniq -c)"
eq "why: as many lines" "$(wc -l <"$TMP/why.zh")" "$(wc -l <"$TMP/why.en")"
eq "why: no heading is left in English" "$(grep -n '^[A-Z][A-Z]' "$TMP/why.zh" | grep -v SQL)" ""
"$SKBTAPE" why "$TMP/udp-loss.db" --lang xx udp >/dev/null 2>"$TMP/err"
eq "why: an unknown language is wrong usage" "$?" 2
"$SKBTAPE" report "$TMP/udp-loss.db" --lang xx -f md >/dev/null 2>"$TMP/err"
eq "an unknown language is wrong usage" "$?" 2
grep -q 'expected en or zh' "$TMP/err" && ok "it says which there are" || no "it says which there are" "$(cat "$TMP/err")"
