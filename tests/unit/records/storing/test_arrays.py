"""What lies beside a run: packed, named with its digest, noticed when it is gone or another."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from meta.data import Counts, GroupedCounts
from meta.errors import StoreError
from meta.models import InverseVariance
from meta.records.analysis import Analysis
from meta.records.run import Run
from meta.records.storing import arrays as beside
from meta.records.storing import store

LABELS = ["a", "b", "c"]
GRIDS = {"tau.x": (0.0, 0.1, 1 / 3), "joint.density": (1e-300, 5e300, -0.0)}
ODD = ("(all)", "a/b", "Ä\u202e %", "")  # names of groups that could be taken for something else


def fits():
    counts = Counts.of([5, 6, 2], [18, 32, 29], LABELS)
    grouped = GroupedCounts.of([5, 6, 2, 1], [18, 32, 29, 9], ODD, [*LABELS, "d"])
    overall = replace(InverseVariance().fit(counts), role="primary", grids=GRIDS)
    by = replace(InverseVariance().fit(grouped), role="primary", by="region x site", grids={"tau.x": (2.0,)})
    groups = tuple(replace(part, grids={"tau.x": (float(i),)}) for i, part in enumerate(by.groups))
    plain = replace(InverseVariance().fit(counts), role="conventional")
    return overall, replace(by, groups=groups), plain


def a_run(**changes):
    content = beside.packed(fits())
    settings = {
        "name": "q", "question": "?", "variation": "loo.a", "ledger": (), "printed": (),
        "analysis": Analysis(name="q", question="?", trials="all"),
        "acknowledged": (), "fits": fits(), "beside": {"loo.a.npz": beside.digest(content)},
    }  # fmt: skip
    return Run(**{**settings, **changes})


@pytest.fixture
def stored(tmp_path):
    """The JSON file of a run with its curves beside it."""
    (tmp_path / "loo.a.npz").write_bytes(beside.packed(fits()))
    path = tmp_path / "loo.a.json"
    path.write_text(store.to_json(a_run()))
    return path


def test_keys_name_role_grouping_group_and_curve():
    with np.load(io.BytesIO(beside.packed(fits()))) as arrays:
        assert arrays["primary/overall/(all)/tau.x"].tolist() == list(GRIDS["tau.x"])
        assert arrays["primary/region x site/(all)/tau.x"].tolist() == [2.0]
        assert arrays["primary/region x site/a%2Fb/tau.x"].tolist() == [1.0]
        assert len(arrays.files) == 2 + 1 + len(ODD)


def test_the_same_numbers_are_the_same_bytes():
    assert beside.packed(fits()) == beside.packed(fits())
    assert beside.packed([fits()[2]]) is None


def test_every_digit_comes_back(stored):
    assert store.load_run(stored) == a_run()
    assert beside.intact(store.load_run(stored), stored.parent)


def test_a_run_alone_is_read_without_its_curves(stored):
    (stored.parent / "loo.a.npz").unlink()
    run = store.load_run(stored)
    assert not any(fit.grids for fit in run.fits)
    assert not beside.intact(run, stored.parent)


def test_curves_that_no_run_names_are_not_read(stored):
    stored.write_text(store.to_json(a_run(beside={})))
    assert not any(fit.grids for fit in store.load_run(stored).fits)


@pytest.mark.parametrize(
    "damage", [b"", b"half", beside.packed(fits()[:1])], ids=["empty", "half", "another"]
)
def test_curves_of_another_run_are_refused(stored, damage):
    (stored.parent / "loo.a.npz").write_bytes(damage)
    with pytest.raises(StoreError, match=r"loo\.a\.npz: found another content than was written"):
        store.load_run(stored)


def pickled():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{}], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"half", pickled()], ids=["empty", "half", "objects"])
def test_what_is_no_npz_is_refused(content):
    with pytest.raises(StoreError, match=r"here: not read: .*; an \.npz as `make pool` stores it is allowed"):
        beside.unpacked(a_run(), content, "here")


@pytest.mark.parametrize(
    ("by", "name"),
    [(None, "base.primary.overall.nc"), ("region x site", "base.primary.region-x-site.nc")],
)
def test_draws_have_a_file_a_fit(by, name):
    assert beside.draws_file("base", "primary", by) == name
