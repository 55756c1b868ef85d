"""The served page: what is added to it, what counts as a change, and who may read it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from html import unescape
from itertools import islice
from threading import Thread

import pytest

from meta.cli.serving import News, changes, follow, live, served, snapshot
from meta.errors import MetaError, RecordError
from meta.report.page.html import page

PAGE = page([])
HOSTILE = "trials/x.yaml:3: found '</pre><script>alert(1)</script>'; a name is allowed"


def digests(text, tag):
    """Digests of inline scripts or style sheets, as a content security policy names them."""
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
    return {base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies}


def allowed(text, directive):
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    return set(re.findall(r"'sha256-([^']+)'", re.search(rf"{directive} ([^;]*)", policy)[1]))


@pytest.mark.parametrize("faults", ["", HOSTILE])
def test_the_policy_names_exactly_what_is_in_the_page(faults):
    shown = live(PAGE, 7, faults)
    assert "/news?after=7" in shown
    assert digests(shown, "script") == allowed(shown, "script-src")
    assert digests(shown, "style") == allowed(shown, "style-src")
    assert "connect-src 'self'" in shown
    assert "alert(1)</script>" not in shown


def test_without_it_the_page_may_ask_nobody():
    assert "connect-src" not in PAGE
    assert "default-src 'none'" in PAGE


def get(address, path, host=None):
    connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.fixture
def news():
    found = News()
    found.tell(PAGE)
    return found


def test_it_serves_the_page_and_nothing_else(news):
    with served(news, 0) as address:
        assert get(address, "/") == (200, news.page())
        for path in ("/out/report.html", "/../pyproject.toml", "/news/x"):
            assert get(address, path)[0] == 404
        assert get(address, "/", host="evil.example:80")[0] == 403
        assert get(address, "/", host="localhost:1")[0] == 200


def test_a_port_that_is_taken_is_a_fault(news):
    with served(news, 0) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        with pytest.raises(MetaError, match=f"--port: found {port}"), served(news, port):
            pass


def test_whoever_waits_hears_of_the_next_page(news):
    version = int(re.search(r"after=(\d+)", news.page())[1])
    assert not news.wait(version, 0.0)
    with served(news, 0) as address:
        heard = []
        waiting = Thread(target=lambda: heard.append(get(address, f"/news?after={version}")))
        waiting.start()
        news.tell(PAGE)
        waiting.join(30)
        assert [json.loads(body) for _, body in heard] == [{"news": True}]
        assert json.loads(get(address, "/news?after=nonsense")[1]) == {"news": True}


@pytest.fixture
def root(tmp_path):
    for folder in ("trials", "analyses", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "trials" / "a.yaml").write_text("id: a")
    return tmp_path


def test_records_alone_are_watched(root):
    before = snapshot(root)
    (root / "out" / "b.yaml").write_text("x")
    (root / "trials" / "README.md").write_text("x")
    assert snapshot(root) == before
    for change in (
        lambda: (root / "trials" / "a.yaml").write_text("id: ab"),
        lambda: (root / "analyses" / "q.yml").write_text("name: q"),
        (root / "trials" / "a.yaml").unlink,
    ):
        change()
        now = snapshot(root)
        assert now != before
        before = now


def test_a_change_that_came_while_the_page_was_made_counts(root):
    known = snapshot(root)
    (root / "trials" / "a.yaml").write_text("id: later")
    assert len(list(islice(changes(root, known, pause=0.0), 1))) == 1


def test_faults_are_told_and_shown_above_the_last_good_page(root, news, monkeypatch):
    made = iter([PAGE.replace("</main>", "new</main>")])

    def make():
        for text in made:
            return text
        raise RecordError(HOSTILE)

    monkeypatch.setattr("meta.cli.serving.changes", lambda *_: iter([None, None]))
    told = []
    follow(root, snapshot(root), news, make, told.append)
    assert told == [HOSTILE]
    assert "new</main>" in news.page()
    assert "&lt;script&gt;alert(1)" in news.page()
