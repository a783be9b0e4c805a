#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ltool.py - frames, programs and traffic of link.sh's incidents: python3 -m ltool VERB ARG... (stdlib only)."""
import ctypes, os, random, socket, struct, sys, time

from tool import bpf_link, bpf_load, csum, eth, ip4, jout, send_all, tcp, tun_open, udp

ETH_IP, ETH_IP6 = 0x0800, 0x86dd


# ---- IPv6 frames ------------------------------------------------------------------
def ip6(src, dst, nxt, payload, hlim=64, plen=None):
    return struct.pack("!IHBB", 6 << 28, len(payload) if plen is None else plen, nxt, hlim) + socket.inet_pton(socket.AF_INET6, src) \
        + socket.inet_pton(socket.AF_INET6, dst) + payload


def csum6(src, dst, proto, seg):
    pseudo = socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + struct.pack("!II", len(seg), proto)
    return csum(pseudo + seg) or 0xffff


def udp6(src, dst, sport, dport, data, bad=False):
    h = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    return h[:6] + struct.pack("!H", csum6(src, dst, 17, h) ^ (0x0101 if bad else 0)) + h[8:]


def tagged(dst, src, vid, proto, rest):
    return eth(dst, src, 0x8100) + struct.pack("!HH", vid, proto) + rest


def v_udp_frames(dev, dst_mac, src_mac, src, dst, dport, n, how="", gap="0.005"):
    """n datagrams as frames. how: vlan=ID, type=ETHERTYPE, csum, ipcsum, short, version, ihl, option, exthdr, cut; share=S of them only"""
    how = dict((p.split("=") + ["1"])[:2] for p in how.split(",") if p)
    share, frames, bad = float(how.pop("share", 1)), [], 0
    six = ":" in dst
    for i in range(int(n)):
        wrong = random.Random(i).random() < share
        bad += wrong
        h = how if wrong else {}
        data = b"%06d" % i + b"d" * 90
        proto = ETH_IP6 if six else ETH_IP
        if six:
            u = udp6(src, dst, 4000, int(dport), data, "csum" in h)
            p = ip6(src, dst, 17, u, plen=len(u) + 200 if "short" in h else None)
            if "exthdr" in h:                   # destination options with an option that says "discard" (type 0x40 and up)
                p = ip6(src, dst, 60, struct.pack("!BBBB4x", 17, 0, 0x45, 4) + u)
        else:
            u = udp(src, dst, 4000, int(dport), data, bad_csum="csum" in h)
            p = ip4(src, dst, 17, u, ident=i + 1, bad_csum="ipcsum" in h, tot=20 + len(u) + 300 if "short" in h else None,
                    opts=b"\x83\x0b\x04" + b"\0" * 5 if "option" in h else b"")      # a source route that is longer than the options
            if "version" in h:
                p = bytes([0x55]) + p[1:]
            if "ihl" in h:
                p = bytes([0x43]) + p[1:]
        if "vlan" in h:
            frames.append(tagged(dst_mac, src_mac, int(h["vlan"]), proto, p))
        else:
            frames.append(eth(dst_mac, src_mac, int(h["type"], 0) if "type" in h else proto) + (p[:12] if "cut" in h else p))
    send_all(dev, frames, float(gap))
    jout("frames.json", sent=len(frames), bad=bad)


def v_icmp_frames(dev, dst_mac, src_mac, src, dst, n):
    """echo requests with a wrong ICMP checksum"""
    frames = []
    for i in range(int(n)):
        m = struct.pack("!BBHHH", 8, 0, 0, 77, i) + b"p" * 56
        frames.append(eth(dst_mac, src_mac) + ip4(src, dst, 1, m[:2] + struct.pack("!H", csum(m) ^ 0x1111) + m[4:], ident=i + 1))
    send_all(dev, frames, 0.01)


def v_frag_frames(dev, dst_mac, src_mac, src, dst, dport, n, keep="0", gap="0.004"):
    """datagrams in two fragments, of which the second is sent for a share of keep"""
    frames, lost = [], 0
    for i in range(int(n)):
        whole = random.Random(i).random() < float(keep)
        lost += not whole
        if ":" in dst:
            u = udp6(src, dst, 4000, int(dport), b"f" * 2000)
            for off, part, more in ((0, u[:1440], 1), (180, u[1440:], 0)):
                if more or whole:
                    frames.append(eth(dst_mac, src_mac, ETH_IP6) + ip6(src, dst, 44, struct.pack("!BBHI", 17, 0, off << 3 | more, i + 1) + part))
        else:
            u = udp(src, dst, 4000, int(dport), b"f" * 2000)
            frames.append(eth(dst_mac, src_mac) + ip4(src, dst, 17, u[:1480], ident=i + 1, frag=0x2000))
            if whole:
                frames.append(eth(dst_mac, src_mac) + ip4(src, dst, 17, u[1480:], ident=i + 1, frag=185))
    send_all(dev, frames, float(gap))
    jout("frags.json", datagrams=int(n), incomplete=lost)


