#!/bin/sh
# SPDX-License-Identifier: MIT
# limits: tapes of sizes that no recorder makes (fixtures/make/bad_big.c): each is read, or refused with a message, within 4 GiB of
# address space and two minutes of CPU time, never a crash. Some need a gigabyte of temporary space. make limits; ONLY="big-flows": just that.
. tests/lib.sh
bad=$BUILD/tests/bad_big
while read -r name want sql what; do
	[ -z "${ONLY:-}" ] || case " $ONLY " in *" $name "*) ;; *) continue ;; esac
	"$bad" "$TMP" "$name"
	(
		ulimit -v 4194304 && ulimit -t 120 || exit 9
		exec "$SKBTAPE" analyze -q "$TMP/$name.tape" -o "$TMP/o.db" 2>"$TMP/err"
	)
	rc=$?
	case " $want " in *",$rc,"*) ok "$name ($what): status $rc" ;; *) no "$name ($what): status $rc" "expected one of $want: $(head -2 "$TMP/err")" ;; esac
	if [ $rc = 1 ]; then
		[ -s "$TMP/err" ] && ok "$name: says why" || no "$name: says why" "nothing"
	else
		eq "$name: $sql" "$(q "$TMP/o.db" "SELECT $(echo "$sql" | tr '_@' ' _')")" 1
	fi
	eq "$name: nothing half-written is left" "$(ls "$TMP" | grep -c 'tmp-')" 0
	rm -f "$TMP/$name.tape" "$TMP/o.db"
done <<'LIST'
big-bomb ,3, (count(*)_>_0)_FROM_quality_WHERE_kind='tape-damaged' 12 GB of zeros in 400 kB
big-members ,1,3, (value_>_1000000)_FROM_tape_WHERE_key='tape@members' ten million members
big-netlink ,3, (count(*)=1)_FROM_quality_WHERE_kind='limit' a dump of a million devices
big-names ,3, (count(*)_>_0)_FROM_quality millions of names of counters
big-fields ,0, (count(*)=1)_FROM_quality_WHERE_kind='undecoded' an event of 65535 fields
big-kallsyms ,0, (count(*)=3)_FROM_packet@drop kernel symbols of 60 MB
big-flows ,3, (count(*)=1000000)_FROM_flow a million flows
big-interfaces ,3, (count(*)=1)_FROM_quality_WHERE_kind='tape-damaged' 65536 interfaces in one pcapng section
big-times ,3, (count(*)=21)_FROM_packet@drop times at both ends of their range
big-perf ,0, (count(*)=500000)_FROM_packet@drop half a million of perf's records, all waiting for an earlier one, in 100001 members
LIST
