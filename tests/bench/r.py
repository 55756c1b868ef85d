"""R as a peer: one process a data set that works when told to, and times itself."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from tests.bench.timing import FloatArray, Missing, Side

SCRIPT = Path(__file__).with_name("peers.R")


class Session:
    """A running R with sets of arms, shape (sets, k) each."""

    def __init__(self, x: FloatArray, n: FloatArray) -> None:
        rscript = shutil.which("Rscript")
        if rscript is None:
            raise Missing("R is not installed")
        with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
            np.savetxt(file, np.hstack([x, n]), fmt="%d", delimiter=",")
        self.counts = Path(file.name)
        self.sets = len(x)
        self.process = subprocess.Popen(
            [rscript, "--vanilla", str(SCRIPT), file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        atexit.register(self.close)
        words = self._line()
        self.versions = dict(zip(words[::2], words[1::2], strict=True))

    def side(self, package: str, task: str, names: Sequence[str]) -> Side:
        """A task of peers.R as one side of a comparison."""
        if package not in self.versions:
            raise Missing("not installed")

        def run() -> dict[str, FloatArray]:
            numbers = self.ask(task, 1)[1:].reshape(self.sets, -1)
            return dict(zip(names, numbers.T, strict=True))

        label = f"{package} {self.versions[package]} (R {self.versions['R']})"
        return Side(label, run, lambda runs: float(self.ask(task, runs)[0]), self.sets)

    def ask(self, task: str, runs: int) -> FloatArray:
        """Have R do a task; its seconds a run, then its numbers."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{task} {runs}\n")
        self.process.stdin.flush()
        return np.array([float("nan") if word == "NA" else float(word) for word in self._line()])

    def close(self) -> None:
        """End R; nothing where it has ended."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(timeout=10)
        self.counts.unlink(missing_ok=True)

    def _line(self) -> list[str]:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        if not words:
            raise Missing("R ended early")
        return words


@cache
def session(counts: bytes, k: int) -> Session:
    """One R for all tasks on the same counts."""
    both = np.frombuffer(counts, dtype=np.int64).reshape(2, -1, k)
    return Session(both[0], both[1])


def with_counts(x: np.ndarray, n: np.ndarray) -> Session:
    """R with these sets of arms, shape (sets, k) or (k,); started at the first call."""
    sizes = np.broadcast_to(n, np.shape(x))
    both = np.ascontiguousarray(np.stack([np.atleast_2d(x), np.atleast_2d(sizes)]), dtype=np.int64)
    return session(both.tobytes(), both.shape[-1])
