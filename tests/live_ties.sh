#!/bin/sh
# SPDX-License-Identifier: MIT
# live_ties: ties where names prove nothing. Containers have an eth0 each, all send at the same time datagrams of one length
# through a bridge; macvlan and ifb devices see what another device received. Held against the payload (tests/identity.c).
# A line "# PATH: ..." tells the shares. PATHS="containers macvlan ifb" runs only these.
. tests/lib.sh
live || { skip live_ties "$LIVE_WHY"; exit 0; }
trap - EXIT
IDENTITY=$BUILD/tests/identity
N=${N:-1500}
PPS=${PPS:-2000}
HOSTS=${HOSTS:-20}
PATHS=${PATHS:-containers macvlan moved ifb}
P=skbt-$$
ns() { echo "$P-$1"; }

down() {
	for n in $(ip netns list | awk -v p="$P-" 'index($1, p) == 1 { print $1 }'); do ip netns del "$n"; done
}
trap 'down; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM HUP

add() { # NAME
	ip netns add "$(ns "$1")" && ip -n "$(ns "$1")" link set lo up
	ip netns exec "$(ns "$1")" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}
address() { ip netns exec "$(ns "$1")" cat "/sys/class/net/$2/address"; }
dev_up() { # NAME DEV [ADDRESS]
	[ -z "${3:-}" ] || ip -n "$(ns "$1")" addr add "$3/16" dev "$2"
	ip -n "$(ns "$1")" link set "$2" up
}
known() { ip -n "$(ns "$1")" neigh replace "$3" lladdr "$(address "$4" "$5")" dev "$2" nud permanent; }

receive() { # NAME: what it got goes to the list
	ip netns exec "$(ns "$1")" "$TRAFFIC" list 0.0.0.0 9000 8000000 0 >"$TMP/got.$1" 2>&1 &
	echo $! >"$TMP/got.$1.pid"
	_i=0
	until grep -q ready "$TMP/got.$1" 2>/dev/null; do
		_i=$((_i + 1))
		[ $_i -lt 100 ] || { no "$path" "no receiver"; return 1; }
		sleep 0.05
	done
}
received() {
	for _f in "$TMP"/got.*.pid; do
		kill -TERM "$(cat "$_f")"
		wait "$(cat "$_f")"
	done
	cat "$TMP"/got.*[!d] | grep -v ready >"$TMP/list"
	rm -f "$TMP"/got.*
}

# run FROM:TO...: $each frames are of each of N datagrams by all senders together. All at once, recorded and judged
run() {
	start_record "$TMP/rec.log" -s 0 -b "${BUF:-64M}" -o "$TMP/t.skbtape" || { no "$path" "$(cat "$TMP/rec.log")"; return 1; }
	_pids= _pps=$PPS
	for _s; do
		ip netns exec "$(ns "${_s%%:*}")" "$TRAFFIC" send "${_s#*:}" 9000 "$N" 200 "$_pps" >/dev/null &
		_pids="$_pids $!"
		_pps=$((_pps - PPS / 50)) # at one pace two would send at one moment through the whole run, or never
	done
	# shellcheck disable=SC2086
	wait $_pids
	sleep 0.3
	kill -INT "$RECPID"
	wait "$RECPID"
	received
	"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db" && "$SKBTAPE" export "$TMP/t.skbtape" --pcapng "$TMP/t.pcapng" &&
		"$IDENTITY" "$TMP/t.pcapng" "$TMP/t.db" "$P-" "$TMP/list" >"$TMP/id" 2>"$TMP/id.err" || { no "$path" "$(cat "$TMP/id.err")"; return 1; }
	[ -z "${KEEP:-}" ] || for _e in db pcapng skbtape; do cp "$TMP/t.$_e" "$KEEP/$path.$_e"; done
	eval "$(cat "$TMP/id")"
	lost=$(q "$TMP/t.db" "SELECT sum(CAST(value AS INT)) FROM tape WHERE key IN ('events_lost','frames_lost')")
	# shellcheck disable=SC2154
	awk -v p="$path" -v n="$frames" -v u="$unique" -v o="$ordered" -v a="$ambiguous" -v t="$untied" -v w=$((wrong_unique + wrong_ordered)) -v wa="$wrong_ambiguous" -v l="$lost" 'BEGIN {
		if (n) printf "# %s: %d frames: %.2f %% unique, %.2f %% ordered, %.2f %% ambiguous, %.2f %% untied; wrong: %d sure, %d ambiguous; lost %d\n",
			p, n, 100*u/n, 100*o/n, 100*a/n, 100*t/n, w, wa, l }'
	eq "$path: no sure tie is wrong" $((wrong_unique + wrong_ordered)) 0
	[ "$lost" = 0 ] || { skip "$path: shares" "$lost events or frames were lost"; return 0; }
	eq "$path: frames of all datagrams" "$frames" $((N * each))
	eq "$path: each datagram is one packet" "$torn" 0
	[ "$untied" -le $((frames / 1000)) ] && ok "$path: frames are tied" ||
		no "$path: frames are tied" "$untied of $frames are not: $(q "$TMP/t.db" "SELECT group_concat(dev || ' ' || direction || ' ' || reason || ' ' || count, ', ') FROM tie_gap WHERE what = 'frame'")"
	[ "$unique" -ge $((frames / 100 * 95)) ] && ok "$path: most are unique" || no "$path: most are unique" "$unique of $frames"
}

