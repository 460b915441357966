"""A proxy before an S3 server that does to some objects what storages do now and then.

`python -m benchmarks.bulk_faults PORT SERVER_PORT`. What is done to an object depends on its key.
"""

import http.client
import sys
import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW, BUSY, CUT, HANGS, DENIED, VANISHES = "slow", "busy", "cut", "hangs", "denied", "vanishes"

SHARES = {SLOW: 20, BUSY: 20, CUT: 20, HANGS: 6, DENIED: 5, VANISHES: 5}
"""Objects of a thousand. Busy and cut are over after some requests, and so is hanging."""

_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>ExpiredToken</Code>'
    b"<Message>The provided token has expired.</Message></Error>"
)
_BUSY = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code></Error>'


def fault_of(key: str) -> str | None:
    """What is wrong with an object."""
    drawn = zlib.crc32(key.encode()) % 1000
    for fault, share in SHARES.items():
        if drawn < share:
            return fault
        drawn -= share
    return None


class Faults:
    """What the proxy does at the moment."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.expired = False
        self.forgiving = False
        self.lock = threading.Lock()

    def count(self, what: str) -> int:
        """How often it has come, this time too."""
        with self.lock:
            self.seen[what] += 1
            return self.seen[what]


class Proxy(BaseHTTPRequestHandler):
    """Hands requests on as they are, so that their signatures hold."""

    protocol_version = "HTTP/1.1"
    faults = Faults()
    server_at = 0

    def answer(self) -> None:
        """One request."""
        faults = self.faults
        path = self.path.partition("?")[0]
        if path.startswith("/-/"):
            faults.expired = path == "/-/expire"
            faults.forgiving = faults.forgiving or path == "/-/forgive"
            self.reply(200, b"")
            return
        body = self.body()
        if faults.expired:
            self.reply(400, _EXPIRED)
            return
        if self.command == "PUT" and path.endswith("2.parquet") and faults.count(path) == 1:
            self.reply(503, _BUSY)
            return
        fault = fault_of(path) if path.endswith(".jpg") else None
        times = faults.count(f"{self.command} {path}")
        if fault == SLOW:
            time.sleep(1)
        elif fault == BUSY and times <= 3:
            self.reply(503, _BUSY)
            return
        elif fault == DENIED and not faults.forgiving:
            self.reply(403, b"")
            return
        elif fault == HANGS and self.command == "GET" and not faults.forgiving:
            time.sleep(600)
        is_cut = fault == CUT and self.command == "GET" and times <= 2
        self.hand_on(body, is_cut)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815

    def body(self) -> bytes:
        """As it came, with the frames of its chunks where it has such."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        raw = b""
        size = 1
        while size:
            line = self.rfile.readline()
            size = int(line.split(b";")[0], 16)
            raw += line + self.rfile.read(size + 2)
        return raw

    def hand_on(self, body: bytes, is_cut: bool) -> None:
        """Ask the server, and give its answer, or the first half of it."""
        server = http.client.HTTPConnection("127.0.0.1", self.server_at, timeout=60)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                server.putheader(name, value)
        server.endheaders(body)
        given = server.getresponse()
        data = given.read()
        length = given.getheader("Content-Length") or str(len(data))
        self.send_response(given.status)
        for name, value in given.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        self.close_connection = self.close_connection or is_cut
        server.close()

    def reply(self, status: int, body: bytes) -> None:
        """An answer of the proxy's own."""
        self.send_response(status)
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Clients that are killed leave broken connections."""


if __name__ == "__main__":
    Proxy.server_at = int(sys.argv[2])
    _Server(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
