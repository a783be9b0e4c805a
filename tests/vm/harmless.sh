# SPDX-License-Identifier: MIT
# harmless.sh: guest script for a virtual machine whose kernel has modules, run as root with ./skbtape-record beside it.
# Recording must load no module and make no netfilter hook or table; the tape is left in /out (or $OUT).
# First on a fresh system, then with modules, rules and connection tracking in use.
OUT=${OUT:-/out}
exec 2>&1
eq() { if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1: before '$2', after '$3'"; fi; }
mods() { cut -d' ' -f1 /proc/modules | sort | tr '\n' ' '; }
state() {
	mods
	cat /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/arp_tables_names /proc/net/netfilter/nf_log 2>/dev/null
	find /proc/net /proc/sys/net 2>/dev/null | sort
}
rules() { nft list ruleset; nft list hooks 2>/dev/null; cat /proc/net/ip_tables_names 2>/dev/null; }

uname -r
ip link set lo up
before=$(state)
./skbtape-record -e full -d 2 -o "$OUT/fresh.skbtape"
echo "record ended with $?"
after=$(state)
eq "fresh: modules" "$(echo "$before" | head -1)" "$(echo "$after" | head -1)"
eq "fresh: tables and files" "$before" "$after"

modprobe -a veth nf_tables nf_conntrack nft_ct nft_counter tcp_diag 2>/dev/null
ip netns add A
ip link add va type veth peer name vb netns A
ip addr add 10.78.0.1/24 dev va
ip link set va up
ip -n A addr add 10.78.0.2/24 dev vb
ip -n A link set vb up
nft -f - <<'R'
table inet t {
	chain in {
		type filter hook input priority 0; policy accept;
		ct state invalid counter drop
		udp dport 9003 counter drop
	}
}
R
ping -c 2 -i 0.2 10.78.0.2 >/dev/null
before=$(state) rbefore=$(rules | sed 's/packets [0-9]* bytes [0-9]*//')
./skbtape-record -e full -d 3 -o "$OUT/used.skbtape" -- sh -c 'ping -c 3 -i 0.2 10.78.0.2 >/dev/null; sleep 1'
echo "record ended with $?"
after=$(state) rafter=$(rules | sed 's/packets [0-9]* bytes [0-9]*//')
eq "used: modules" "$(echo "$before" | head -1)" "$(echo "$after" | head -1)"
eq "used: tables and files" "$before" "$after"
eq "used: rules and hooks" "$rbefore" "$rafter"
eq "no instance left" "" "$(ls /sys/kernel/tracing/instances 2>/dev/null)"
dmesg | grep -i -e 'WARNING:' -e 'BUG:' -e 'Call Trace' && echo "not ok kernel log" || echo "ok kernel log"
