"""
What any user may do to fill what we remember: flood.py WORK NAME ADDRESS PORT COUNT, under the name of a process.
  refused  connects to COUNT addresses of this host, where nobody listens on PORT
  silent   begins to connect to COUNT ports of ADDRESS, which does not answer
"""
import ctypes
import socket
import sys

work, name, address, port, count = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
for i in range(count):
    with socket.socket() as s:
        s.setblocking(work == "refused")
        try:
            s.connect((f"127.1.{i // 250}.{1 + i % 250}", port) if work == "refused" else (address, 1 + i))
        except OSError:
            pass
