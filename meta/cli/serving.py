"""The report on a local address, made anew and shown anew when a record changes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from urllib.parse import parse_qs, urlsplit

from meta.errors import MetaError
from meta.report.page.html import source_hash

Snapshot = dict[str, tuple[int, int]]

RECORDS = ("trials", "analyses")
PATIENCE = 20.0  # seconds that a question for news waits for some
PAUSE = 0.4  # seconds between two looks at the records

_SCRIPT = """
(async () => {
  let wait = 0;
  for (;;) {
    try {
      const answer = await fetch("/news?after=%d");
      if ((await answer.json()).news) { location.reload(); return; }
      wait = 0;
    } catch { wait = 2000; }
    await new Promise((ready) => setTimeout(ready, wait));
  }
})();
"""
_POLICY = "script-src "  # of the page's own content security policy, to which ours is added
_FAULTS = "margin:0;padding:1rem;white-space:pre-wrap;background:#7a1020;color:#ffffff"


def live(page: str, version: int, faults: str = "") -> str:
    """The page with a script that waits for news, and with what is wrong with the records.

    Parameters
    ----------
    page : str
        HTML with a content security policy.
    version : int
        Of the page.
    faults : str
        Untrusted text, shown at the top; empty where there are none.
    """
    script = _SCRIPT % version
    page = page.replace(_POLICY, f"connect-src 'self'; {_POLICY}{source_hash(script)} ", 1)
    if faults:
        # the policy refuses styles of elements: a style sheet, with its digest
        style = f".faults{{{_FAULTS}}}"
        page = page.replace("style-src ", f"style-src {source_hash(style)} ", 1)
        page = page.replace("</head>", f"<style>{style}</style></head>", 1)
        shown = f'<pre class="faults" role="alert">{escape(faults)}</pre>'
        start = page.index(">", page.index("<body")) + 1
        page = page[:start] + shown + page[start:]
    end = page.rindex("</body>")
    return f"{page[:end]}<script>{script}</script>{page[end:]}"


class News:
    """The newest page, and who waits for it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._page, self._faults = "", ""
        self._version = time.time_ns() // 1000  # so that a page of an earlier server is never current

    def tell(self, page: str) -> None:
        """Put a page in the place of the last one."""
        self._put(page, "")

    def warn(self, faults: str) -> None:
        """Say above the last page why there is no newer one."""
        self._put(self._page, faults)

    def _put(self, page: str, faults: str) -> None:
        with self._changed:
            self._page, self._faults = page, faults
            self._version += 1
            self._changed.notify_all()

    def page(self) -> str:
        """The newest page, made live."""
        with self._changed:
            return live(self._page, self._version, self._faults)

    def wait(self, version: int, patience: float) -> bool:
        """Whether there is another page than `version`, after at most `patience` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._version != version, patience)


def snapshot(root: Path) -> Snapshot:
    """Every record below `root` with its time and size, as far as it can be read."""
    found = {}
    for folder in RECORDS:
        for path in sorted((root / folder).glob("*.y*ml")):
            try:
                state = path.stat()
            except OSError:  # an editor is about to replace it
                continue
            found[str(path)] = (state.st_mtime_ns, state.st_size)
    return found


def changes(root: Path, known: Snapshot, pause: float = PAUSE) -> Iterator[None]:
    """Yield whenever records have changed and then kept still for a moment.

    Parameters
    ----------
    known : mapping
        The records as they were when the page was made.
    pause : float
        Seconds between two looks.
    """
    last = known
    while True:
        time.sleep(pause)
        now = snapshot(root)
        if now != known and now == last:
            known = now
            yield
        last = now


@contextmanager
def served(news: News, port: int) -> Iterator[str]:
    """Serve the page on this machine alone; gives its address.

    Parameters
    ----------
    port : int
        0 for any that is free.

    Raises
    ------
    MetaError
        If the port is taken or not allowed.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(news))
    except (OSError, OverflowError) as error:
        raise MetaError(
            f"--port: found {port}, which cannot be had ({error}); another, or 0, is allowed"
        ) from None
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _handler(news: News) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Two addresses, for the browser of this machine."""

        def do_GET(self) -> None:
            """Answer."""
            asked = urlsplit(self.path)
            if not self._own():
                self.send_error(403, "Forbidden")
            elif asked.path == "/":
                self._send("text/html; charset=utf-8", news.page())
            elif asked.path == "/news":
                self._send("application/json", json.dumps({"news": news.wait(_after(asked.query), PATIENCE)}))
            else:
                self.send_error(404, "Not found")

        def _own(self) -> bool:
            """Whether the address was this machine's: no name of others that leads here may read the page."""
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            return host in {"127.0.0.1", "localhost"}

        def _send(self, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _after(query: str) -> int:
    (version,) = parse_qs(query).get("after", ["0"])[:1]
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0


def follow(
    root: Path, known: Snapshot, news: News, make: Callable[[], str], told: Callable[[str], None]
) -> None:
    """Rebuild the page after every change; errors are printed and shown above the last good page.

    Parameters
    ----------
    known : mapping
        See :func:`changes`.
    make : callable
        Gives the page, or raises MetaError.
    told : callable
        Called with every fault.
    """
    for _ in changes(root, known):
        try:
            news.tell(make())
        except MetaError as error:
            told(str(error))
            news.warn(str(error))
