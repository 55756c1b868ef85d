"""Settings of the whole test run: what a skip means, and how hypothesis searches."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

# The same examples every time: what fails on one machine fails on the next.
# `--hypothesis-profile=default` explores.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


POOLED = "pooled"  # the fixture of tests/e2e

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
    """Register the plugin for the doctests of meta too, which a conftest here would not see otherwise."""
    if os.environ.get("META_REQUIRE_ALL") == "1":
        config.pluginmanager.register(NoSkips(), "no-skips")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is for one worker, and so are all tests of the one pool of the real records, which come first.

    That pool takes longer than any other test: begun last, it would keep one core waiting for the other.
    """
    names = {item: _worker_group(item) for item in items}
    for item, name in names.items():
        item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: names[item] != POOLED)  # stable: the rest stays in its order


def _worker_group(item: pytest.Item) -> str:
    return (
        POOLED if POOLED in getattr(item, "fixturenames", ()) and "e2e" in item.path.parts else str(item.path)
    )
