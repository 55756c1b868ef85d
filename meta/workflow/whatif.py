"""Pooled answers for every selection of an analysis' trials, under every model and prior."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from meta.errors import SpecError, StoreError
from meta.models.batch import each_choice, some
from meta.models.policy import standing, waived
from meta.records.run import BASE
from meta.records.sensitivity_words import PRIORS
from meta.records.storing import subsets
from meta.records.storing.subsets import FILE, Choice, Subsets, Tried
from meta.stats.binomial.proportions import proportion_interval
from meta.workflow.pool import RESULTS
from meta.workflow.running.execute import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from meta.models import Model
    from meta.results import Fit, Standing
    from meta.workflow.expand import Variation

MOST = 12  # trials up to which every choice is computed beforehand


def write_subsets(
    planned: Sequence[Variation], out: Path, left: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Store the table of each analysis, where it is not stored already.

    Parameters
    ----------
    left : callable
        Told how many tables are to be made yet.

    Returns
    -------
    list of str
        The tables below `out`, written or current.
    """
    bases = [base for base in planned if base.name == BASE and _can(base)]
    kept = []
    for done, base in enumerate(bases):
        left(len(bases) - done)
        siblings = [one for one in planned if one.analysis.name == base.analysis.name]
        made = _digest(base, siblings)
        name = f"{RESULTS}/{base.analysis.name}/{FILE}"
        try:
            current = subsets.load(out / name).digest == made
        except StoreError:
            current = False
        if not current:
            subsets.save(table(base, siblings), out / name)
        kept.append(name)
    return kept


def _can(base: Variation) -> bool:
    """Whether the analysis has a single set of counts and at least two trials."""
    return not base.selection.bounded and base.selection.counts.k > 1 and bool(base.analysis.fitted())


def _digest(base: Variation, siblings: Sequence[Variation]) -> str:
    return hashlib.sha256(f"{digest(base)}{_named(base, siblings)}".encode()).hexdigest()


def table(base: Variation, siblings: Sequence[Variation]) -> Subsets:
    """Compute the table of an analysis.

    Parameters
    ----------
    siblings : sequence of Variation
        The analysis' variations, of which those that only take trials out give names.
    """
    trials, counts = _trials(base), base.selection.counts
    named = _named(base, siblings)
    members = _members([one.id for one in trials], named)
    words: dict[str, int] = {"": 0}
    called: dict[Standing, int] = {}
    choices, values, reasons, standings = [], [], [], []
    skipped: dict[tuple[str, str], None] = {}  # a model refuses every prior alike
    for role, prior, model in _models(base):
        try:
            part = each_choice(model, counts, members)
        except SpecError as error:
            skipped[role, str(error)] = None
            continue
        choices.append(
            Choice(role=role, model=model.model, prior=prior, level=model.level, estimands=part.names)
        )
        values.append(part.values)
        reasons.append([[words.setdefault(word, len(words)) for word in row] for row in part.why])
        of_each = _standings(base, members, bayesian=model.BAYESIAN)
        standings.append([called.setdefault(one, len(called)) for one in of_each])
    return Subsets(
        analysis=base.analysis.name, digest=_digest(base, siblings), run=digest(base),
        outcome=base.analysis.outcome, complete=counts.k <= MOST,
        trials=trials, choices=tuple(choices), named=named, skipped=tuple(skipped), words=tuple(words),
        called=tuple(called),
        members=members, values=np.array(values), reasons=np.array(reasons, dtype=np.uint8),
        standings=np.array(standings, dtype=np.uint8),
    )  # fmt: skip


def _trials(base: Variation) -> tuple[Tried, ...]:
    counts = base.selection.counts
    low, high = proportion_interval(counts.responders, counts.n, method="clopper-pearson", level=0.95)
    return tuple(
        Tried(
            id=_id(base, i), label=one.label, region=one.attributes["region"],
            responders=one.found.responders, n=one.found.n, low=float(low[i]), high=float(high[i]),
        )
        for i, one in enumerate(base.selection.included)
    )  # fmt: skip


def _id(base: Variation, index: int) -> str:
    chosen = base.selection.included[index].chosen
    return (
        f"{chosen.trial.id}/{chosen.arm}" if base.analysis.unit == "arm" and chosen.arm else chosen.trial.id
    )


