"""Rates of the remaining patients where some trials do not report them separately from excluded ones.

The model :class:`~meta.models.sites.site_region.SiteRegion` with two fixed groups: the remaining patients
and the excluded ones. A trial that reports both separately informs the contrast between them; one that
reports only their sum contributes the probability of that sum, with every split of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from meta.errors import DataError
from meta.models.describe import counted
from meta.results import Latent, LatentSplit, Parameter
from meta.stats.unreported import sums as partial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.data import PartialCounts
    from meta.models.sites.site_graph import SiteRegionDraws
    from meta.models.sites.site_region import SiteRegion
    from meta.results import SiteRegionFit

_WORK = 10**7  # draws times divisions times squared responders of a sum: a second or two


def latent(
    model: SiteRegion,
    data: PartialCounts,
    *,
    factor: str,
    own: PartialCounts | None = None,
    contrasts: Sequence[str] = (),
) -> Latent:
    """Fit the model without contrasts between trials, and with each of them.

    Parameters
    ----------
    model : SiteRegion
        With the priors, and the options of the sampler.
    data : PartialCounts
        Of two groups: the remaining patients, then the excluded ones.
    factor : str
        By which they are divided.
    own : PartialCounts or None
        The same without what is printed of excluded patients outside the analysis' own population; None, or
        the same rows: there is nothing of the kind.
    contrasts : sequence of str
        Labels of trials; rates are given by the levels of each.

    Raises
    ------
    DataError
        If there are not two groups, or the data lack a contrast.
    """
    if len(data.groups) != 2:
        raise DataError(
            f"groups: found {len(data.groups)}; two, the remaining and the excluded patients, are allowed"
        )
    stays, leaves = data.groups
    asked = replace(
        model, groups="fixed", interaction_prior=None, target={stays: 1.0}, contrasts=(), beside=False
    )
    first, draws = asked.sample(data)
    fits, last = [first], asked
    for name in contrasts:
        last = replace(asked, contrasts=(name,))
        fits.append(last.sample(data)[0])
    alone = last.sample(own)[0] if own is not None and _differs(own, data) else None
    return Latent(
        factor=factor,
        stays=stays,
        leaves=leaves,
        fits=tuple(fits),
        contrast=_contrast(fits[-1]),
        alone=_contrast(alone) if alone is not None else None,
        sampling_alone=alone.sampling if alone is not None else None,
        splits=tuple(_splits(data, draws, model.level)),
        notes=tuple(_notes(data, contrasts)),
    )


def _differs(own: PartialCounts, data: PartialCounts) -> bool:
    return bool(own.n.tolist() != data.n.tolist() or own.responders.tolist() != data.responders.tolist())


def _contrast(fit: SiteRegionFit) -> Parameter:
    """The only pair of groups there is comes last."""
    return fit.parameters[-1]


def _splits(data: PartialCounts, found: SiteRegionDraws, level: float) -> Iterator[LatentSplit]:
    """How the responders of each sum may be split, over the draws and every division of its patients."""
    sizes, tail = data.sizes(), (1 - level) / 2
    for r, x in enumerate(data.responders.tolist()):
        either = sum(pool.n for pool in data.pools if pool.row == r)
        if not either and np.count_nonzero(sizes[r]) < 2:
            continue
        n_stays, n_leaves = sizes[r].tolist()
        step = max(1, len(found.mu) * (either + 1) * (x + 1) ** 2 // _WORK)
        more = np.arange(either + 1)
        n = np.stack([n_stays + either - more, n_leaves + more], axis=-1)
        logits = found.theta[::step, data.trial[r]][:, None, :]
        weight = np.exp(partial.log_probability(logits, n, x))
        weight /= weight.sum(-1, keepdims=True)
        chance = np.nan_to_num(partial.split(logits, n, x).probability[..., 0, :])  # weight 0: x impossible
        p = np.einsum("dm,dmx->x", weight, chance) / len(weight)
        low, high = np.searchsorted(np.cumsum(p), [tail, 1 - tail - 1e-12])
        yield LatentSplit(
            trial=data.labels[data.trial[r]],
            n=n_stays + n_leaves + either,
            responders=x,
            leaving=(n_leaves, n_leaves + either),
            expected_leaving=n_leaves + float((weight @ more).mean()),
            expected=float(p @ np.arange(len(p))),
            low=int(low),
            high=min(int(high), x),
            level=level,
        )


def _notes(data: PartialCounts, contrasts: Sequence[str]) -> Iterator[str]:
    """Notes on the basis of the answers, and how they differ from the primary model's."""
    stays, leaves = data.groups
    reported = (~np.isnan(data.known())).sum(0)
    totals = len({int(t) for t, row in zip(data.trial, data.sizes(), strict=True) if np.all(row > 0)})
    yield (
        f"Responders are reported by themselves of {stays} in {counted(int(reported[0]), 'trial')}, of "
        f"{leaves} in {counted(int(reported[1]), 'trial')}; what sums of both say about the contrast is "
        "ecological. The contrast is the same in every trial."
    )
    if data.pools:
        many = sum(pool.n for pool in data.pools)
        yield (
            f"For {counted(many, 'patient')}, no report says whether they are {stays} or {leaves}: every "
            f"number of {leaves} among them is equally probable a priori."
        )
    elif not totals:
        yield f"Every trial tells {stays} from {leaves}: no split is latent."
    yield (
        f"Overall: as the primary model, a common mu and tau, with the contrast of {leaves} against {stays} "
        "besides; the priors are those of the model of sites and regions."
    )
    for name in contrasts:
        yield (
            f"By {name}: levels differ by a contrast with its own prior and share mu, whereas the primary "
            f"model gives each {name} a mean of its own under the prior of mu: rates of levels with few "
            "responders are pulled towards each other here. The contrast is descriptive."
        )
