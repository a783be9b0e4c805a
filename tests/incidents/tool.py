#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tool.py - traffic and small helpers for the incident bench (stdlib only).
Command line: python3 -m tool VERB ...; also imported by the incidents' own Python:
  from tool import *   (frame builders, senders, jout)"""
import json, os, select, socket, struct, sys, time

STATE = os.environ.get("STATE", "/tmp")
TAG = os.environ.get("TAG", "x")


def jout(name, **kw):
    """write $STATE/name as JSON (atomically)"""
    p = os.path.join(STATE, name)
    with open(p + ".tmp", "w") as f:
        json.dump(kw, f)
    os.rename(p + ".tmp", p)


def touch(name):
    open(os.path.join(STATE, name), "w").write("1\n")


def wait_file(name, sec=20):
    p = os.path.join(STATE, name)
    end = time.time() + sec
    while not os.path.exists(p):
        if time.time() > end:
            sys.exit("no " + name)
        time.sleep(0.02)


# ---- frame building --------------------------------------------------------
def csum(b):
    if len(b) % 2:
        b += b"\0"
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def macb(m):
    return bytes.fromhex(m.replace(":", ""))


def devmac(dev):
    return open("/sys/class/net/%s/address" % dev).read().strip()


def eth(dst, src, proto=0x0800):
    return macb(dst) + macb(src) + struct.pack("!H", proto)


def ip4(src, dst, proto, payload, ttl=64, ident=1, frag=0, ihl=5, ver=4, tot=None,
        opts=b"", bad_csum=False, tos=0):
    """frag: flags and offset field (0x2000 = MF, 0x4000 = DF, low bits offset/8)"""
    tot = 20 + len(opts) + len(payload) if tot is None else tot
    h = struct.pack("!BBHHHBBH4s4s", ver << 4 | ihl + len(opts) // 4, tos, tot, ident, frag, ttl,
                    proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + opts
    c = csum(h)
    if bad_csum:
        c ^= 0x5555
    return h[:10] + struct.pack("!H", c) + h[12:] + payload


def l4csum(src, dst, proto, seg):
    c = csum(socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, len(seg)) + seg)
    return c or 0xffff


def udp(src, dst, sport, dport, data=b"", bad_csum=False, length=None):
    n = 8 + len(data) if length is None else length
    h = struct.pack("!HHHH", sport, dport, n, 0) + data
    c = l4csum(src, dst, 17, h)
    if bad_csum:
        c ^= 0x5555
    return h[:6] + struct.pack("!H", c) + h[8:]


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", win=8192, opts=b"", bad_csum=False):
    h = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                    (5 + len(opts) // 4) << 4, flags, win, 0, 0) + opts + data
    c = l4csum(src, dst, 6, h)
    if bad_csum:
        c ^= 0x5555
    return h[:16] + struct.pack("!H", c) + h[18:]


def packet_socket(dev, proto=0):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(proto))
    s.bind((dev, proto))
    return s


def send_all(dev, frames, gap=0.001):
    s = packet_socket(dev)
    n = 0
    for f in frames:
        s.send(f)
        n += 1
        if gap:
            time.sleep(gap)
    s.close()
    return n


# ---- tun / bpf ---------------------------------------------------------------
def tun_open(name):
    """an IP tun device without packet information; the caller's process is the wire"""
    import fcntl
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x0001 | 0x1000))
    return fd


def bpf_load(insns, prog_type):
    """load eBPF instructions given as (op, dst, src, off, imm); returns the fd"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("<BBhi", o, s << 4 | d, f, i) for o, d, s, f, i in insns)
    cb, lic, log = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(65536)
    a = struct.pack("<IIQQIIQ", prog_type, len(insns), ctypes.addressof(cb), ctypes.addressof(lic), 1, 65536, ctypes.addressof(log)) + b"\0" * 80
    ab = ctypes.create_string_buffer(a, len(a))
    fd = libc.syscall(321, 5, ab, len(a))
    if fd < 0:
        sys.exit("bpf load: errno %d %s" % (ctypes.get_errno(), log.value.decode()[-500:]))
    return fd


def bpf_link(prog, ifindex, attach_type, flags=0):
    """BPF_LINK_CREATE; the attachment lives as long as the returned fd"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    a = struct.pack("<IIII", prog, ifindex, attach_type, flags) + b"\0" * 48
    ab = ctypes.create_string_buffer(a, len(a))
    fd = libc.syscall(321, 28, ab, len(a))
    if fd < 0:
        sys.exit("bpf link: errno %d" % ctypes.get_errno())
    return fd


def bpf_drop_udp_port(port, xdp):
    """program that drops IPv4/UDP to this port; xdp or tc (direct packet access)"""
    data, end = (0, 4) if xdp else (76, 80)
    p = struct.unpack("<H", struct.pack("!H", port))[0]
    return [(0x61, 2, 1, data, 0), (0x61, 3, 1, end, 0), (0xbf, 4, 2, 0, 0), (0x07, 4, 0, 0, 42), (0x2d, 4, 3, 4, 0),
            (0x71, 5, 2, 23, 0), (0x55, 5, 0, 2, 17), (0x69, 5, 2, 36, 0), (0x15, 5, 0, 2, p),
            (0xb7, 0, 0, 0, 2 if xdp else 0), (0x95, 0, 0, 0, 0), (0xb7, 0, 0, 0, 1 if xdp else 2), (0x95, 0, 0, 0, 0)]


