"""Fits as a run would store them, made up from counts: the figures must take any."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from matplotlib.text import Text

from meta.data import Counts, GroupedCounts
from meta.models import BayesBinomial, BinomialNormal, InverseVariance
from meta.models.policy import standing
from meta.records.analysis import Analysis
from meta.records.run import LedgerEntry, Provenance, Run
from meta.report.drawing import canvas
from meta.results import (
    Between,
    Diagnostics,
    Estimand,
    Fit,
    Heterogeneity,
    NotReported,
    Prediction,
    Procedure,
    Quantity,
    TrialEffect,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = tuple[str, int, int]
NO_RESPONDERS = "no trial reported responders"


def expit(z: float) -> float:
    return 1 / (1 + math.exp(-z))


METHOD = "inverse variance, logit scale, REML, Knapp-Hartung, floored"


def proportion(
    value: float | None,
    low: float | None,
    high: float | None,
    estimand: Estimand = Estimand.RAW,
    reason: str | None = None,
) -> Quantity:
    return Quantity(
        value=value, low=low, high=high, estimand=estimand, level=0.95, kind="confidence",
        method="exact (Clopper-Pearson)" if estimand is Estimand.RAW else METHOD, reason=reason,
    )  # fmt: skip


def trial(label: str, responders: int, n: int, weight: float | None) -> TrialEffect:
    observed = responders / n
    half = 1 / math.sqrt(n)  # any interval inside 0 to 1 will do for a picture
    return TrialEffect(
        label=label, responders=responders, n=n, y=0.0, v=1.0, weight=weight, corrected=responders in {0, n},
        proportion=proportion(observed, max(0.0, observed - half), min(1.0, observed + half)),
    )  # fmt: skip


I2 = Quantity(estimand=Estimand.I2, level=0.95, definition="tau2 / (tau2 + typical sampling variance)")
TAU2 = Quantity(estimand=Estimand.TAU2, level=0.95, definition="REML", method="Q-profile")
MU = Quantity(estimand=Estimand.MU, level=0.95, method="mhk")
AHEAD = Quantity(estimand=Estimand.NEW_EFFECT, level=0.95, kind="prediction", method="t with k-2 df")


def no_estimate(reason: str, k: int) -> dict[str, object]:
    nothing = replace(I2, reason=reason)
    return {
        "mu": replace(MU, reason=reason),
        "tau2": replace(TAU2, reason=reason),
        "heterogeneity": Heterogeneity(
            Q=None, df=max(k - 1, 0), p=None, I2=nothing, I2_Q=nothing, H2=nothing, H2_Q=nothing,
            reason=reason,
        ),
        "prediction": Prediction(
            effect=replace(AHEAD, reason=reason),
            proportion=proportion(None, None, None, Estimand.NEW_TRIAL, reason),
        ),
        "proportion": proportion(None, None, None, Estimand.MEDIAN, reason),
    }  # fmt: skip


def pooled(k: int, mu: float, se: float, tau2: float) -> dict[str, object]:
    low, high = mu - 3 * se, mu + 3 * se
    i2 = replace(I2, value=tau2 / (tau2 + 0.3919))
    half = 4 * math.sqrt(se**2 + tau2)
    return {
        "mu": replace(MU, value=mu, low=low, high=high, se=se, df=k - 1),
        "tau2": replace(TAU2, value=tau2, low=0.0, high=12.0746, at_boundary=tau2 == 0),
        "heterogeneity": Heterogeneity(Q=5.310246, df=k - 1, p=0.15041, I2=i2, I2_Q=i2, H2=i2, H2_Q=i2),
        "prediction": Prediction(
            effect=replace(AHEAD, low=mu - half, high=mu + half, df=k - 2),
            proportion=proportion(None, expit(mu - half), expit(mu + half), Estimand.NEW_TRIAL),
        ),
        "proportion": proportion(expit(mu), expit(low), expit(high), Estimand.MEDIAN),
    }  # fmt: skip


def make_fit(
    rows: Sequence[Row],
    *,
    reason: str | None = None,
    mu: float = -1.752336,
    se: float = 0.422923,
    tau2: float = 0.306546,
    **changes: object,
) -> Fit:
    """A fit of the rows; without an estimate where `reason` is given or there are fewer than two."""
    k = len(rows)
    why = reason or (NO_RESPONDERS if k == 0 else "one trial: exact interval only" if k == 1 else None)
    numbers = no_estimate(why, k) if why else pooled(k, mu, se, tau2)
    if k == 1:  # its exact interval is the answer
        numbers["proportion"] = replace(trial(*rows[0], None).proportion, estimand=Estimand.ONE_TRIAL)
    total = sum(n for _, _, n in rows)
    fit = Fit(
        model=InverseVariance(),
        level=0.95,
        k=k,
        n=total,
        responders=sum(x for _, x, _ in rows),
        standing=standing(k, 5, 5, bayesian=True),
        trials=tuple(trial(label, x, n, None if why else n / total) for label, x, n in rows),
        **numbers,
    )
    return replace(fit, **changes)


def make_grouped(by: str, groups: dict[str, Fit], overall: Fit, **changes: object) -> Fit:
    between = Between(
        procedure=Procedure.WALD, statistic=3.64, df=len(groups) - 1, p=0.00042, tau=0.55,
        method="Wald chi-squared, common tau2", caveat="p is unreliable below k = 10",
    )  # fmt: skip
    parts = tuple(replace(fit, label=label) for label, fit in groups.items())
    return replace(overall, **{"by": by, "groups": parts, "between": between, **changes})


def make_entry(
    label: str, *, by: str | None = None, group: str | None = None, **changes: object
) -> LedgerEntry:
    entry = LedgerEntry(
        trial="t", label=label, action="used", reason="", by=by, group=group, file="trials/t.yaml", line=21,
        path="reports[0].tables[0].rows[0]", where="Table 1", via="Jia 2022, Table 1",
    )  # fmt: skip
    return replace(entry, **changes)


ASIA = (("Sintilimab (Jia 2022)", 5, 18), ("Toripalimab (Lu 2020)", 6, 32))
WEST = (("Avelumab (Fottner 2019)", 2, 29), ("Pembrolizumab (Vijayvergia 2018)", 1, 21))


def by_region() -> Fit:
    groups = {"Asia": make_fit(ASIA, mu=-1.25, tau2=0.0), "West": make_fit(WEST, mu=-2.7, tau2=0.0)}
    return make_grouped("region", groups, make_fit(ASIA + WEST))


def by_site() -> Fit:
    """Four sites, of which the last has no trial with responders."""
    absent = tuple(
        NotReported(label=label, n=n, reason="responders not reported")
        for (label, _, _), n in zip(WEST, (13, 6), strict=True)
    )
    names = [label for label, _, _ in ASIA]
    counts = {
        "pancreas": [(0, 3), (0, 5)],
        "gastroesophageal": [(6, 6), (9, 9)],
        "intestine": [(1, 3)],
        "other": [],
    }
    groups = {
        site: make_fit([(name, x, n) for name, (x, n) in zip(names, rows, strict=False)], not_reported=absent)
        for site, rows in counts.items()
    }
    return make_grouped("site", groups, make_fit(ASIA + WEST))


@pytest.fixture(scope="session")
def fit_of() -> Callable[..., Fit]:
    return make_fit


@pytest.fixture
def region() -> Fit:
    return by_region()


@pytest.fixture
def site() -> Fit:
    return by_site()


@pytest.fixture(scope="session")
def entry_of() -> Callable[..., LedgerEntry]:
    return make_entry


def _texts(figure: Figure) -> list[Text]:
    """All texts that are drawn: matplotlib keeps labels of ticks beyond the ends of an axis."""
    beyond = set()
    for axes in figure.axes:
        for axis, i in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            beyond |= {t for t in axis.get_ticklabels() if not low <= t.get_position()[i] <= high}
    return [t for t in figure.findobj(Text) if t.get_text() and t.get_visible() and t not in beyond]


def _assert_nothing_collides(figure: Figure) -> None:
    with canvas.pinned_settings():  # emoji have no glyph; drawing says so
        figure.canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in _texts(figure)]
    page = figure.bbox
    for text, box in boxes:
        assert box.x0 >= page.x0, text
        assert box.x1 <= page.x1, text
        assert box.y0 >= page.y0, text
        assert box.y1 <= page.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        assert apart, f"{one!r} runs into {other!r}"


@pytest.fixture
def nothing_collides() -> Callable[[Figure], None]:
    return _assert_nothing_collides


# Fits of the models themselves

COUNTS = ([5, 6, 2, 1], [18, 32, 29, 21])
LABELS = ("Sintilimab 2022", "Toripalimab 2020", "Avelumab 2019", "Pembrolizumab 2018")
MODELS = {
    "primary": BayesBinomial(thresholds=(0.1, 0.2)),
    "frequentist": BinomialNormal(bootstrap=50),
    "conventional": InverseVariance(),
}
BAD = Diagnostics(
    rhat=1.2, ess_bulk=100.0, ess_tail=90.0, bfmi=0.2, divergences=9, draws=10, chains=4, target_accept=0.99,
    retried=True, passed=False, seed=1, backend="nuts", faults=("R-hat 1.2 is above 1.01",),
)  # fmt: skip


def _in_role(fit: Fit, role: str, by: str | None) -> Fit:
    return replace(fit, role=role, by=by, groups=tuple(_in_role(g, role, by) for g in fit.groups))


@pytest.fixture(scope="session")
def roles_of() -> Callable[..., list[Fit]]:
    """The three roles' fits of some counts, overall or by groups."""

    def fits(
        responders: Sequence[int],
        n: Sequence[int],
        groups: Sequence[str] | None = None,
        *,
        labels: Sequence[str] | None = None,
        by: str = "region",
    ) -> list[Fit]:
        if groups is None:
            alone = Counts.of(responders, n, labels=labels)
            return [_in_role(model.detailed_fit(alone), role, None) for role, model in MODELS.items()]
        grouped = GroupedCounts.of(responders, n, groups, labels=labels)
        return [_in_role(model.detailed_fit(grouped), role, by) for role, model in MODELS.items()]

    return fits


