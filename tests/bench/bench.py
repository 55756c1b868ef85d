"""Times our statistics beside named peers; `make bench`. Prints a table and writes out/bench.md."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests.bench import conventional, exact, table
from tests.bench.timing import Comparison, compare, largest_difference

OUT = Path("out/bench.md")

ONE = "counts → REML, Q, I², Knapp-Hartung, prediction interval; 4 trials"
FIT = "the same through InverseVariance().fit()"
MANY = "100,000 simulated sets of 4 trials → REML, per fit"
ML = "binomial-normal maximum likelihood, 4 trials"

COMPARISONS = (
    # metafor and pimeta stop where tau2 changes by less than 1e-5
    Comparison(
        "reml",
        ONE,
        conventional.ours(),
        conventional.pimeta_conventional,
        "pimeta",
        largest_difference(1e-5),
        ratio=1.5,
        rounds=25,
    ),
    Comparison(
        "reml",
        ONE,
        conventional.ours(),
        conventional.metafor_conventional,
        "metafor",
        largest_difference(1e-5),
        ratio=10,
    ),
    Comparison(
        "reml",
        ONE,
        conventional.ours(),
        conventional.pymare_conventional,
        "PyMARE",
        largest_difference(1e-5),
    ),
    Comparison(
        "reml",
        ONE.replace("REML", "DL"),
        conventional.ours("DL"),
        conventional.statsmodels_conventional("dl"),
        "statsmodels",
        largest_difference(1e-9),
    ),
    Comparison(
        "reml",
        ONE.replace("REML", "PM"),
        conventional.ours("PM"),
        conventional.statsmodels_conventional("pm"),
        "statsmodels",
        largest_difference(1e-4),
    ),
    Comparison(
        "fit",
        FIT,
        conventional.ours_fit,
        conventional.pimeta_conventional,
        "pimeta",
        largest_difference(1e-5),
    ),
    Comparison(
        "fit",
        FIT,
        conventional.ours_fit,
        conventional.metafor_conventional,
        "metafor",
        largest_difference(1e-5),
    ),
    Comparison(
        "simulated",
        MANY,
        conventional.ours_simulated,
        conventional.pimeta_simulated,
        "pimeta",
        conventional.agree_on_peaks(1e-3),
        ratio=200,
        rounds=5,
    ),
    Comparison(
        "simulated",
        MANY,
        conventional.ours_simulated,
        conventional.metafor_simulated,
        "metafor",
        conventional.agree_on_peaks(1e-3),
        ratio=2000,
        rounds=5,
    ),
    Comparison(
        "simulated",
        MANY,
        conventional.ours_simulated,
        conventional.pymare_simulated,
        "PyMARE",
        conventional.agree_on_peaks(1e-5),
        rounds=5,
    ),
    Comparison(
        "ml",
        ML,
        exact.ours_ml,
        exact.metafor_glmm,
        "metafor rma.glmm",
        largest_difference(1e-3),
        ratio=5,
    ),
    Comparison(
        "ml",
        ML + ", through BinomialNormal().fit()",
        exact.ours_ml_fit,
        exact.metafor_glmm,
        "metafor rma.glmm",
        largest_difference(1e-3),
        ratio=5,
    ),
    Comparison("ml", ML, exact.ours_ml, exact.pimeta_glmm, "pimeta rma_glmm", largest_difference(1e-3)),
    Comparison(
        "posterior",
        "exact posterior with all estimands, 4 trials",
        exact.ours_posterior,
        exact.bayesmeta_posterior,
        "bayesmeta",
        ratio=30,
        limit=0.05,
    ),
    Comparison("posterior", "the same through BayesBinomial().fit()", exact.ours_posterior_fit),
    Comparison(
        "subsets",
        "all 32,768 subsets of 15 trials: REML and exact posterior",
        exact.ours_subsets,
        limit=10,
        memory=1000,
        rounds=1,
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Carry out the comparisons, print and write the table; 1 where numbers differ."""
    keys = sorted({c.key for c in COMPARISONS})
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=keys, default=keys, help="rows with these keys")
    parser.add_argument("--out", type=Path, default=OUT, help="where the table goes")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # of the peers: writing them takes time
    outcomes = []
    for c in COMPARISONS:
        if c.key in chosen.only:
            sys.stderr.write(f"{c.task}: {c.peer_name}\n")
            outcomes.append(compare(c))
    notes = [conventional.peaks()] if "simulated" in chosen.only else []
    page = table.markdown(outcomes, notes, table.machine())
    sys.stdout.write(page)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(page, encoding="utf-8")
    return int(any(outcome.agreement and not outcome.agreement.same for outcome in outcomes))
