"""
An HTTP/1.1 server in python's ssl: `tls-server.py CERTIFICATE KEY ADDRESS PORT`. Prints `ready`, ends when stdin closes.
A GET of /bytes/N has an answer of N bytes, /chunks/N one in N chunks, /status/N one without body; a POST is answered when its body is read.
"""
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

certificate, key, address, port = sys.argv[1:5]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, kind, number = (self.path.split("?")[0] + "//").split("/")[:3]
        number = int(number or 2)
        if kind == "status":
            self.send_response(number)
            if number >= 400:
                self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(number):
                self.wfile.write(b"400\r\n" + b"c" * 1024 + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(b"x" * number)

    do_HEAD = do_GET

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 65536)))
        self.answer(b"ok")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = Server((address, int(port)), Handler)
# The handshake in the connection's own thread.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
