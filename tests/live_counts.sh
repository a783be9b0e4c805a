#!/bin/sh
# SPDX-License-Identifier: MIT
# live_counts: three kinds of loss with exact counts, recorded live: the drops on the tape equal what the senders sent
# and what the kernel counted, and each has its finding.
. tests/lib.sh
live || { skip live_counts "$LIVE_WHY"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
N=${N:-5000}

# snmp NAME: Udp's counter in namespace B
snmp() { in_b awk -v k="$1" '$1=="Udp:" && !h {for (i=2;i<=NF;i++) c[i]=$i; h=1; next} $1=="Udp:" {for (i=2;i<=NF;i++) if (c[i]==k) print $i}' /proc/net/snmp; }

net_up || { no live_counts "no namespaces"; exit 1; }
in_b nft -f - <<RULES
table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport 9003 counter drop
	}
}
RULES
bg hold in_b "$TRAFFIC" hold 10.77.0.2 9002 20000
bg_wait hold || { no live_counts "holder"; exit 1; }
noports=$(snmp NoPorts) rcvbuf=$(snmp RcvbufErrors)
start_record "$TMP/rec.log" -o "$TMP/t.skbtape" || { no live_counts "recorder did not start"; exit 1; }
for port in 9001 9002 9003; do
	in_a "$TRAFFIC" send 10.77.0.2 $port "$N" 200 20000 >"$TMP/sent.$port"
done
sleep 0.5
kill -INT $RECPID
wait $RECPID
eq "record ends with 0" $? 0
noports=$(($(snmp NoPorts) - noports)) rcvbuf=$(($(snmp RcvbufErrors) - rcvbuf))
nftdrop=$(in_b nft list ruleset | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')
bg_stop hold
queued=$(sed -n 's/queued //p' "$NETTMP/hold")
for port in 9001 9002 9003; do eq "sent to $port" "$(cat "$TMP/sent.$port")" "sent $N"; done

"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db"
eq "analyze ends with 0" $? 0
db=$TMP/t.db
drops() { q "$db" "SELECT count(*) FROM packet_drop WHERE reason='$1' AND function IN ($2)"; }
eq "no event was lost" "$(q "$db" "SELECT value FROM tape WHERE key='events_lost'")" 0
eq "decoded = recorded" "$(q "$db" "SELECT value FROM tape WHERE key='events_decoded'")" "$(q "$db" "SELECT value FROM tape WHERE key='events_recorded'")"
eq "closed port: drops = sent" "$(drops NO_SOCKET "'__udp4_lib_rcv','udp_rcv','udp_unicast_rcv_skb'")" "$N"
eq "closed port: kernel's count = sent" "$noports" "$N"
eq "full socket: drops = sent - queued" "$(drops SOCKET_RCVBUFF "'udp_queue_rcv_one_skb','__udp_enqueue_schedule_skb','__udp_queue_rcv_skb'")" $((N - queued))
eq "full socket: drops = kernel's count" "$rcvbuf" $((N - queued))
eq "nft rule: drops = sent" "$(drops NETFILTER_DROP "'nft_do_chain','nf_hook_slow','nft_do_chain_inet'")" "$N"
eq "nft rule: kernel's count = sent" "$nftdrop" "$N"
eq "nft rule: its counter in the database" "$(q "$db" "SELECT packets_delta FROM nft_rule WHERE verdict='drop' AND netns='$NB'")" "$N"
eq "closed port: drops have their flow" "$(q "$db" "SELECT count(*) FROM packet_drop d JOIN flow f ON f.id=d.flow_id WHERE d.reason='NO_SOCKET' AND f.dport=9001")" "$N"
for cause in udp-no-listener udp-rcvbuf-overflow netfilter-drop; do
	eq "finding $cause" "$(q "$db" "SELECT count(*) FROM finding WHERE cause='$cause' AND severity!='info' AND netns='$NB'")" 1
done
eq "no other finding above info" "$(q "$db" "SELECT group_concat(cause) FROM finding WHERE severity!='info' AND cause NOT IN ('udp-no-listener','udp-rcvbuf-overflow','netfilter-drop')")" ""
eq "ledger: NoPorts explained" "$(q "$db" "SELECT explained||' '||unexplained FROM ledger WHERE netns='$NB' AND name='Udp.NoPorts'")" "$N 0"
eq "ledger: RcvbufErrors explained" "$(q "$db" "SELECT explained||' '||unexplained FROM ledger WHERE netns='$NB' AND name='Udp.RcvbufErrors'")" "$((N - queued)) 0"
"$SKBTAPE" report "$db" --format json >"$TMP/t.json"
eq "json names all three" "$(sqlite3 :memory: "SELECT count(*) FROM json_each(readfile('$TMP/t.json'),'\$.findings') WHERE json_extract(value,'\$.cause') IN ('udp-no-listener','udp-rcvbuf-overflow','netfilter-drop')")" 3
eq "no instance left" "$(instances)" ""
rm -rf "$TMP"