def _named(base: Variation, siblings: Sequence[Variation]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Selections with a name: each region, and each variation that only leaves out whole trials."""
    included = base.selection.included
    ids = [_id(base, i) for i in range(len(included))]
    regions = dict.fromkeys(one.attributes["region"] for one in included)
    found = {
        f"{region} only": tuple(
            name for name, one in zip(ids, included, strict=True) if one.attributes["region"] == region
        )
        for region in regions
    }
    plain = {name: (one.found.responders, one.found.n) for name, one in zip(ids, included, strict=True)}
    for other in siblings:
        if other.name == BASE or other.expansion or other.selection.unsettled:
            continue
        theirs = {
            _id(other, i): (one.found.responders, one.found.n)
            for i, one in enumerate(other.selection.included)
        }
        if theirs.items() < plain.items() and theirs:
            found[other.name] = tuple(theirs)
    return tuple((name, some) for name, some in found.items() if len(some) < len(ids))


def _members(ids: Sequence[str], named: Sequence[tuple[str, tuple[str, ...]]]) -> NDArray[np.bool_]:
    """All selections of up to MOST trials; of more: all, all but one, all but two, and those with a name."""
    k = len(ids)
    if k <= MOST:
        return (np.arange(1, 2**k)[:, None] >> np.arange(k)) & 1 > 0
    rows = {(True,) * k: None}
    for size in (1, 2):
        for out in combinations(range(k), size):
            rows[tuple(i not in out for i in range(k))] = None
    for _, own in named:
        rows[tuple(name in own for name in ids)] = None
    return np.array(list(rows))


def _models(base: Variation) -> Iterator[tuple[str, str | None, Model]]:
    """Each role's model; the primary model also under every prior of each-prior."""
    for role, model in base.analysis.fitted().items():
        yield role, model.prior, model
        if role == "primary" and model.prior:
            for prior in PRIORS:
                if prior != model.prior:
                    yield role, prior, model.with_options(prior=prior)


def _standings(base: Variation, members: NDArray[np.bool_], *, bayesian: bool) -> list[Standing]:
    counts, off = base.selection.counts, base.analysis.k_policy == "off"
    tallies = zip(
        members.sum(-1).tolist(),
        (members @ counts.responders).tolist(),
        (members @ (counts.n - counts.responders)).tolist(),
        strict=True,
    )
    found = [standing(*tally, bayesian=bayesian) for tally in tallies]
    return [waived(one) for one in found] if off else found


def subset(base: Variation, without: Sequence[str], role: str, prior: str | None) -> Fit:
    """Fit the base without some trials, afresh.

    Parameters
    ----------
    without : sequence of str
        Ids of trials, ``trial/arm`` under `unit: arm`.
    prior : str, optional
        Of tau, in place of the model's own.

    Raises
    ------
    SpecError
        With everything that is not among the analysis' trials and models, and what is.
    """
    ids = [_id(base, i) for i in range(base.selection.counts.k)]
    models: dict[str, Model] = {str(name): one for name, one in base.analysis.fitted().items()}
    wrong = [
        f"--without: found {name!r}; {', '.join(ids)} are allowed" for name in without if name not in ids
    ]
    if base.selection.bounded:
        wrong.append(
            f"{base.analysis.name}: unresolved: found bound, which leaves no one set of counts to fit"
        )
    if role not in models:
        wrong.append(f"--model: found {role!r}; {', '.join(models)} are allowed")
    elif prior is not None and models[role].prior is None:
        wrong.append(f"--prior: found {prior!r} with {role}, which has none; primary is allowed")
    if not wrong and set(ids) <= set(without):
        wrong.append("--without: found every trial; all but one are allowed")
    if wrong:
        raise SpecError("\n".join(wrong))
    model = models[role] if prior is None else models[role].with_options(prior=prior)
    fit = model.detailed_fit(some(base.selection.counts, np.array([name not in without for name in ids])))
    fit = replace(fit, outcome=base.analysis.outcome, role=role)
    return replace(fit, standing=waived(fit.standing)) if base.analysis.k_policy == "off" else fit
