"""
Fills the helper's tables, as any user can: flood.py WORK NAME ADDRESS PORT COUNT, under the process name NAME.
  refused  connects to COUNT addresses of this host; nothing listens on PORT
  silent   starts connections to COUNT ports of ADDRESS, which does not answer
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
