"""The public names of the package: complete, listed, and light to import."""

from __future__ import annotations

import subprocess
import sys

import meta


def test_every_public_name_is_there_and_listed():
    assert {name: getattr(meta, name) for name in meta.__all__}.keys() <= set(dir(meta))
    assert {"pool", "load", "SiteRegion", "PartialCounts", "BayesBinomial", "__version__"} <= set(dir(meta))


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(meta, "nothing_of_the_kind")


def test_version_of_module_and_command_agree():
    done = subprocess.run(
        [sys.executable, "-m", "meta", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"nen-meta {meta.__version__}\n"


def test_partial_counts_are_public():
    data = meta.PartialCounts.of(
        n=[[8, 6], [5, 9]],
        rows=[("A", ["pancreas"], 1), ("A", ["intestine"], 2), ("B", ["pancreas", "intestine"], 3)],
        labels=["A", "B"],
        groups=["pancreas", "intestine"],
        contrasts={"region": ["Asia", "West"]},
    )
    assert data.responders.tolist() == [1, 2, 3]
