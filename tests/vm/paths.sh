# SPDX-License-Identifier: MIT
# paths.sh: guest script for a virtual machine with another kernel, run as root by bash with ./skbtape-record and ./traffic
# (static: cc -static -D_GNU_SOURCE -o traffic tests/traffic.c) beside it. Datagrams that carry an identity through each kind of
# device that lies above another, recorded whole, a tape for each kind in /out (or $OUT), with the list of what was received:
#   PATH.skbtape  PATH.list
# A file "paths" beside it names the kinds to run. What the kernel cannot make is skipped.
# On another machine: BUILD=build sh tests/vm/judge.sh DIR
OUT=${OUT:-/out}
A=skbt-vm-a B=skbt-vm-b C=skbt-vm-c
PATHS=${PATHS:-$(cat paths 2>/dev/null)}
PATHS=${PATHS:-veth vlan mixed stacked bond bondvlan macvlan moved ipvlan bridge vrf gre ipip ifb}
N=${N:-300}
RUN=$(mktemp -d)
in_a() { ip netns exec $A "$@"; }
in_b() { ip netns exec $B "$@"; }

pair() { # DEVA DEVB
	ip link add "$1" netns $A type veth peer name "$2" netns $B || return 1
	ip -n $A link set "$1" up
	ip -n $B link set "$2" up
}
address() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
# ends NET NSA DEVA NSB DEVB: addresses 10.78.NET.1 and .2, neighbours known: no ARP in the counts
ends() {
	ip -n "$2" addr add "10.78.$1.1/24" dev "$3"
	ip -n "$4" addr add "10.78.$1.2/24" dev "$5"
	ip -n "$2" link set "$3" up
	ip -n "$4" link set "$5" up
	case $6 in
	ether)
		ip -n "$2" neigh replace "10.78.$1.2" lladdr "$(address "$4" "$5")" dev "$3" nud permanent
		ip -n "$4" neigh replace "10.78.$1.1" lladdr "$(address "$2" "$3")" dev "$5" nud permanent
		;;
	esac
}
base() { pair va vb && ends 0 $A va $B vb ether; }
above() { # SUFFIX OPTIONS...: a device above va and one above vb
	_s=$1
	shift
	ip -n $A link add link va name "va.$_s" type "$@" && ip -n $B link add link vb name "vb.$_s" type "$@"
}

