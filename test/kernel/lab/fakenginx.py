"""
A process named nginx that is not nginx; any user can run one: fakenginx.py WORK [ADDRESS PORT…]
  listen   connects to itself once, so that it counts as a proxy; then listens on each port of ADDRESS, answers one client, closes
  hold     the same, but keeps the sockets open
  child    the same as listen, from a child of a process named nginx
  inherit  the same as listen, on sockets that root has opened
Prints how many ports the helper could learn; `hold` then runs until its stdin closes.
"""
import ctypes
import os
import socket
import struct
import sys

libc = ctypes.CDLL(None)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


def call_myself(name):
    libc.prctl(15, name, 0, 0, 0)


def open_socket(address):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(5)
    return s


def listen(address, port):
    s = open_socket(address)
    s.bind((address, port))
    s.listen(4)
    return s


def ask(address, port):
    """Sends a request from a process of another name."""
    pid = os.fork()
    if pid == 0:
        call_myself(b"client")
        s = open_socket(address)
        s.connect((address, port))
        s.send(b"GET /fake HTTP/1.1\r\nHost: a\r\n\r\n")
        s.recv(100)
        os._exit(0)
    return pid


def answer(listener):
    s, _ = listener.accept()
    s.settimeout(5)
    s.recv(100)
    s.send(ANSWER)
    s.recv(1)
    s.close()


work, address, ports = sys.argv[1], sys.argv[2], [int(p) for p in sys.argv[3:]]
inherited = []
if work == "inherit":
    inherited = [listen(address, port) for port in ports]
    os.setgid(65534)
    os.setuid(65534)
call_myself(b"nginx")
if work == "child":
    parent = os.fork()
    if parent:
        os.waitpid(parent, 0)
        sys.exit(0)
itself = listen(address, 19999)
with open_socket(address) as s:
    s.connect((address, 19999))
    s.send(b"GET /itself HTTP/1.1\r\nHost: a\r\n\r\n")
    t, _ = itself.accept()
    t.recv(100)
    t.send(ANSWER)
    s.recv(100)
    t.close()
listened = 0
kept = []
for port in ports:
    try:
        listener = inherited.pop(0) if inherited else listen(address, port)
    except OSError:
        continue
    client = ask(address, port)
    answer(listener)
    os.waitpid(client, 0)
    listened += 1
    if work == "hold":
        kept.append(listener)
    else:
        listener.close()
print(listened, flush=True)
if work == "hold":
    sys.stdin.read()
