"""
Peers that do not speak HTTP/1, and a client named nginx.
  peers.py serve CERTIFICATE ADDRESS PORT KIND [ADDRESS PORT KIND…]
      Prints `ready`. When stdin closes, prints its ledger: {"ADDRESS PORT": [bytes taken, bytes given]}.
      tls        answers each request on the connection with 20,000 bytes; closes after one to /bye
      memcached  answers each get
      banner     speaks first: 300 bytes, then as many for each line; closes after `bye`
  peers.py call ADDRESS PORT TIMES [LINE…]
      Connects TIMES times, reads 300 bytes, then says each line and reads 300 bytes. Prints `ready`, and closes when stdin closes.
"""
import ctypes
import json
import socket
import ssl
import sys
import threading

ledger = {}
guard = threading.Lock()


class Peer:
    def __init__(self, s, name):
        self.s, self.name = s, name

    def book(self, taken, given):
        with guard:
            row = ledger[self.name]
            row[0] += taken
            row[1] += given

    def take(self):
        data = self.s.recv(65536)
        self.book(len(data), 0)
        if not data:
            raise EOFError
        return data

    def give(self, data):
        self.book(0, len(data))
        self.s.sendall(data)


def tls(peer, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)

    def step(what, *arguments):
        while True:
            try:
                result = what(*arguments)
                wants = False
            except ssl.SSLWantReadError:
                wants = True
            data = outgoing.read()
            if data:
                peer.give(data)
            if not wants:
                return result
            incoming.write(peer.take())

    def more():
        data = step(session.read, 65536)
        if not data:
            raise EOFError
        return data

    step(session.do_handshake)
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            pending += more()
        head, pending = pending.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(pending) < length:
            pending += more()
        pending = pending[length:]
        step(session.write, b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000)
        if head.startswith(b"GET /bye "):
            return


def memcached(peer, _):
    pending = b""
    while True:
        while b"\r\n" not in pending:
            pending += peer.take()
        line, pending = pending.split(b"\r\n", 1)
        peer.give(b"VALUE " + line.split(b" ")[1] + b" 0 5\r\nhello\r\nEND\r\n")


def banner(peer, _):
    peer.give(b"b" * 300)
    pending = b""
    while True:
        while b"\n" not in pending:
            pending += peer.take()
        line, pending = pending.split(b"\n", 1)
        peer.give(b"b" * 300)
        if line == b"bye":
            return


def serve_one(s, name, kind, certificate):
    peer = Peer(s, name)
    try:
        {"tls": tls, "memcached": memcached, "banner": banner}[kind](peer, certificate)
        s.shutdown(socket.SHUT_WR)
        while True:
            peer.take()
    except (EOFError, OSError, ssl.SSLError):
        pass
    s.close()


def open_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)


def listen(certificate, address, port, kind):
    s = open_socket(address)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    s.listen(128)
    name = address + " " + port
    ledger[name] = [0, 0]

    def accept():
        while True:
            c, _ = s.accept()
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve_one, args=(c, name, kind, certificate), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def read_exactly(s, n):
    while n > 0:
        data = s.recv(n)
        if not data:
            return
        n -= len(data)


def call(address, port, times, lines):
    ctypes.CDLL(None).prctl(15, b"nginx", 0, 0, 0)
    kept = []
    for _ in range(int(times)):
        s = open_socket(address)
        s.connect((address, int(port)))
        kept.append(s)
        read_exactly(s, 300)
        for line in lines:
            s.sendall(line.encode() + b"\n")
            read_exactly(s, 300)
    print("ready", flush=True)
    sys.stdin.read()


if sys.argv[1] == "call":
    call(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
else:
    rest = sys.argv[3:]
    for i in range(0, len(rest), 3):
        listen(sys.argv[2], *rest[i : i + 3])
    print("ready", flush=True)
    sys.stdin.read()
    with guard:
        print(json.dumps(ledger), flush=True)
