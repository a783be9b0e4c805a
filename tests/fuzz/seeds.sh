#!/bin/sh
# SPDX-License-Identifier: MIT
# seeds.sh [DIR]: make the first inputs of each fuzz target (default: tests/corpus) from the fixtures. Inputs that fuzzing
# found and that are worth keeping stand beside them, with names of their own; perf/* and analysis/perf were recorded once
# (--backend perf), no fixture has such members.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-tests/corpus}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tape=fixtures/udp-loss/udp-loss.skbtape
mkdir "$tmp/t"
zstd -qdc "$tape" | tar -xf - -C "$tmp/t"
t=$tmp/t
for d in tape page format kallsyms frames netlink procfs members analysis; do mkdir -p "$out/$d"; done

# a line "@ NAME", the file (its first bytes), a newline
part() { printf '@ %s\n' "$1"; head -c "${3:-60000}" "$2"; echo; }
# the first of several paths with something in it
pick() { for f; do [ -s "$f" ] && { echo "$f"; return; }; done; echo /dev/null; }

# tape: a small whole one, its pieces
first=$(($(grep -abo SKBTAPE1 "$tape" | head -1 | cut -d: -f1) + 48))
{ printf R; head -c "$first" "$tape"; } >"$out/tape/first-frame"
{ printf 'M\n'; part tape.json "$t/tape.json"; part clock/000000 "$t/clock/000000"; part - /dev/null; part netns/000000 "$t/netns/000000"; } >"$out/tape/members"
{ printf T; zstd -qdc "$tape" | head -c 4096; } >"$out/tape/tar"
head -c 2048 "$t/kallsyms" | zstd -q --no-check -c >"$tmp/z"
{ printf 'Z\004\000'; cat "$tmp/z"; } >"$out/tape/zstd"

# page: by kernel (first byte 0-3), and a 32-bit head (4), big endian (8)
for p in fixtures/pages/*.page; do
	n=$(basename "$p" .page)
	case $n in 5.10*) k='\000' ;; 6.1-*) k='\001' ;; 6.12*) k='\002' ;; *) k='\003' ;; esac
	{ printf "$k"; cat "$p"; } >"$out/page/$n"
done
for p in "$t"/ftrace/cpu*/000000; do { printf '\003'; head -c 4096 "$p"; } >"$out/page/tape-$(basename "$(dirname "$p")")"; done

# format: those with something special, of each kernel
awk -v out="$out/format/" '
	/^@ / { f = 0
		if ($3 ~ /^(kfree_skb|sched_switch|tcp_probe|net_dev_start_xmit|inet_sock_set_state|fib_table_lookup|print|header_page|irq_handler_entry)$/) {
			n = FILENAME; sub(".*/", "", n); sub("[.]txt$", "", n); f = out $3 "-" n }
		next }
	f { print > f }' fixtures/formats/5.10.0.txt fixtures/formats/6.18.44.txt

# kallsyms: its start, and symbols of modules
{ head -40 "$t/kallsyms"; grep '	\[' "$t/kallsyms" | head -40; } >"$out/kallsyms/real"
printf 'ffffffff81000000 T a\nffffffff81000000 t b.isra.0\nffffffff81000010 D c\nffffffff81000020 W d.constprop.0.cold\t[m]\n' >"$out/kallsyms/suffixes"

# frames: the start of each namespace's, whole blocks are not needed
for p in "$t"/pcap/[0-9]*/000000; do head -c 3000 "$p" >"$out/frames/$(basename "$(dirname "$p")")"; done

# netlink: each kind of dump, the largest namespace's
for k in link addr route rule neigh qdisc tclass tfilter sock-tcp sock-udp sock-raw sock-unix sock-packet conntrack ctstats nft-chain nft-rule; do
	f=$(pick $(ls -S tests/data/nl/*/"$k" "$t"/snap/*/*/nl/"$k" 2>/dev/null))
	[ "$f" = /dev/null ] || part "$k" "$f" 6000 >"$out/netlink/$k"
done
for f in tests/data/nl/b/nft-rule.1 tests/data/nl/b/nft-chain.1 tests/data/nl/vm1/qdisc.1 tests/data/nl/vm2/tfilter.1 tests/data/nl/vm1/tclass.1 tests/data/nl/b/tfilter.1 tests/data/nl/b/conntrack.1; do
	k=$(basename "$f" .1)
	part "$k" "$f" 8000 >"$out/netlink/$k-$(basename "$(dirname "$f")")"
done
part ethtool "$(pick $(ls -S "$t"/snap/*/*/ethtool))" 8000 >"$out/netlink/ethtool"

# procfs: a letter for the parser
n=$(ls "$t/snap/000000" | grep -v -e host -e time | head -1)
host=$t/snap/000000/host/proc ns=$t/snap/000000/$n/proc
one() { [ ! -s "$3" ] || { printf "$1"; head -c 6000 "$3"; } >"$out/procfs/$2"; }
one a snmp "$ns/net/snmp"
one a netstat "$ns/net/netstat"
one b snmp6 "$ns/net/snmp6"
one c sockstat "$ns/net/sockstat"
one d dev "$ns/net/dev"
one e stat "$host/stat"
one f schedstat "$host/schedstat"
{ printf g; grep '^cpu' "$host/stat"; echo; cat "$host/net/softnet_stat"; } >"$out/procfs/softnet"
one h softirqs "$host/softirqs"
one i interrupts "$host/interrupts"
one j stat-conntrack "$(pick "$ns/net/stat/nf_conntrack" "$host/net/stat/nf_conntrack")"
one j stat-rt-cache "$(pick "$ns/net/stat/rt_cache" "$host/net/stat/rt_cache")"
one k kmsg "$(pick "$t/kmsg")"
printf 'k6,1,5000000,-;nf_conntrack: table full\\x0a, dropping\\011packet\n SUBSYSTEM=net\n' >"$out/procfs/kmsg-escapes"

