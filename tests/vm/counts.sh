# SPDX-License-Identifier: MIT
# counts.sh: guest script for a virtual machine with another kernel, run as root by bash with ./skbtape-record and ./traffic
# (static: cc -static -D_GNU_SOURCE -o traffic tests/traffic.c) beside it. Traffic with known losses between two namespaces,
# recorded twice; the tapes and what really happened, by the senders and by the kernel's own counters, are left in /out (or $OUT):
#   all.skbtape    all.tsv      500 datagrams of each kind, VLAN, tunnel, bond, lossy link where the kernel has them
#   small.skbtape  small.tsv    a few of the four kinds of loss, TCP and ping: small enough for a fixture
# On another machine: sh tests/vm/compare.sh all.skbtape all.tsv
# Under software emulation let one thread run all CPUs (qemu: -accel tcg,thread=single): with one for each, switching any trace
# event, even by echo 1 >enable, can end the guest with "Oops: int3", whatever the kernel. Time is stretched there: counts only.
# A line of truth is KEY TAB VALUE. Everything is made anew for each tape, so counters begin at zero.
OUT=${OUT:-/out}
A=skbt-vm-a B=skbt-vm-b
in_a() { ip netns exec $A "$@"; }
in_b() { ip netns exec $B "$@"; }
truth() { printf '%s\t%s\n' "$1" "$2" >>"$OUT/$STORY.tsv"; }
snmp() { # NETNS FILE PROTO NAME
	ip netns exec "$1" awk -v p="$3:" -v k="$4" '$1 == p { if (!c) { for (i = 2; i <= NF; i++) if ($i == k) c = i } else print $c }' "/proc/net/$2"
}
dropped() { in_a tc -s qdisc show dev "$1" | sed -n 's/.*dropped \([0-9]*\),.*/\1/p' | head -1; }

pair() { # N DEVA DEVB: addresses 10.78.N.1 and .2, neighbours known from the start: no ARP in the counts
	ip link add "$2" netns $A address "02:00:00:00:0$1:01" type veth peer name "$3" netns $B address "02:00:00:00:0$1:02" || return 1
	ip -n $A link set "$2" up
	ip -n $B link set "$3" up
}
addresses() { # N DEVA DEVB [LLADDR of each]
	ip -n $A addr add "10.78.$1.1/24" dev "$2"
	ip -n $B addr add "10.78.$1.2/24" dev "$3"
	[ -n "${4:-}" ] || return 0
	ip -n $A neigh replace "10.78.$1.2" lladdr "$5" dev "$2" nud permanent
	ip -n $B neigh replace "10.78.$1.1" lladdr "$4" dev "$3" nud permanent
}
plain() { pair "$1" "$2" "$3" && addresses "$1" "$2" "$3" "02:00:00:00:0$1:01" "02:00:00:00:0$1:02"; }

net_up() {
	for n in $A $B; do
		ip netns add $n
		ip -n $n link set lo up
		ip netns exec $n sysctl -wq net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
	done
	plain 0 va vb && plain 1 vc vd || return 1
	in_a tc qdisc add dev vc root tbf rate 1mbit burst 3000 limit 10000 && HAVE="$HAVE tbf"
	in_b nft 'table inet filter { chain input { type filter hook input priority 0; policy accept; udp dport 9003 counter drop; }; }' &&
		HAVE="$HAVE nft"
	[ "$STORY" = all ] || return 0
	if ip -n $A link add link va name va.100 up type vlan id 100 && ip -n $B link add link vb name vb.100 up type vlan id 100; then
		addresses 2 va.100 vb.100 02:00:00:00:00:01 02:00:00:00:00:02
		HAVE="$HAVE vlan"
	fi
	for t in gre ipip; do
		ip -n $A link add tun1 type $t local 10.78.0.1 remote 10.78.0.2 ttl 64 || continue
		ip -n $B link add tun2 type $t local 10.78.0.2 remote 10.78.0.1 ttl 64
		ip -n $A link set tun1 up
		ip -n $B link set tun2 up
		addresses 3 tun1 tun2
		HAVE="$HAVE tunnel"
		truth tunnel $t
		break
	done
	if ip -n $A link add bond1 address 02:00:00:00:04:01 type bond mode balance-rr miimon 100 &&
	   ip -n $B link add bond2 address 02:00:00:00:04:02 type bond mode balance-rr miimon 100; then
		for i in 5 6; do
			pair $i b1p$i b2p$i
			ip -n $A link set b1p$i down
			ip -n $B link set b2p$i down
			ip -n $A link set b1p$i master bond1
			ip -n $B link set b2p$i master bond2
		done
		ip -n $A link set bond1 up
		ip -n $B link set bond2 up
		addresses 4 bond1 bond2 02:00:00:00:04:01 02:00:00:00:04:02
		HAVE="$HAVE bond"
	fi
	if plain 7 vg vh && in_a tc qdisc add dev vg root netem loss 5% limit 10000; then
		# one skb, one segment: drops and retransmissions count the same
		in_a ethtool -K vg tso off gso off gro off >/dev/null 2>&1
		in_b ethtool -K vh tso off gso off gro off >/dev/null 2>&1
		HAVE="$HAVE netem"
	fi
}
has() { case " $HAVE " in *" $1 "*) true ;; *) false ;; esac; }

