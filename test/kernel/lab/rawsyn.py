"""
rawsyn.py SOURCE ADDRESS PORT: sends SYNs from a raw socket, with the ports of each connection from SOURCE to PORT of ADDRESS.
Prints the count.
"""
import socket
import struct
import subprocess
import sys

source, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
sent = 0
for line in subprocess.check_output(["ss", "-Htn", "state", "established", f"dport = :{port}"], text=True).splitlines():
    local = int(line.split()[2].rsplit(":", 1)[1])
    raw.sendto(struct.pack("!HHIIBBHHH", local, port, 0x01020304, 0, 5 << 4, 2, 1024, 0, 0), (address, 0))
    sent += 1
print(sent)