# members: each text once, in small pieces, and one snapshot together
quality() { printf 'event-missing\tskb:kfree_skb\t\t\t\t\t\tnot here\nlost\tring buffer\t0\t\t1000\t2000\t7\t\n'; }
quality >"$tmp/quality"
{
	part tape.json "$t/tape.json"
	part end.json "$t/end.json"
	part quality/000000 "$tmp/quality"
	part clock/000000 "$t/clock/000000" 1000
	part netns/000000 "$t/netns/000000"
	part ftrace/stats/000000 "$t/ftrace/stats/000000"
	part ftrace/stats/000001 "$(ls "$t"/ftrace/stats/* | tail -1)"
	part pcap/stats/000000 "$(pick "$t"/pcap/stats/*)"
	part tasks/000000 "$t/tasks/000000" 800
} >"$out/members/facts"
snap() { # SEQ of the fixture, SEQ here
	part "snap/$2/time" "$t/snap/$1/time"
	part "snap/$2/$n/time" "$t/snap/$1/$n/time"
	for f in irq topology cgroups; do [ ! -f "$t/snap/$1/host/$f" ] || part "snap/$2/host/$f" "$t/snap/$1/host/$f" 1500; done
	for f in missing sysfs sysctl; do [ ! -f "$t/snap/$1/$n/$f" ] || part "snap/$2/$n/$f" "$t/snap/$1/$n/$f" 1500; done
	for f in proc/net/snmp proc/net/sockstat; do part "snap/$2/$n/$f" "$t/snap/$1/$n/$f" 2500; done
	[ ! -f "$t/snap/$1/$n/nl/link" ] || part "snap/$2/$n/nl/link" "$t/snap/$1/$n/nl/link" 3000
}
last=$(ls "$t/snap" | tail -1)
{ part clock/000000 "$t/clock/000000" 1000; part netns/000000 "$t/netns/000000"; snap 000000 000000; snap "$last" 000001; } >"$out/members/snapshots"
{ part netns/000000 "$t/netns/000000"; part kmsg "$(pick "$t/kmsg" /dev/null)" 1000; part tasks/000001 "$t/tasks/000001" 500; } >"$out/members/texts"

# import: captures; what else is there was made from fixtures/import
mkdir -p "$out/import"
head -c 700 fixtures/import/veth-va.pcap >"$out/import/capture.pcap"
head -c 800 "$(pick "$t"/pcap/[0-9]*/000000)" >"$out/import/capture.pcapng"

# analysis: formats of the kernel that recorded the fixture, a page of each CPU, frames
{
	printf '@ formats 6.18.44\n\n'
	part tape.json "$t/tape.json"
	part clock/000000 "$t/clock/000000" 1000
	part netns/000000 "$t/netns/000000"
	for c in "$t"/ftrace/cpu*/000000; do part "ftrace/$(basename "$(dirname "$c")")/000000" "$c" 4096; done
	for p in "$t"/pcap/[0-9]*/000000; do part "pcap/$(basename "$(dirname "$p")")/000000" "$p" 1500; done
	part end.json "$t/end.json"
} >"$out/analysis/trace"
# with a capture file beside it, whose packets tie the clock
{
	printf '@ formats 6.18.44\n\n'
	for c in "$t"/ftrace/cpu*/000000; do part "ftrace/$(basename "$(dirname "$c")")/000000" "$c" 4096; done
	part capture fixtures/import/veth-va.pcap 1500
} >"$out/analysis/capture"
{ printf '@ formats 5.10.0\n\n'; part ftrace/cpu0/000000 fixtures/pages/5.10-all.page; } >"$out/analysis/pages-5.10"
{ printf '@ formats 6.12.117\n\n'; part ftrace/cpu0/000000 fixtures/pages/6.12-long.page; } >"$out/analysis/pages-6.12"
# and a stretch of a second of two short tapes, dropped packets and what explains them included
packets() { # NAME, tape, NETNS, NETNS, members of the trace...
	tape=fixtures/incidents/$2.skbtape name=$1 a=$3 b=$4
	shift 4
	rm -rf "$tmp/p"
	mkdir "$tmp/p"
	zstd -qdc "$tape" | tar -xf - -C "$tmp/p"
	{
		printf '@ formats 6.18.44\n\n'
		for m in tape.json clock/000000 netns/000000 tasks/000000 kallsyms; do part "$m" "$tmp/p/$m"; done
		for m; do part "ftrace/$m" "$tmp/p/ftrace/$m"; done
		part "pcap/$a/000000" "$tmp/p/pcap/$a/000001" 4500
		part "pcap/$b/000000" "$tmp/p/pcap/$b/000001" 4500
		for m in time "$a/time" "$a/nl/link" "$b/time" "$b/nl/link"; do part "snap/000000/$m" "$tmp/p/snap/000000/$m"; done
	} >"$out/analysis/$name"
}
packets forward a13-no-route-forward 4026532245 4026532319 cpu0/000006 cpu1/000015 cpu1/000016 cpu1/000017
packets refused a07-nft-input-drop 4026532245 4026532319 cpu0/000004 cpu0/000005 cpu1/000010
du -sb "$out"
