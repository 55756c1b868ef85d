"""Run the simulation: ``python -m tests.simulation [--sets 2000] [--seed 1]``; writes out/simulation.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from tests.simulation.two_sites import WAYS, compare, grid, simulate

LARGEST, LEAST = 1.05, 0.93  # error against full reporting, coverage


def main() -> int:
    """Print and write the table; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = compare(*simulate(options.sets, options.seed), grid())
    full, partial, dropped = (found[way] for way in WAYS)
    ratio = partial.rmse / full.rmse
    met = ratio <= LARGEST and partial.rmse < dropped.rmse and partial.coverage >= LEAST
    error = np.sqrt(partial.coverage * (1 - partial.coverage) / options.sets)
    lines = [
        f"# Totals beside splits: {options.sets:,} simulated sets of five trials, two sites",
        "",
        "Response rate of a half-and-half mix in new trials, by the exact posterior.",
        "",
        "| trials | root-mean-square error, points | against full reporting | 95 % interval covers | width |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {way} | {100 * r.rmse:.2f} | {r.rmse / full.rmse:.3f} | {r.coverage:.3f} "
            f"| {100 * r.width:.1f} |"
            for way, r in found.items()
        ),
        "",
        f"Limits: at most {LARGEST} times the error of full reporting, below that of leaving trials out, "
        f"coverage at least {LEAST} (its standard error: {error:.3f}): {'met' if met else 'MISSED'}.",
    ]
    text = "\n".join(lines) + "\n"
    out = Path("out")
    out.mkdir(exist_ok=True)
    (out / "simulation.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