def v_vxlan_frames(dev, dst_mac, src_mac, src, dst, vni, inner_mac, isrc, idst, dport, n, how=""):
    """datagrams inside VXLAN; how: outer or inner checksum wrong"""
    frames = []
    for i in range(int(n)):
        inner = eth(inner_mac, "02:00:00:00:00:99") + ip4(isrc, idst, 17, udp(isrc, idst, 4000, int(dport), b"v" * 100, bad_csum=how == "inner"), ident=i + 1)
        o = udp(src, dst, 30000, 4789, struct.pack("!II", 0x08000000, int(vni) << 8) + inner, bad_csum=how == "outer")
        frames.append(eth(dst_mac, src_mac) + ip4(src, dst, 17, o, ident=i + 1))
    send_all(dev, frames, 0.01)


def v_tcp_frames(dev, dst_mac, src_mac, src, dst, dport, n):
    """SYNs with a wrong TCP checksum"""
    send_all(dev, [eth(dst_mac, src_mac) + ip4(src, dst, 6, tcp(src, dst, 30000 + i, int(dport), i * 1000, 0, 2, bad_csum=True), ident=i + 1) for i in range(int(n))], 0.02)


def v_raw(dst, proto, n, ttl="0", gap="0.005"):
    """packets of an IP protocol"""
    six = ":" in dst
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, int(proto))
    if int(ttl):
        s.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, int(ttl))
    for i in range(int(n)):
        s.sendto(b"r" * 64, (dst, 0))
        time.sleep(float(gap))


# ---- programs ------------------------------------------------------------------------
def program(kind, proto, port, share, six):
    """drop this protocol's packets to a port, or this share of them; kind: xdp, tc, cgroup"""
    data, end = (0, 4) if kind == "xdp" else (76, 80)
    drop, ok = {"xdp": (1, 2), "tc": (2, 0), "cgroup": (0, 1)}[kind]
    l3 = 0 if kind == "cgroup" else 14
    port = struct.unpack("<H", struct.pack("!H", port))[0]
    p = [(0x61, 2, 1, data, 0), (0x61, 3, 1, end, 0), (0xbf, 4, 2, 0, 0), (0x07, 4, 0, 0, l3 + (44 if six else 24)), (0x2d, 4, 3, 0, 0),
         (0x71, 5, 2, l3 + (6 if six else 9), 0), (0x55, 5, 0, 0, proto), (0x69, 5, 2, l3 + (42 if six else 22), 0), (0x55, 5, 0, 0, port)]
    if share < 1:                               # bpf_get_prandom_u32()
        p += [(0x85, 0, 0, 0, 7), (0x57, 0, 0, 0, 1023), (0x35, 0, 0, 0, int(share * 1024))]
    p += [(0xb7, 0, 0, 0, drop), (0x95, 0, 0, 0, 0), (0xb7, 0, 0, 0, ok), (0x95, 0, 0, 0, 0)]
    jumps = (0x2d, 0x55, 0x35)
    return [(op, d, s, len(p) - 3 - i if op in jumps else off, imm) for i, (op, d, s, off, imm) in enumerate(p)]


def v_attach(what, where, proto, port, share="1", six="0"):
    """what: xdp-native, xdp-generic, tc-in, tc-out (where: a device), cgroup-in, cgroup-out (where: a cgroup's folder)"""
    kind, how = what.split("-")
    insns = program(kind, {"tcp": 6, "udp": 17}[proto], int(port), float(share), six == "1")
    if kind == "cgroup":                        # CGROUP_INET_INGRESS, CGROUP_INET_EGRESS
        bpf_link_to(bpf_load_as(insns, 8, how == "out"), os.open(where, os.O_RDONLY), how == "out")
    elif kind == "xdp":
        bpf_link_to(bpf_load(insns, 6), socket.if_nametoindex(where), 37, 4 if how == "native" else 2)
    else:
        bpf_link_to(bpf_load(insns, 3), socket.if_nametoindex(where), 46 if how == "in" else 47)
    print("ready", flush=True)
    time.sleep(60)


def bpf_link_to(prog, where, attach, flags=0):
    held.append(bpf_link(prog, where, attach, flags))


def bpf_load_as(insns, prog_type, attach):
    """as bpf_load, for an attach type that the program has to name"""
    code = ctypes.create_string_buffer(b"".join(struct.pack("<BBhi", o, s << 4 | d, f, i) for o, d, s, f, i in insns))
    lic = ctypes.create_string_buffer(b"GPL")
    a = struct.pack("<IIQQIIQII16sII", prog_type, len(insns), ctypes.addressof(code), ctypes.addressof(lic), 0, 0, 0, 0, 0, b"", 0, attach)
    fd = ctypes.CDLL(None, use_errno=True).syscall(321, 5, ctypes.create_string_buffer(a, len(a)), len(a))
    if fd < 0:
        sys.exit("bpf load: errno %d" % ctypes.get_errno())
    return fd


