"""Simulation-based calibration of the model of sites and regions.

Parameters are drawn from the prior, data from the parameters, and the model is fitted to the data: the rank
of each true parameter among its posterior draws is then uniform if model, likelihood and sampler agree [1]_.
``python -m tests.simulation.calibration [--sets 200]`` writes out/calibration.png and out/calibration.md.

References
----------
.. [1] Talts et al. (2018), arXiv:1804.06788; bands of the figure: Säilynoja, Bürkner & Vehtari (2022), Stat
   Comput 32:32, doi:10.1007/s11222-022-10090-6
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.special import expit

from meta.data import PartialCounts
from meta.models.sites.effects import Priors

# Trials as in Table 1 of Jia 2022: two print responders by site, two only their totals
N = np.array([[3, 6, 3, 6], [5, 9, 11, 7], [13, 4, 3, 9], [6, 3, 5, 7]])
SPLIT = (True, True, False, False)
REGIONS = ("Asia", "Asia", "West", "West")
SITES = ("pancreas", "gastroesophageal", "intestine", "other")
TRIALS = ("a", "b", "c", "d")
PARAMETERS = ("mu", "gamma", "tau", "sigma_site")
LENGTH = 100  # draws that a rank is taken among, thinned from all
DRAWS, TUNE = 250, 400  # of each of four chains
LEVEL = 0.99  # of the bands, over all ranks and all four parameters together


def data_set(random: np.random.Generator, priors: Priors) -> tuple[PartialCounts, np.ndarray]:
    """Parameters from the prior, and what the trials would report under them.

    Parameters
    ----------
    random : Generator
    priors : Priors
    """
    mu, gamma = random.normal(priors.mu_mean, priors.mu), random.normal(0, priors.contrast)
    tau, sigma = np.abs(random.normal(0, [priors.tau, priors.sigma]))
    region = gamma * (np.array(REGIONS) == "West") - gamma / 2
    site, effect = sigma * random.standard_normal(4), tau * random.standard_normal(4)
    x = random.binomial(N, expit(mu + (region + effect)[:, None] + site))
    rows = []
    for name, split, responders in zip(TRIALS, SPLIT, x.tolist(), strict=True):
        if split:
            rows += [(name, [group], count) for group, count in zip(SITES, responders, strict=True)]
        else:
            rows.append((name, list(SITES), sum(responders)))
    data = PartialCounts.of(N, rows, TRIALS, SITES, contrasts={"region": REGIONS})
    return data, np.array([mu, gamma, tau, sigma])


def ranks(seed: int) -> np.ndarray:
    """Ranks of the four true parameters of one simulated data set.

    Parameters
    ----------
    seed : int
    """
    from meta.models.sites.site_graph import draw

    data, truth = data_set(np.random.default_rng(seed), Priors())
    found = draw(data, Priors(), groups="random", contrasts=("region",), draws=DRAWS, tune=TUNE, seed=seed)
    region = found.levels["region"]
    every = np.stack([found.mu, region[:, 1] - region[:, 0], found.scales["tau"], found.scales["sigma"]])
    thinned = every[:, :: every.shape[1] // LENGTH][:, :LENGTH]
    return np.asarray((thinned < truth[:, None]).sum(-1))


def departures(found: np.ndarray) -> np.ndarray:
    """Distribution function of the ranks less that of uniform ones, shape (..., LENGTH + 1).

    Parameters
    ----------
    found : ndarray of int, shape (..., sets)
    """
    at = np.arange(LENGTH + 1)
    return np.asarray((found[..., None] <= at).mean(-2) - (at + 1) / (LENGTH + 1))


def band(sets: int, parameters: int) -> np.ndarray:
    """Half-width at each rank of a band that all parameters stay within, at LEVEL, if calibrated.

    Parameters
    ----------
    sets, parameters : int
    """
    random = np.random.default_rng(0)
    uniform = random.integers(0, LENGTH + 1, (4000, sets))
    p = np.arange(1, LENGTH + 2) / (LENGTH + 1)
    sd = np.sqrt(np.maximum(p * (1 - p), 1e-12) / sets)
    worst = (np.abs(departures(uniform)) / sd).max(-1)
    return np.asarray(np.quantile(worst, LEVEL ** (1 / parameters)) * sd)


def draw_figure(found: np.ndarray, path: Path) -> None:
    """Departures of each parameter's ranks from uniform ones, with the band.

    Parameters
    ----------
    found : ndarray of int, shape (4, sets)
    path : Path
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.9), layout="constrained")
    sets = found.shape[1]
    width, at = band(sets, len(found)), np.arange(LENGTH + 1) / LENGTH
    for axes, name, line in zip(
        figure.subplots(1, 4, sharey=True), PARAMETERS, departures(found), strict=True
    ):
        axes.fill_between(at, -width, width, color="#d6e5f2", linewidth=0)
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.step(at, line, where="post", color="#0072b2")
        axes.set(title=name, xlabel="rank of the true value", xlim=(0, 1))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("share of ranks below,\nless what is expected")
    figure.suptitle(
        f"Calibration of the model of sites and regions: {sets} data sets drawn from the prior. "
        f"Shaded: where all four\nlines stay in {LEVEL:.0%} of such figures if model and sampler are right.",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    figure.savefig(path, dpi=150)


def main() -> int:
    """Print and write table and figure; 1 where a line leaves the band."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.calibration")
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds = 1_000_000 * options.seed + np.arange(options.sets)
    every = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for done, one in enumerate(pool.map(ranks, seeds.tolist()), 1):
            every.append(one)
            sys.stderr.write(f"\r{done} of {options.sets} data sets")
    sys.stderr.write("\n")
    found = np.array(every).T
    out = Path("out")
    out.mkdir(exist_ok=True)
    draw_figure(found, out / "calibration.png")
    share = (np.abs(departures(found)) / band(options.sets, len(found))).max(-1)
    lines = [
        f"# Simulation-based calibration: {options.sets} data sets, ranks among {LENGTH} draws",
        "",
        "| parameter | largest departure, of the band's half-width |",
        "| --- | --- |",
        *(f"| {name} | {value:.2f} |" for name, value in zip(PARAMETERS, share, strict=True)),
        "",
        f"{'Passed' if (share <= 1).all() else 'FAILED'}: the band holds all four in {LEVEL:.0%} of runs.",
    ]
    text = "\n".join(lines) + "\n"
    (out / "calibration.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if (share <= 1).all() else 1


if __name__ == "__main__":
    raise SystemExit(main())
