"""`serve`: the page follows the records, and says what is wrong with them."""

from __future__ import annotations

import json
import re
import signal
from urllib.request import urlopen

import pytest


def read(address):
    with urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def next_page(address, page):
    """The page after this one, once there is one."""
    version = re.search(r"/news\?after=(\d+)", page)[1]
    while not json.loads(read(f"{address}news?after={version}"))["news"]:
        pass
    return read(address)


@pytest.fixture
def server(quick_pooled, start):
    process = start("serve", "--root", quick_pooled, "--port", 0, "--no-browser")
    line = next(line for line in process.stdout if b"http://" in line).decode()
    yield process, re.search(r"http://\S+", line)[0], quick_pooled
    process.kill()
    process.communicate()


def test_the_page_follows_the_records(server, add_trial):
    process, address, root = server
    first = read(address)
    add_trial(root, "delta", "Asia", 7, 23)
    second = next_page(address, first)
    assert "delta" not in first
    assert "delta" in second
    path = root / "trials" / "delta.yaml"
    path.write_text(path.read_text().replace("responders: 7", "responders: 99"))
    third = next_page(address, second)
    assert "delta.yaml:" in re.search(r'role="alert">(.*?)</pre>', third, flags=re.DOTALL)[1]
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"delta.yaml:" in complained
    assert b"Traceback" not in complained


def test_records_that_are_wrong_from_the_start_are_refused(quick, cli):
    (quick / "trials" / "alpha.yaml").write_text("id: alpha\n")
    result = cli("serve", "--root", quick, "--port", 0, "--no-browser")
    assert result.code == 2
    assert "alpha.yaml:" in result.err