@pytest.fixture(scope="session")
def table1(roles_of: Callable[..., list[Fit]]) -> list[Fit]:
    """Table 1 of Jia 2022, overall."""
    return roles_of(*COUNTS, labels=LABELS)


@pytest.fixture(scope="session")
def table1_by_region(roles_of: Callable[..., list[Fit]]) -> list[Fit]:
    return roles_of(*COUNTS, ["Asia", "Asia", "West", "West"], labels=LABELS)


@pytest.fixture
def broken() -> Callable[[Fit], Fit]:
    """The fit as if its sampler had broken its limits."""
    return lambda fit: replace(
        fit, sampling=BAD, groups=tuple(replace(group, sampling=BAD) for group in fit.groups)
    )


@pytest.fixture(scope="session")
def run_with() -> Callable[..., Run]:
    def make(*fits: Fit, **changes: object) -> Run:
        asked = changes.pop("analysis", {})
        if not isinstance(asked, Analysis):  # what differs from the plainest
            asked = Analysis(**{"name": "quick", "question": "?", "trials": "all", **asked})
        settings = {
            "name": "quick", "question": "?", "variation": "base", "analysis": asked, "ledger": (),
            "printed": (), "acknowledged": (), "fits": fits, "provenance": Provenance(digest="0"),
        }  # fmt: skip
        return Run(**{**settings, **changes})

    return make
