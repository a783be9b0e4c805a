#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""beside.py - ordinary traffic: of healthy hosts, and what goes on beside an incident. VERB ARGUMENT..., as the functions are"""
import os, random, socket, struct, sys, threading, time
from tool import csum


def burn(cpu):
    os.sched_setaffinity(0, {int(cpu)})
    while True:
        pass


def drain(c):
    try:
        while c.recv(262144):
            pass
    except OSError:
        pass
    c.close()


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def sink(addr, port):
    s = socket.socket(family(addr))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, int(port)))
    s.listen(64)
    while True:
        threading.Thread(target=drain, args=(s.accept()[0],), daemon=True).start()


def connected(addr, port):
    for _ in range(50):
        try:
            return socket.create_connection((addr, int(port)), 2)
        except OSError:
            time.sleep(0.1)
    sys.exit("no connection")


def stream(addr, port):
    """64 KiB each 10 ms over one connection"""
    s = connected(addr, port)
    s.settimeout(None)
    while True:
        s.sendall(b"l" * 65536)
        time.sleep(0.01)


def mixed(addr, port):
    """short connections, a small stream, closed ports probed now and then, a connection that is aborted"""
    u = socket.socket(family(addr), socket.SOCK_DGRAM)
    long = connected(addr, port)
    i = 0
    while True:
        i += 1
        long.sendall(b"m" * 4000)
        s = connected(addr, port)
        s.sendall(b"short")
        if i % 10 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
        if i % 5 == 0:
            try:
                u.sendto(b"probe", (addr, 20000 + i % 3000))
            except OSError:
                pass
        time.sleep(0.02)


def short(addr, port, n):
    """connections of one message"""
    for _ in range(int(n)):
        s = connected(addr, port)
        s.sendall(b"s" * 300)
        s.close()
        time.sleep(0.003)


def scan(addr, port, n):
    """one datagram and one connection attempt to each of n ports"""
    u = socket.socket(family(addr), socket.SOCK_DGRAM)
    for i in range(int(n)):
        try:
            u.sendto(b"scan", (addr, int(port) + i))
        except OSError:
            pass
        t = socket.socket(family(addr))
        t.settimeout(0.02)
        try:
            t.connect((addr, int(port) + i))
        except OSError:
            pass
        t.close()
        time.sleep(0.002)


def echo_request(n):
    body = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xffff, n) + b"p" * 48
    return body[:2] + struct.pack("!H", csum(body)) + body[4:]


def ping(addr, n):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(0.2)
    for i in range(int(n)):
        s.sendto(echo_request(i), (addr, 0))
        try:
            s.recv(2048)
        except OSError:
            pass
        time.sleep(0.05)


def trace(addr, rounds):
    """as traceroute and mtr: probes whose TTL ends on the way, over ICMP and UDP"""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(int(rounds)):
        for ttl in (1, 2):
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            s.sendto(echo_request(100 + i), (addr, 0))
            u.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            try:
                u.sendto(b"probe", (addr, 33434 + 2 * i + ttl))
            except OSError:
                pass
        time.sleep(0.1)


def dns(addr, port):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.bind((addr, int(port)))
    while True:
        q, who = s.recvfrom(2048)
        if q[:1] == b"s":                   # this answer has to be asked for elsewhere first
            time.sleep(0.005)
        s.sendto(q + b"answer" * 10, who)


def lookups(addr, port, n):
    """a socket for each question; one of 25 does not wait for its answer"""
    lost = 0
    for i in range(int(n)):
        s = socket.socket(family(addr), socket.SOCK_DGRAM)
        s.settimeout(1)
        s.connect((addr, int(port)))
        if i % 25 == 24:
            s.send(b"slow question")
        else:
            s.send(b"question")
            try:
                s.recv(2048)
            except OSError:
                lost += 1
        s.close()
        time.sleep(0.004)
    if lost:
        sys.exit("%d without answer" % lost)


def abort(addr, port, n):
    """clients that reset their connections, with and without data under way"""
    for i in range(int(n)):
        s = connected(addr, port)
        if i % 2:
            s.sendall(b"a" * random.Random(i).randrange(1, 20000))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        time.sleep(0.01)


def group(addr, to, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(port)))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(to) + socket.inet_aton(addr))
    while True:
        s.recv(2048)


def announce(addr, to, port, n):
    """to a group with a member, and now and then to one without, as service discovery does"""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(addr))
    for i in range(int(n)):
        s.sendto(b"announce", (to, int(port)))
        if i % 10 == 0:
            s.sendto(b"discovery", ("239.255.255.250", 1900))
        time.sleep(0.02)


globals()[sys.argv[1]](*sys.argv[2:])