# up PATH: builds it; TO is where the datagrams go, ALSO a second place, RECEIVER whose namespace has both
up() {
	TO=10.78.0.2 ALSO='' RECEIVER=$B
	case $1 in
	veth) base ;;
	vlan)
		base && above 100 vlan id 100 && ends 1 $A va.100 $B vb.100 ether
		TO=10.78.1.2
		;;
	mixed) # tagged and untagged at the same time, of the same length
		base && above 100 vlan id 100 && above 200 vlan id 200 &&
			ends 1 $A va.100 $B vb.100 ether && ends 2 $A va.200 $B vb.200 ether
		TO=10.78.1.2 ALSO='10.78.0.2 10.78.2.2'
		;;
	stacked)
		base && above 100 vlan id 100 && ip -n $A link set va.100 up && ip -n $B link set vb.100 up &&
			ip -n $A link add link va.100 name va.s type vlan id 7 &&
			ip -n $B link add link vb.100 name vb.s type vlan id 7 && ends 1 $A va.s $B vb.s ether
		TO=10.78.1.2
		;;
	bond | bondvlan)
		ip -n $A link add bond1 type bond mode balance-rr miimon 100 && ip -n $B link add bond2 type bond mode balance-rr miimon 100 || return 1
		for i in 1 2; do
			pair b1p$i b2p$i || return 1
			ip -n $A link set b1p$i down
			ip -n $B link set b2p$i down
			ip -n $A link set b1p$i master bond1 && ip -n $B link set b2p$i master bond2 || return 1
		done
		ip -n $A link set bond1 up
		ip -n $B link set bond2 up
		ends 0 $A bond1 $B bond2 ether
		if [ "$1" = bondvlan ]; then
			ip -n $A link add link bond1 name b.100 type vlan id 100 &&
				ip -n $B link add link bond2 name b.100 type vlan id 100 && ends 1 $A b.100 $B b.100 ether || return 1
			TO=10.78.1.2 ALSO=10.78.0.2
		fi
		sleep 2 # a bond looks at its ports first
		;;
	macvlan)
		base && above m macvlan mode bridge && ends 1 $A va.m $B vb.m ether
		TO=10.78.1.2 ALSO=10.78.0.2
		;;
	moved) # as containers have it: the device below is in another namespace
		base && ip netns add $C && above m macvlan mode bridge && ip -n $B link set vb.m netns $C name eth0 &&
			ends 1 $A va.m $C eth0 ether
		TO=10.78.1.2 RECEIVER=$C
		;;
	ipvlan)
		base && ip -n $A link add link va name va.i type ipvlan mode l2 && ip -n $B link add link vb name vb.i type ipvlan mode l2 &&
			ends 1 $A va.i $B vb.i ether
		TO=10.78.1.2
		;;
	bridge)
		pair va vb && ip -n $A link add br1 type bridge && ip -n $B link add br2 type bridge &&
			ip -n $A link set va master br1 && ip -n $B link set vb master br2 && ends 0 $A br1 $B br2 ether
		in_a bridge fdb replace "$(address $B br2)" dev va master static
		;;
	vrf)
		base && ip -n $B link add vrf1 type vrf table 10 && ip -n $B link set vrf1 up && ip -n $B link set vb master vrf1 &&
			ends 0 $A va $B vb ether 2>/dev/null
		in_b sysctl -qw net.ipv4.udp_l3mdev_accept=1
		;;
	gre | ipip)
		base && ip -n $A link add tun1 type "$1" local 10.78.0.1 remote 10.78.0.2 ttl 64 &&
			ip -n $B link add tun2 type "$1" local 10.78.0.2 remote 10.78.0.1 ttl 64 && ends 1 $A tun1 $B tun2 plain
		TO=10.78.1.2
		;;
	ifb)
		base && ip -n $B link add ifb7 type ifb && ip -n $B link set ifb7 up && ip netns exec $B tc qdisc add dev vb ingress &&
			ip netns exec $B tc filter add dev vb parent ffff: protocol ip matchall action mirred egress redirect dev ifb7
		;;
	*) false ;;
	esac
}

traffic() { # what is on the tape
	pids=
	for to in $TO $ALSO; do
		in_a ./traffic send "$to" 9000 "$N" 200 "${PPS:-400}" >/dev/null &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	sleep 0.5
}
if [ "${1:-}" = traffic ]; then
	traffic
	exit 0
fi

exec 2>&1
mkdir -p "$OUT"
uname -r
modprobe -a veth 8021q bonding macvlan ipvlan bridge vrf ip_gre ipip ifb sch_ingress cls_matchall act_mirred tcp_diag udp_diag 2>/dev/null
for path in $PATHS; do
	for n in $A $B; do
		ip netns add $n
		ip -n $n link set lo up
		ip netns exec $n sysctl -wq net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
	done
	if up "$path" 2>"$RUN/up"; then
		ip netns exec $RECEIVER ./traffic list 0.0.0.0 9000 8000000 0 >"$RUN/list" 2>&1 & # ip(8) becomes the program
		pid=$!
		for i in $(seq 100); do grep -q ready "$RUN/list" && break; sleep 0.05; done
		export TO ALSO N
		if ./skbtape-record -q -s 0 -e standard --netns all -o "$OUT/$path.skbtape" -- bash "$0" traffic; then echo "ok $path: recorded"; else echo "not ok $path: recorded"; fi
		kill -TERM $pid
		wait $pid
		grep -v ready "$RUN/list" >"$OUT/$path.list"
		echo "# $path: $(wc -l <"$OUT/$path.list") received"
	else
		echo "skip $path: $(tail -1 "$RUN/up")"
	fi
	for n in $A $B $C; do [ ! -e /run/netns/$n ] || ip netns del $n; done
	sleep 0.5
done
rm -rf "$RUN"
dmesg | grep -i -e 'WARNING:' -e 'BUG:' -e 'Call Trace' && echo "not ok kernel log" || echo "ok kernel log"