reader() { # NAME ARGS...: a receiver in B, waited for until it is ready
	_n=$1
	shift
	ip netns exec $B ./traffic "$@" >"$RUN/$_n" 2>&1 & # ip(8) becomes the program, so the pid is the program's
	echo $! >"$RUN/$_n.pid"
	for i in $(seq 200); do grep -q ready "$RUN/$_n" && return; sleep 0.05; done
	echo "not ok $STORY: $_n is not ready: $(cat "$RUN/$_n")"
}
ended() { # NAME WORD: end the receiver, its count
	kill -TERM "$(cat "$RUN/$1.pid")"
	for i in $(seq 100); do grep -q "^$2 " "$RUN/$1" && break; sleep 0.05; done
	sed -n "s/^$2 //p" "$RUN/$1"
}
send() { in_a ./traffic send "$@" | sed -n 's/sent //p'; }

traffic() { # what is on the tape
	truth tcp_answered "$(in_a ./traffic ask 10.78.0.2 7000 20 200 50 | sed -n 's/answered //p')"
	truth ping_received "$(in_a ping -c 3 10.78.0.2 | sed -n 's/.* \([0-9]*\) packets received.*/\1/p')"
	truth closed_sent "$(send 10.78.0.2 9001 "$N" 64 500)"
	truth full_sent "$(send 10.78.0.2 9002 "$N" 512 500)"
	has nft && truth rule_sent "$(send 10.78.0.2 9003 "$N" 64 500)"
	has tbf && truth tbf_sent "$(send 10.78.1.2 9005 "$N" 1000 500)"
	has vlan && truth vlan_sent "$(send 10.78.2.2 9006 "$N" 200 500)"
	has tunnel && truth tunnel_sent "$(send 10.78.3.2 9006 "$N" 200 500)"
	has bond && truth bond_sent "$(send 10.78.4.2 9006 "$N" 200 500)"
	has netem && truth netem_sent_bytes "$(in_a timeout 100 ./traffic bulk 10.78.7.2 7000 600000 | sed -n 's/sent //p')"
	sleep 1
}

story() { # NAME COUNT
	export STORY=$1 N=$2 HAVE=
	: >"$OUT/$STORY.tsv"
	truth kernel "$(uname -r)"
	net_up 2>"$RUN/up" || { echo "not ok $STORY: $(cat "$RUN/up")"; return; }
	sed 's/^/# /' "$RUN/up"
	echo "# $STORY: has$HAVE"
	reader serve serve 0.0.0.0 7000
	reader full hold 10.78.0.2 9002 20000
	reader tbf sink 10.78.1.2 9005 0
	reader other sink 0.0.0.0 9006 0
	sleep 2 # a bond looks at its ports first
	export HAVE
	./skbtape-record -q -e standard --netns all -o "$OUT/$STORY.skbtape" -- bash "$0" traffic
	_rc=$?
	[ $_rc = 0 ] && echo "ok $STORY: recorded" || echo "not ok $STORY: recorder ended with $_rc"
	for d in va vc; do truth "tx.$d" "$(in_a cat /sys/class/net/$d/statistics/tx_packets)"; done
	for d in vb vd; do truth "rx.$d" "$(in_b cat /sys/class/net/$d/statistics/rx_packets)"; done
	has vlan && truth tx.va.100 "$(in_a cat /sys/class/net/va.100/statistics/tx_packets)" &&
		truth rx.vb.100 "$(in_b cat /sys/class/net/vb.100/statistics/rx_packets)"
	has tunnel && truth tx.tun1 "$(in_a cat /sys/class/net/tun1/statistics/tx_packets)" &&
		truth rx.tun2 "$(in_b cat /sys/class/net/tun2/statistics/rx_packets)"
	has bond && for i in 5 6; do
		truth tx.b1p$i "$(in_a cat /sys/class/net/b1p$i/statistics/tx_packets)"
		truth rx.b2p$i "$(in_b cat /sys/class/net/b2p$i/statistics/rx_packets)"
	done
	has netem && truth tx.vg "$(in_a cat /sys/class/net/vg/statistics/tx_packets)" && truth rx.vh "$(in_b cat /sys/class/net/vh/statistics/rx_packets)"
	truth udp_no_ports "$(snmp $B snmp Udp NoPorts)"
	truth udp_rcvbuf_errors "$(snmp $B snmp Udp RcvbufErrors)"
	truth icmp_unreachable_sent "$(snmp $B snmp Icmp OutDestUnreachs)"
	truth tcp_retransmitted "$(snmp $A snmp Tcp RetransSegs)"
	has nft && truth rule_dropped "$(in_b nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')"
	has tbf && truth tbf_dropped "$(dropped vc)"
	has netem && truth netem_dropped "$(dropped vg)"
	truth full_queued "$(ended full queued)"
	truth tbf_received "$(ended tbf received)"
	[ "$STORY" = all ] && truth other_received "$(ended other received)"
	for p in "$RUN"/*.pid; do kill -TERM "$(cat "$p")" 2>/dev/null; done
	wait
	rm -f "$RUN"/*
	ip netns del $A
	ip netns del $B
	sleep 1
}

if [ "${1:-}" = traffic ]; then
	traffic
	exit 0
fi
exec 2>&1
export RUN=/tmp/skbt-vm
mkdir -p $RUN "$OUT"
uname -r
modprobe -a veth sch_tbf nf_tables nft_counter tcp_diag udp_diag 2>/dev/null
story small 40 # first: few modules, so fewer symbols on the tape
modprobe -a sch_netem 8021q ip_gre bonding 2>/dev/null
story all 500
dmesg | grep -i -e 'WARNING:' -e 'BUG:' -e 'Call Trace' && echo "not ok kernel log" || echo "ok kernel log"
