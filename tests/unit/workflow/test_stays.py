"""Who stays where a report does not know of some patients: against every assignment, one by one."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from meta.records.analysis import TrialEntry, Where
from meta.records.trial import Row
from meta.workflow.expand import expand

WELL = Where(differentiation="well")


def brute(well, poor, unknown, responders):
    """Patients and responders who stay, over all responders and all true kinds of the unknown."""
    kinds = ["well"] * well + ["poor"] * poor
    found = set()
    for truth in product(("well", "poor"), repeat=unknown):
        everyone = [*kinds, *truth]
        for chosen in combinations(range(len(everyone)), responders):
            stays = [i for i, kind in enumerate(everyone) if kind == "poor"]
            found.add((len(stays), sum(i in chosen for i in stays)))
    return found


def rows_of(well, poor, unknown, responders):
    total = Row(n=well + poor + unknown, responders=responders)
    parts = (("well", well), ("poor", poor), ("unknown", unknown))
    return [total, *(Row(differentiation=name, n=n) for name, n in parts if n)]


@pytest.mark.parametrize(
    "counts", [(2, 3, 1, 2), (2, 3, 2, 1), (1, 1, 3, 4), (3, 2, 1, 0), (2, 2, 2, 6), (2, 4, 0, 3)]
)
def test_every_assignment_and_no_other(make_trial, analysis, counts):
    asked = analysis("a", exclude=(WELL,), unresolved="bound")
    selection = expand({"a": make_trial("a", rows_of(*counts))}, asked)[0].selection
    (trial,) = selection.bounded
    assert {tuple(option) for option in trial.options.tolist()} == brute(*counts)
    (said,) = (entry.reason for entry in selection.ledger if entry.action == "bounded")
    assert (f"{counts[2]} more may be, of whom the report does not know" in said) == (counts[2] > 0)


def test_a_declared_range_says_how_many_leave(make_trial, analysis):
    from meta.records.analysis import Range

    declared = (Range(differentiation="well", n=(2, 2), source="S 2021"),)
    asked = analysis(trials=(TrialEntry(id="a", ranges=declared),), exclude=(WELL,), unresolved="bound")
    (trial,) = expand({"a": make_trial("a", rows_of(2, 3, 1, 2))}, asked)[0].selection.bounded
    assert {n for n, _ in trial.options.tolist()} == {4}


def test_by_group_as_overall(make_trial, analysis):
    asked = analysis("a", exclude=(WELL,), unresolved="bound", by=("region",))
    selection = expand({"a": make_trial("a", rows_of(2, 3, 1, 2))}, asked)[0].selection
    whole, region = ({tuple(row) for row in one.data.options[0][:, 0].tolist()} for one in selection.open)
    assert whole == region == {(x, n) for n, x in brute(2, 3, 1, 2)}