held = []


# ---- traffic -----------------------------------------------------------------------
def v_relay(a, b, slow_ms, secs):
    """a VPN in user space between two tun devices, each in a namespace of its own: slow_ms of work for each packet"""
    import select
    fds = []
    for part in (a, b):
        space, dev, addr, qlen = part.split(",")
        ns = os.open("/run/netns/" + space, os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(ns, 0x40000000):
            sys.exit("setns: errno %d" % ctypes.get_errno())
        fds.append(tun_open(dev))
        os.system("ip addr add %s dev %s; ip link set %s up txqueuelen %s" % (addr, dev, dev, qlen))
    print("ready", flush=True)
    end, other = time.time() + float(secs), {fds[0]: fds[1], fds[1]: fds[0]}
    while time.time() < end:
        for fd in select.select(fds, [], [], 0.1)[0]:
            os.write(other[fd], os.read(fd, 65536))
            time.sleep(float(slow_ms) / 1000)


def v_tun_write(dev, secs, src, dst, n, what):
    """the process behind a tun device writes packets that are no good"""
    fd = tun_open(dev)
    os.system("ip link set %s up" % dev)
    print("ready", flush=True)
    time.sleep(1)
    for i in range(int(n)):
        u = udp6(src, dst, 4000, 4001, b"t" * 40)
        if what == "short":                     # longer by its header than it is
            p = ip6(src, dst, 17, u, plen=len(u) + 100)
        else:                                   # an option that says: discard where it is not known (RFC 8200, 4.2)
            p = ip6(src, dst, 60, struct.pack("!BBBB4x", 17, 0, 0x45, 4) + u)
        os.write(fd, p)
        time.sleep(0.01)
    time.sleep(float(secs))


def v_tcp_try(dst, port, n, timeout="0.3", ttl="0", src=""):
    """connections, one after the other; what became of them"""
    six, ok, errors = ":" in dst, 0, {}
    for _ in range(int(n)):
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        s.settimeout(float(timeout))
        if int(ttl):
            s.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, int(ttl))
        try:
            if src:
                s.bind((src, 0))
            s.connect((dst, int(port)))
            s.send(b"x" * 200)
            ok += bool(s.recv(100))
        except OSError as e:
            errors[str(e)] = errors.get(str(e), 0) + 1
        s.close()
    jout("tries.json", ok=ok, errors=errors)


def v_udp_ttl(dst, port, n, ttl, gap="0.008"):
    six = ":" in dst
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, int(ttl))
    for _ in range(int(n)):
        try:
            s.sendto(b"x" * 100, (dst, int(port)))
        except OSError:
            pass
        time.sleep(float(gap))


def v_udp_serve(addr, port, secs):
    """answers each datagram; counts what could not be sent"""
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((addr, int(port)))
    s.settimeout(0.2)
    print("ready", flush=True)
    end, got, failed = time.time() + float(secs), 0, 0
    while time.time() < end:
        try:
            m, peer = s.recvfrom(2000)
            got += 1
        except socket.timeout:
            continue
        try:
            s.sendto(m, peer)
        except OSError:
            failed += 1
    jout("serve.json", received=got, failed=failed)


def v_group(group, port, on, secs):
    """a member of the group on the device with the address on"""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(port)))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(on))
    print("ready", flush=True)
    s.settimeout(float(secs))
    try:
        while True:
            s.recv(2000)
    except socket.timeout:
        pass


def v_tcp_serve(addr, port, secs):
    """echo, one connection at a time or a few"""
    import threading
    l = socket.create_server((addr, int(port)), family=socket.AF_INET6 if ":" in addr else socket.AF_INET, backlog=64)
    l.settimeout(0.2)
    print("ready", flush=True)
    end = time.time() + float(secs)

    def one(c):
        try:
            while True:
                m = c.recv(65536)
                if not m:
                    return
                c.sendall(m[:200])
        except OSError:
            pass
    while time.time() < end:
        try:
            threading.Thread(target=one, args=(l.accept()[0],), daemon=True).start()
        except socket.timeout:
            pass


def v_tcp_talk(dst, port, secs, size="300", gap="0.02"):
    """requests and answers over one connection, made anew when it breaks"""
    end, ok, err, s = time.time() + float(secs), 0, 0, None
    while time.time() < end:
        try:
            if not s:
                s = socket.socket(socket.AF_INET6 if ":" in dst else socket.AF_INET)
                s.settimeout(float(secs))
                s.connect((dst, int(port)))
            s.sendall(b"q" * int(size))
            ok += bool(s.recv(65536))
        except OSError:
            err, s = err + 1, None
        time.sleep(float(gap))
    jout("talk.json", ok=ok, errors=err)


if __name__ == "__main__":
    globals()["v_" + sys.argv[1].replace("-", "_")](*sys.argv[2:])