for path in $PATHS; do
	senders='' each=0
	case $path in
	containers)
		add host
		ip -n "$(ns host)" link add br0 type bridge
		i=1
		while [ $i -le "$HOSTS" ]; do
			add c$i
			ip link add v$i netns "$(ns host)" type veth peer name eth0 netns "$(ns c$i)"
			ip -n "$(ns host)" link set v$i master br0
			dev_up host v$i
			dev_up c$i eth0 10.77.0.$i
			i=$((i + 1))
		done
		dev_up host br0
		i=1
		while [ $i -lt "$HOSTS" ]; do
			known c$i eth0 10.77.0.$((i + 1)) c$((i + 1)) eth0
			ip netns exec "$(ns host)" bridge fdb add "$(address c$((i + 1)) eth0)" dev v$((i + 1)) master static
			receive c$((i + 1))
			senders="$senders c$i:10.77.0.$((i + 1))"
			each=$((each + 4)) # out of and into containers, into and out of the bridge
			i=$((i + 2))
		done
		;;
	macvlan | moved | ifb)
		add a
		add b
		ip link add va netns "$(ns a)" type veth peer name vb netns "$(ns b)"
		dev_up a va 10.77.0.1
		dev_up b vb 10.77.0.2
		known a va 10.77.0.2 b vb
		receive b
		senders="a:10.77.0.2" each=2
		if [ $path = ifb ]; then
			each=3 # it is not captured again when it comes back
			ip -n "$(ns b)" link add ifb7 type ifb
			dev_up b ifb7
			ip netns exec "$(ns b)" tc qdisc add dev vb ingress
			ip netns exec "$(ns b)" tc filter add dev vb parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb7
		else
			ip -n "$(ns b)" link add link vb name vm type macvlan mode bridge
			to=b dev=vm
			if [ $path = moved ]; then # as containers have it
				add c
				ip -n "$(ns b)" link set vm netns "$(ns c)" name va
				to=c dev=va
				receive c
			fi
			dev_up $to $dev 10.78.0.2
			ip -n "$(ns a)" route add 10.78.0.0/16 dev va
			ip netns exec "$(ns $to)" ip route add 10.77.0.1/32 dev $dev 2>/dev/null
			known a va 10.78.0.2 $to $dev
			known $to $dev 10.77.0.1 a va
			senders="$senders a:10.78.0.2"
			each=5 # by two devices, and by three
		fi
		;;
	esac
	# shellcheck disable=SC2086
	run $senders
	down
	rm -f "$TMP"/t.*
done
eq "no instance left" "$(instances)" ""
