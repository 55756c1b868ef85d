"""The command line in this process and in its own, roots to run it on, and one pool of four trials."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from functools import cache, partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from meta.cli.app import main
from meta.models.policy import words
from meta.report.page.references import FORMATS, TEXTS
from meta.results import Reason, Standing, Status

REPOSITORY = Path(__file__).resolve().parents[2]
# Four trials and two analyses as they once were: tests count what is in them
FROZEN = REPOSITORY / "tests" / "data" / "root"
COLUMNS = "200"  # so that a table on the terminal is not broken in the middle of a name


@dataclass(frozen=True)
class Result:
    """What a command left behind; a traceback is a failure whatever a test asks for."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.out + self.err, self.err
        assert "Warning:" not in self.err, self.err


Command = Callable[..., Result]


def _called(*arguments: object) -> Result:
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["nen-meta", *map(str, arguments)]),
        mock.patch.dict(os.environ, {"COLUMNS": COLUMNS, "TERM": "dumb"}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    assert isinstance(code, int), code
    return Result(code, out.getvalue(), err.getvalue())


def _environment() -> dict[str, str]:
    """As inherited, without what colours the output or leads git astray, and with this checkout's package."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "FORCE_COLOR"))}
    return {**kept, "COLUMNS": COLUMNS, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"}


def _spawned(*arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "meta", *map(str, arguments)],
        capture_output=True, cwd=cwd, env={**_environment(), **(env or {})}, timeout=120, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


@pytest.fixture(scope="session")
def cli() -> Command:
    """Run a command in this process."""
    return _called


@pytest.fixture(scope="session")
def spawn() -> Command:
    """Run a command as its own process."""
    return _spawned


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command as its own process, to be stopped half-way."""

    def run(*arguments: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "meta", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
        )  # fmt: skip

    return run


@pytest.fixture
def fit(cli: Command, tmp_path: Path) -> Command:
    """Run `fit` on a table given as text or bytes."""

    def run(table: str | bytes, *options: object) -> Result:
        path = tmp_path / "counts.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return cli("fit", path, *options)

    return run


@pytest.fixture
def fitted(fit: Command) -> Callable[..., Any]:
    """Run it and read the JSON; NaN and Infinity are no JSON."""

    def run(table: str | bytes, *options: object) -> Any:
        result = fit(table, *options, "--format", "json")
        assert (result.code, result.err) == (0, "")
        return json.loads(result.out, parse_constant=pytest.fail)

    return run


def _records(root: Path) -> Path:
    for folder in ("trials", "analyses"):
        shutil.copytree(FROZEN / folder, root / folder)
    return root


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A copy of the frozen trials and analyses."""
    return _records(tmp_path / "root")


@dataclass(frozen=True)
class Pooled:
    """A root that was pooled, and what the command said."""

    root: Path
    result: Result

    @property
    def out(self) -> Path:
        return self.root / "out"


@pytest.fixture(scope="session")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Pooled:
    """The frozen records, pooled once for all workers; not to be written to: see `pooled_copy`."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # a worker's is inside the run's
    said = shared / "pooled.json"
    with (shared / "pooled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go, too, where the worker that holds it dies
        if not said.exists():
            root = _records(Path(tempfile.mkdtemp(prefix="pooled-", dir=shared)) / "root")
            result = _called("pool", "--verbose", "--root", root)
            assert result.code == 0, result.err
            said.write_text(json.dumps([str(root), asdict(result)]), encoding="utf-8")
    place, result_said = json.loads(said.read_text(encoding="utf-8"))
    return Pooled(Path(place), Result(**result_said))


@pytest.fixture
def pooled_copy(pooled: Pooled, tmp_path: Path) -> Pooled:
    """The same in a folder of the test's own, times of files included: nothing in it counts as changed."""
    return Pooled(Path(shutil.copytree(pooled.root, tmp_path / "pooled")), pooled.result)


TRIAL = """\
id: {id}
drugs: [{{name: {drug}, target: PD-1}}]
regimen: monotherapy
region: {region}
reports:
  - id: {report}
    citation: {drug} paper
    kind: full-paper
    published: "2020"
    tables:
      - outcome: response
        criteria: RECIST 1.1
        where: Table 1
        rows:
          - {{n: {n}, responders: {responders}}}
"""
ANALYSIS = """\
name: quick
question: How many respond?
trials: all
by: [region]
models: {primary: none, frequentist: none}
"""
ARMS = {"alpha": ("Asia", 3, 20), "beta": ("West", 5, 31), "gamma": ("West", 0, 12)}


def write_trial(root: Path, name: str, region: str, responders: int, n: int, drug: str | None = None) -> Path:
    path = root / "trials" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = TRIAL.format(
        id=name, drug=drug or name, region=region, responders=responders, n=n, report="smith-2020"
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def add_trial() -> Callable[..., Path]:
    """Write the file of a small trial."""
    return write_trial


def write_quick(root: Path) -> Path:
    for name, (region, responders, n) in ARMS.items():
        write_trial(root, name, region, responders, n)
    (root / "analyses").mkdir(parents=True)
    (root / "analyses" / "quick.yaml").write_text(ANALYSIS, encoding="utf-8")
    return root


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """Three made-up trials and one analysis with two figures, of the model that is fitted in no time."""
    return write_quick(tmp_path / "quick")


@pytest.fixture(scope="session")
def _quick_pooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_quick(tmp_path_factory.mktemp("quick") / "root")
    assert _called("pool", "--root", root).code == 0
    return root


@pytest.fixture
def quick_pooled(_quick_pooled: Path, tmp_path: Path) -> Path:
    """The same, pooled; a copy of the test's own."""
    return Path(shutil.copytree(_quick_pooled, tmp_path / "quick-pooled"))


def _tree(folder: Path) -> dict[str, tuple[str, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in files
    }


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, tuple[str, int]]]:
    """Every file below a folder with the digest of its bytes and the time it was written."""
    return _tree


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """Every file below a folder with the digest of its bytes."""
    return lambda folder: {name: digest for name, (digest, _) in _tree(folder).items()}


class _Page(HTMLParser):
    """What a page shows: numbers and texts of runs with their places, and every other text."""

    VOID = frozenset({"meta", "br", "wbr", "link", "input", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, dict[str, str | None]]] = []
        self.numbers: list[tuple[str, str, str, str]] = []  # value, place, format, shown
        self.texts: list[tuple[str, str, str]] = []  # place, format, shown
        self.others: list[str] = []
        self.ids: list[str] = []
        self._shown = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag not in self.VOID:
            self.stack.append((tag, found))
            self._shown = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        opened, attrs = self.stack.pop()
        assert opened == tag, f"<{opened}> closed by </{tag}>"
        place, how = attrs.get("data-ref") or "", attrs.get("data-as") or ""
        if attrs.get("class") == "n":
            self.numbers.append((attrs["value"] or "", place, how, self._shown))
        elif attrs.get("class") == "t":
            self.texts.append((place, how, self._shown))

    def handle_data(self, data: str) -> None:
        self._shown += data
        apart = {"svg", "script", "style"}
        marked = {"n", "t", "w"}
        if not any(tag in apart or attrs.get("class") in marked for tag, attrs in self.stack):
            self.others.append(data)


def _read_page(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    assert not page.stack
    return page


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], _Page]:
    """The numbers and texts of a report's page."""
    return _read_page


# By how a number is written: its unit, and half of its last digit
ROUNDED = {"pct": (100, 0.05), "num2": (1, 0.005), "num3": (1, 0.0005), "int": (1, 0.0), "lineno": (1, 0.0)}


@cache
def _stored(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _stored_at(results: Path, place: str) -> Any:
    run, _, pointer = place.partition("#")
    found = _stored(results / f"{run}.json")
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


def _assert_as_stored(out: Path, text: str) -> _Page:
    page = _read_page(text)
    stored = partial(_stored_at, out / "results")
    for value, place, how, shown in page.numbers:
        found = stored(place)
        assert json.loads(value) == found, place
        if how in ROUNDED:
            scale, half = ROUNDED[how]
            number = float(shown.replace("−", "-").replace(",", ""))
            assert abs(number - scale * found) <= half + 1e-9, (place, shown, found)
        assert shown == FORMATS[how](found), place
    for place, how, shown in page.texts:
        found = stored(place)
        if how == "standing":
            called = Standing(status=Status(found["status"]), reasons=tuple(map(Reason, found["reasons"])))
            assert shown == words(called), place
        else:
            assert shown == TEXTS[how](str(found)), place
    return page


@pytest.fixture(scope="session")
def assert_as_stored() -> Callable[[Path, str], _Page]:
    """Compare every number and text of a page with the stored runs that it names."""
    return _assert_as_stored


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One headless Chromium for the worker."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    with sync_api.sync_playwright() as playwright:
        # the sandbox needs rights that a container's root user does not have; the page is our own
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()
