#!/bin/sh
# SPDX-License-Identifier: MIT
# truth.sh: how true packet stories are on another kernel. Guest script for a virtual machine, run as root by bash with
# ./skbtape-record, ./traffic (static: cc -static -D_GNU_SOURCE -o traffic tests/traffic.c) and tests/lib.sh,
# tests/truth_paths.sh, fixtures/make/net.sh beside it; it needs ip, tc, bridge, nft, ethtool and taskset there. For each case of
# tests/truth_paths.sh (CASES: some of them) a tape CASE.skbtape and what really happened, CASE.truth, are left in /out (or $OUT).
# On another machine, without root:
#   BUILD=build sh tests/vm/truth.sh judge DIR
# See counts.sh for software emulation; time is stretched there, so few datagrams a second.
if [ "${1:-}" = judge ]; then
	dir=$(cd "$2" && pwd) || exit 1
	cd "$(dirname "$0")/../.." || exit 1
	want=${CASES:-}
	. tests/lib.sh
	. tests/truth_paths.sh
	: >"$ROWS"
	for path in ${want:-$CASES}; do
		[ -f "$dir/$path.skbtape" ] && [ -f "$dir/$path.truth" ] || continue
		cp "$dir/$path.skbtape" "$TMP/t.skbtape"
		cp "$dir/$path.truth" "$TMP/truth"
		judge_case "$path" skbt- || { no "$path" "$WHY"; continue; }
		sed "s/^/# $path: /" "$TMP/id.err"
		eq "$path: nothing certain is wrong ($sure_claims)" "$wrong_sure" 0
		eq "$path: no unique tie is wrong ($unique)" "$wrong_unique" 0
		[ "$lost" = 0 ] || { skip "$path: counts" "$lost events or frames were lost"; continue; }
		eq "$path: each datagram of $began is in a packet" "$nowhere" 0
		[ "$wrong_claims" -le $((claims / 1000)) ] && ok "$path: claims are right ($claims)" || no "$path: claims are right" "$wrong_claims of $claims"
	done
	truth_table | sed 's/^/# /'
	exit 0
fi
exec 2>&1
OUT=${OUT:-/out}
want=${CASES:-veth ends two routed fragments tun same macvlan}
mkdir -p "$OUT" build/tests tests fixtures/make
mv skbtape-record build/
mv traffic build/tests/
mv lib.sh truth_paths.sh tests/
mv net.sh fixtures/make/
uname -r
modprobe -a af_packet veth tun vxlan macvlan ifb bridge sch_tbf sch_ingress cls_u32 act_mirred nf_tables nft_counter nft_nat nft_masq nft_chain_nat tcp_diag udp_diag 2>/dev/null
N=${N:-150} PPS=${PPS:-300} BUF=8M
. tests/lib.sh
. tests/truth_paths.sh
live() { true; } # what the kernel has not is not on the tape
truth_up || { echo "not ok truth: $TRUTH_WHY"; exit 1; }
for path in $want; do
	record_case "$path"
	case $? in
	0) cp "$TMP/t.skbtape" "$OUT/$path.skbtape" && cp "$TMP/truth" "$OUT/$path.truth" && ok "$path" ;;
	2) skip "$path" "$WHY" ;;
	*) no "$path" "$WHY" ;;
	esac
done
dmesg | grep -e 'WARNING:' -e ' BUG:' -e '\] BUG' -e 'Call Trace' | grep -v MP-BIOS && no "kernel log" "see above" || ok "kernel log"
