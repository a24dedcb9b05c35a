"""probe.py DEVICE PORT TIMES: says `ready`, waits for a line, then repeats the last byte that left by DEVICE, to or from PORT, so often: a keepalive
probe as some systems send it. IPv4 and IPv6 without options or extension headers."""

import socket
import struct
import sys
import time

device, port, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((device, 0))
wire.settimeout(0.3)
print("ready", flush=True)
sys.stdin.readline()


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parts(frame):
    """IP header and TCP of a frame with payload of our port, or None"""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[14] == 0x45 and frame[23] == 6:
        length = struct.unpack(">H", frame[16:18])[0]
        ip, tcp = frame[14:34], frame[34 : 14 + length]
    elif kind == b"\x86\xdd" and frame[20] == 6:
        length = struct.unpack(">H", frame[18:20])[0]
        ip, tcp = frame[14:54], frame[54 : 54 + length]
    else:
        return None
    head = (tcp[12] >> 4) * 4
    return (ip, tcp) if port in struct.unpack(">HH", tcp[:4]) and len(tcp) > head else None


last = None
try:
    while True:
        frame, where = wire.recvfrom(65536)
        if where[2] == socket.PACKET_OUTGOING and parts(frame):
            last = frame
except TimeoutError:
    pass
ip, tcp = parts(last)
head = (tcp[12] >> 4) * 4
byte = struct.pack(">I", (struct.unpack(">I", tcp[4:8])[0] + len(tcp) - head - 1) & 0xFFFFFFFF)
tcp = tcp[:4] + byte + tcp[8:16] + b"\0\0" + tcp[18:head] + b"\0"
addresses = ip[12:20] if len(ip) == 20 else ip[8:40]
tcp = tcp[:16] + struct.pack(">H", checksum(addresses + struct.pack(">II", len(tcp), 6) + tcp)) + tcp[18:]
if len(ip) == 20:
    ip = ip[:2] + struct.pack(">H", 20 + len(tcp)) + ip[4:10] + b"\0\0" + ip[12:]
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
else:
    ip = ip[:4] + struct.pack(">H", len(tcp)) + ip[6:]
for _ in range(times):
    wire.send(last[:14] + ip + tcp)
    time.sleep(0.01)
print(times, flush=True)
