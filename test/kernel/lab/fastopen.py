"""fastopen.py ADDRESS PORT TIMES: a request in the SYN, and a second one behind its answer; prints how many were answered."""

import socket
import sys

MSG_FASTOPEN = 0x20000000
address, port, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
answered = 0


def whole(client):
    text = b""
    while not text.endswith(b"ok\n"):
        more = client.recv(65536)
        if not more:
            break
        text += more
    return text.count(b"200 OK")


for _ in range(times):
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    client.settimeout(10)
    client.sendto(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n", MSG_FASTOPEN, (address, port))
    answered += whole(client)
    client.sendall(b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
    answered += whole(client)
    client.close()
print(answered)
