"""Settings of the whole test run: what a skip means, and how hypothesis searches."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

# The same examples every time: what fails on one machine fails on the next.
# `--hypothesis-profile=default` explores.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)


class NoSkips:
    """Turns skips into failures, at collection and in the run: where all must run, a skip reads as a pass."""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        return _failed_if_skipped(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        return report if hasattr(report, "wasxfail") else _failed_if_skipped(report)


def _failed_if_skipped(report: Report) -> Report:
    if report.skipped:
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"META_REQUIRE_ALL=1 allows no skip: {reason}"
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin for the doctests of meta too, which a conftest here would not see otherwise.

    A shell starts what runs in the background with interrupts ignored, for its children too: tests that
    interrupt would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("META_REQUIRE_ALL") == "1":
        config.pluginmanager.register(NoSkips(), "no-skips")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; of those that share the pool of the frozen records, one makes it, the rest come last.

    Workers take whole files in this order (`--dist loadfile --no-loadscope-reorder`). The file with most
    tests of the pool begins; the others find it made, so that no worker stands idle waiting for it.
    """
    pooling = Counter(item.path for item in items if "pooled" in getattr(item, "fixturenames", ()))
    maker = max(pooling, key=lambda path: (pooling[path], path), default=None)
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def turn(item: pytest.Item) -> int:
        if item.path in pooling:
            return 0 if item.path == maker else 3
        return 1 if item.path in slow else 2

    items.sort(key=turn)  # stable: a file's tests stay together
