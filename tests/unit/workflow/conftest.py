"""Small trials and analyses built in memory: records here need no file."""

from collections.abc import Callable
from typing import Any

import pytest

from meta.models import InverseVariance
from meta.records.analysis import Analysis, TrialEntry
from meta.records.trial import Drug, Report, Row, Table, Trial, TrialFile


@pytest.fixture
def make_trial() -> Callable[..., TrialFile]:
    """Build a trial with one report and one response table, or with the reports given."""

    def make(name: str, rows: list[Row] | None = None, **changes: Any) -> TrialFile:
        reports = changes.pop("reports", None) or (make_report("smith-2020", rows or []),)
        drugs = (Drug(name=name),)
        settings: dict[str, Any] = {"drugs": drugs, "region": "Asia", "regimen": "monotherapy", **changes}
        trial = Trial(id=name, reports=tuple(reports), **settings)
        return TrialFile(trial=trial, file=f"trials/{name}.yaml", lines={})

    return make


def make_report(name: str, rows: list[Row], **changes: Any) -> Report:
    """Build a report with one response table, or with the tables given."""
    tables = changes.pop("tables", None) or (Table(outcome="response", rows=tuple(rows), where="Table 1"),)
    settings: dict[str, Any] = {"kind": "full-paper", "published": "2020", **changes}
    return Report(id=name, citation="Smith 2020", tables=tuple(tables), **settings)


@pytest.fixture
def report() -> Callable[..., Report]:
    """Give the builder of reports."""
    return make_report


@pytest.fixture
def analysis() -> Callable[..., Analysis]:
    """Build an analysis of the trials named; by default with the model that is fitted fastest, alone."""

    def make(*names: str, **changes: Any) -> Analysis:
        entries = tuple(TrialEntry(id=name) for name in names)
        quick = {"conventional": InverseVariance()}
        return Analysis(name="test", question="?", **{"trials": entries, "models": quick, **changes})

    return make
