#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh DIR: the man pages that are made from another source, into DIR: skbtape-rules(5) from docs/RULES.md, skbtape-causes(7) from
# analyze/causes.tsv, and for each command a page that leads to skbtape(1).
set -eu
mkdir -p "$1"
date=2026-11-25

{
	printf '.\\" made from docs/RULES.md\n.TH SKBTAPE-RULES 5 %s skbtape "File Formats"\n.SH NAME\nskbtape-rules \\- how skbtape finds root causes\n' $date
	awk '
	function text(s) {
		gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s)
		while (match(s, /\[[^]]*\]\([^)]*\)/)) {
			t = substr(s, RSTART, RLENGTH); sub(/^\[/, "", t); sub(/\].*/, "", t)
			s = substr(s, 1, RSTART - 1) t substr(s, RSTART + RLENGTH)
		}
		# in pairs, so that no font stays on
		while (match(s, /`[^`]*`/))
			s = substr(s, 1, RSTART - 1) "\\fB" substr(s, RSTART + 1, RLENGTH - 2) "\\fP" substr(s, RSTART + RLENGTH)
		sub(/^[.\047]/, "\\\\\\&&", s)
		return s
	}
	/^```/ { code = !code; print code ? ".PP\n.RS\n.nf" : ".fi\n.RE"; next }
	code { gsub(/\\/, "\\e"); gsub(/-/, "\\-"); sub(/^[.\047]/, "\\\\\\&&"); print; next }
	/^<!--/ { next }
	/^# / { print ".SH DESCRIPTION"; next }
	/^## / { print ".SH " toupper(text(substr($0, 4))); next }
	/^### / { print ".SS " text(substr($0, 5)); next }
	/^\|[-|]*$/ { next }
	/^\|/ {
		line = $0; sub(/^\| */, "", line); sub(/ *\|$/, "", line)
		i = index(line, " | ")
		if (!table++) next # the names of its columns
		print ".TP\n" text(substr(line, 1, i - 1)) "\n" text(substr(line, i + 3)); next
	}
	{ table = 0 }
	/^\* / { print ".IP \\(bu 2\n" text(substr($0, 3)); bullet = 1; next }
	/^$/ { gap = 1; next }
	{ sub(/^  /, ""); if (gap && !bullet) print ".PP"; if (gap && bullet && $0 !~ /^ /) { print ".PP"; bullet = 0 } gap = 0; print text($0) }
	' docs/RULES.md
	printf '.SH SEE ALSO\n.BR skbtape (1),\n.BR skbtape-causes (7),\n.BR skbtape-db (7)\n'
} >"$1/skbtape-rules.5"

{
	printf '.\\" made from analyze/causes.tsv\n.TH SKBTAPE-CAUSES 7 %s skbtape "Miscellaneous"\n.SH NAME\nskbtape-causes \\- the root causes that skbtape can name\n' $date
	printf '.SH DESCRIPTION\nA finding names one of these causes.\n.B skbtape rules\ntells how each is found, and what proves it.\n'
	printf 'Behind each name stand the layer and what the cause makes: loss, delay, refusal, or what a policy wants.\n.SH CAUSES\n'
	awk -F '\t' '
	function text(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); sub(/^[.\047]/, "\\\\\\&&", s); return s }
	NR > 1 && NF >= 4 { print ".TP\n.BR " text($1) " \" (" text($2) ", " text($3) ")\"\n" text($4) "." }' analyze/causes.tsv
	printf '.SH SEE ALSO\n.BR skbtape (1),\n.BR skbtape-rules (5),\n.BR skbtape-db (7)\n'
} >"$1/skbtape-causes.7"

for c in doctor info analyze report why query rules export; do printf '.so man1/skbtape.1\n' >"$1/skbtape-$c.1"; done
