"""Every name in a fit speaks of the outcome that was counted."""

from dataclasses import asdict, replace

from meta.data import Counts, GroupedCounts
from meta.models import InverseVariance
from meta.results import (
    Between,
    Contrast,
    Dispersion,
    Estimands,
    NamedTest,
    Probability,
    Proportion,
    Quantity,
    SweepPoint,
)
from meta.workflow.running.outcome import of_outcome

LABELS = ["ORR trial", "b", "c"]


def proportion(estimand):
    return Proportion(
        value=0.2, low=0.1, high=0.3, estimand=estimand, level=0.95, kind="credible", method="exact"
    )


def quantity(name):
    return Quantity(name=name, value=0.2, low=0.1, high=0.3, level=0.95, kind="credible", method="exact")


def a_fit():
    """A fit with a name in every place that has one."""
    fit = InverseVariance().fit(GroupedCounts.of([5, 6, 2], [18, 32, 29], ["a", "a", "b"], LABELS))
    median, mean, ahead = (proportion(f"{word} ORR") for word in ("median", "mean", "predictive"))
    ends = tuple(proportion(f"{end} end of the middle 95 % of true ORRs") for end in ("lower", "upper"))
    contrast = Contrast(
        group="a", reference="b", mu=quantity("log odds ratio"), mean=quantity("difference of mean ORRs")
    )
    rich = {
        "estimands": Estimands(median=median, mean=mean, predictive=ahead),
        "dispersion": Dispersion(
            median_odds_ratio=quantity("median odds ratio"),
            middle=ends,
            tests=(NamedTest(statistic=1.0, df=2, p=0.6, method="exact"),),
        ),
        "probabilities": (Probability(estimand="mean ORR", threshold=0.1, value=0.9),),
        "sweep": (SweepPoint(tau=0.0, median=median, mean=mean),),
        "trials": tuple(replace(trial, shrunken=proportion("true ORR")) for trial in fit.trials),
        "between": Between(statistic=None, df=1, p=None, method="posterior", contrasts=(contrast,)),
        "grids": {"median.x": (0.0,)},
    }
    groups = tuple(replace(group, **{**rich, "between": None}) for group in fit.groups)
    return replace(fit, **rich, groups=groups)


def names(data):
    """Every text under a key that names a number."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key in {"estimand", "name"} and isinstance(value, str):
                yield value
            else:
                yield from names(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from names(value)


def test_every_name_of_a_number_is_renamed_and_nothing_else():
    before, after = a_fit(), of_outcome(a_fit(), "disease-control")
    old, new = list(names(asdict(before))), list(names(asdict(after)))
    assert new == [name.replace("ORR", "disease control rate") for name in old]
    assert sum("disease control rate" in name for name in new) > 30
    assert "difference of mean disease control rates" in new
    assert "lower end of the middle 95 % of true disease control rates" in new
    assert after.trials[0].label == "ORR trial"
    assert after.grids == before.grids
    assert after.model == before.model


def test_a_response_is_left_as_it_is():
    fit = InverseVariance().fit(Counts.of([5, 6, 2], [18, 32, 29], LABELS))
    assert of_outcome(fit, "response") is fit
