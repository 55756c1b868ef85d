"""Who stays where a report does not know of some patients: against every assignment, one by one."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from meta.records.analysis import TrialEntry, Where
from meta.records.trial import Row
from meta.workflow.expand import expand

WELL = Where(differentiation="well")


def brute(well, poor, unknown, responders):
    """Responders and n of the remaining patients, over all responders and all true kinds of the unknown."""
    kinds = ["well"] * well + ["poor"] * poor
    found = set()
    for truth in product(("well", "poor"), repeat=unknown):
        everyone = [*kinds, *truth]
        for chosen in combinations(range(len(everyone)), responders):
            remaining = [i for i, kind in enumerate(everyone) if kind == "poor"]
            found.add((sum(i in chosen for i in remaining), len(remaining)))
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


@pytest.mark.parametrize(
    "counts", [((6, 0), (18, 5), (1, 1)), ((0, 0), (3, 2), (2, 1)), ((2, 1), (0, 0), (3, 3))]
)
def test_doubtful_patients_may_be_excluded_though_all_responders_are_reported(make_trial, analysis, counts):
    """Of patients of an unknown level any number may be excluded, with any of their responders."""
    total = Row(n=sum(n for n, _ in counts), responders=sum(x for _, x in counts))
    named = zip(("well", "poor", "unknown"), counts, strict=True)
    rows = [total, *(Row(differentiation=name, n=n, responders=x) for name, (n, x) in named if n)]
    asked = analysis("a", exclude=(WELL,), unresolved="bound")
    selection = expand({"a": make_trial("a", rows)}, asked)[0].selection
    (well, _), (poor, known), (unknown, responders) = counts
    truths = product((False, True), repeat=unknown)  # whether each is poorly differentiated; responders first
    expected = {(known + sum(truth[:responders]), poor + sum(truth)) for truth in truths}
    (trial,) = selection.bounded
    assert {tuple(option) for option in trial.options.tolist()} == expected
    (said,) = (entry.reason for entry in selection.ledger if entry.action == "bounded")
    assert said.startswith(
        f"{well or 'none'} of {total.n} patients are well differentiated; "
        f"{unknown} more may be, of whom the report does not know; "
    )
    assert "not reported" not in said


@pytest.mark.parametrize("unresolved", ["error", "drop", "keep", "latent"])
def test_elsewhere_patients_of_an_unknown_level_remain(make_trial, analysis, unresolved):
    rows = [Row(n=25, responders=6), Row(differentiation="well", n=6, responders=0)]
    rows.append(Row(differentiation="unknown", n=1, responders=1))
    asked = analysis("a", exclude=(WELL,), unresolved=unresolved)
    (trial,) = expand({"a": make_trial("a", rows)}, asked)[0].selection.included
    assert (trial.found.n, trial.found.responders) == (19, 6)


def test_of_two_exclusions_the_known_one_is_carried_out(make_trial, analysis):
    """Patients with a primary in the lung are excluded; among the others one may be well differentiated."""
    rows = [
        Row(n=20, responders=6),
        Row(site="lung", n=5, responders=2),
        Row(site={"not": ["lung"]}, differentiation="well", n=4, responders=1),
        Row(site={"not": ["lung"]}, differentiation="poor", n=10, responders=2),
        Row(site={"not": ["lung"]}, differentiation="unknown", n=1, responders=1),
    ]
    asked = analysis("a", exclude=(WELL, Where(site="lung")), unresolved="bound")
    selection = expand({"a": make_trial("a", rows)}, asked)[0].selection
    (trial,) = selection.bounded
    assert {tuple(option) for option in trial.options.tolist()} == {(2, 10), (3, 11)}


def test_a_declared_range_says_how_many_are_excluded(make_trial, analysis):
    from meta.records.analysis import Range

    declared = (Range(differentiation="well", n=(2, 2), source="S 2021"),)
    asked = analysis(trials=(TrialEntry(id="a", ranges=declared),), exclude=(WELL,), unresolved="bound")
    (trial,) = expand({"a": make_trial("a", rows_of(2, 3, 1, 2))}, asked)[0].selection.bounded
    assert {n for _, n in trial.options.tolist()} == {4}


def test_by_group_as_overall(make_trial, analysis):
    asked = analysis("a", exclude=(WELL,), unresolved="bound", by=("region",))
    selection = expand({"a": make_trial("a", rows_of(2, 3, 1, 2))}, asked)[0].selection
    whole, region = ({tuple(row) for row in one.data.options[0][:, 0].tolist()} for one in selection.open)
    assert whole == region == brute(2, 3, 1, 2)