# ---- verbs -------------------------------------------------------------------
def v_jset(path, key, kind, val):
    try:
        d = json.load(open(path))
    except FileNotFoundError:
        d = {}
    d[key] = json.loads(val) if kind == "j" else val
    with open(path + ".tmp", "w") as f:
        json.dump(d, f, indent=1)
    os.rename(path + ".tmp", path)


def v_warm(addr):
    """one UDP datagram to the discard port each 50 ms until the neighbour resolves"""
    fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(fam, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if fam == socket.AF_INET6 else socket.IPPROTO_ICMP)
    s.settimeout(0.2)
    body = struct.pack("!BBHHH", 128 if fam == socket.AF_INET6 else 8, 0, 0, os.getpid() & 0xffff, 1)
    body = body[:2] + struct.pack("!H", csum(body)) + body[4:]
    for _ in range(20):
        try:
            s.sendto(body, (addr, 0))
            s.recv(2048)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("warm: no answer from " + addr)


def v_echo_server(addr, uport, tport):
    fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
    u = socket.socket(fam, socket.SOCK_DGRAM); u.bind((addr, int(uport)))
    t = socket.socket(fam, socket.SOCK_STREAM); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    t.bind((addr, int(tport))); t.listen(8)
    print("ready", flush=True)
    po = select.epoll(); po.register(u, 1); po.register(t, 1); conns = {}
    while True:
        for fd, _ in po.poll(1):
            if fd == u.fileno():
                d, a = u.recvfrom(65536); u.sendto(d, a)
            elif fd == t.fileno():
                c, _a = t.accept(); conns[c.fileno()] = c; po.register(c, 1)
            else:
                d = b""
                try:
                    d = conns[fd].recv(65536)
                except OSError:
                    pass
                if d:
                    conns[fd].sendall(d)
                else:
                    po.unregister(fd); conns.pop(fd).close()


def v_echo_client(addr, uport, tport, sec, out):
    fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
    u = socket.socket(fam, socket.SOCK_DGRAM); u.connect((addr, int(uport))); u.settimeout(1)
    t = socket.socket(fam, socket.SOCK_STREAM); t.settimeout(3)
    r = dict(udp_sent=0, udp_ok=0, tcp_sent=0, tcp_ok=0, err="")
    try:
        t.connect((addr, int(tport)))
    except OSError as e:
        r["err"] = str(e)
    end = time.time() + float(sec); i = 0; gap = float(os.environ.get("INC_HEALTHY_GAP", "0.02"))
    while time.time() < end:
        i += 1; m = b"%08d" % i + b"h" * 100
        r["udp_sent"] += 1
        try:
            u.send(m)
            if u.recv(2048) == m:
                r["udp_ok"] += 1
        except OSError as e:
            r["err"] = str(e)
        try:
            r["tcp_sent"] += 1; t.sendall(m); g = b""
            while len(g) < len(m):
                d = t.recv(2048)
                if not d:
                    break
                g += d
            r["tcp_ok"] += g == m
        except OSError as e:
            r["err"] = str(e)
        time.sleep(gap)
    t.close()
    json.dump(r, open(out, "w"))


def v_udp_send(dst, port, n, size, gap_us, out="", src="", sport="0"):
    """n datagrams of size bytes, gap in us between them; first 8 bytes: sequence number"""
    fam = socket.AF_INET6 if ":" in dst else socket.AF_INET
    s = socket.socket(fam, socket.SOCK_DGRAM)
    if src or int(sport):
        s.bind((src, int(sport)))
    n, size, gap = int(n), int(size), int(gap_us) / 1e6
    ok = err = 0; last = ""
    for i in range(n):
        try:
            s.sendto(b"%08d" % i + b"x" * (size - 8), (dst, int(port))); ok += 1
        except OSError as e:
            err += 1; last = str(e)
        if gap:
            time.sleep(gap)
    if out:
        jout(out, sent=ok, errors=err, last_error=last, sport=s.getsockname()[1])


def v_udp_recv(addr, port, idle, out, delay_us="0", rcvbuf="0", pause="0"):
    """receive until idle seconds pass without a datagram; delay after each; pause before the first read"""
    fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(fam, socket.SOCK_DGRAM)
    if int(rcvbuf):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    s.bind((addr, int(port))); print("ready", flush=True)
    n = 0; s.settimeout(max(8, float(idle))); time.sleep(float(pause))
    try:
        while True:
            s.recv(65536); n += 1; s.settimeout(float(idle))
            if int(delay_us):
                time.sleep(int(delay_us) / 1e6)
    except socket.timeout:
        pass
    jout(out, received=n, rcvbuf=s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))


if __name__ == "__main__":
    globals()["v_" + sys.argv[1].replace("-", "_")](*sys.argv[2:])
