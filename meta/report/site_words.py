"""Words and numbers that the figures of sites and regions share."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, TypedDict

from meta.format import interval, number, percent

if TYPE_CHECKING:
    from meta.results import Parameter, Proportion, Quantity, SiteRegionFit

DESCRIPTIVE = (
    "Descriptive: levels are compared across trials, not within them, and whatever else differs between "
    "those trials differs with them."
)


def contrasts(fit: SiteRegionFit) -> list[Parameter]:
    """Log odds ratios between levels, and fixed ones between groups."""
    names = {f"log odds ratio, {one.level} against {one.reference}" for one in fit.differences}
    if fit.model.get("groups") == "fixed":
        names |= {f"log odds ratio, {one} against {other}" for one, other in permutations(groups_of(fit), 2)}
    return [one for one in fit.parameters if one.posterior.name in names]


def moved(fit: SiteRegionFit) -> str:
    """Say how far the data moved the contrasts from their priors."""
    return f"how far the data moved contrasts from their priors: {'; '.join(map(_moved, contrasts(fit)))}."


def _moved(one: Parameter) -> str:
    narrower = f"sd {number(one.prior_sd, 2)} to {number(one.sd, 2)}"
    return f"{one.posterior.name}, mean 0.00 to {number(one.expectation, 2)}, {narrower}"


class Ends(TypedDict):
    """Ends of an interval, in the axis's unit."""

    low: float | None
    high: float | None


def group_noun(fit: SiteRegionFit) -> str:
    """Name what a group is: random effects are of sites, fixed ones of anything."""
    return "group" if fit.model.get("groups") == "fixed" else "site"


def levels_of(fit: SiteRegionFit) -> list[str]:
    """The levels in their order; "all" alone where the model has no contrast."""
    return list(dict.fromkeys(rate.level for rate in fit.rates if rate.level is not None))


def groups_of(fit: SiteRegionFit) -> list[str]:
    """The groups in their order."""
    return list(dict.fromkeys(rate.group for rate in fit.rates))


def parts(found: Proportion | Quantity, unit: float) -> Ends:
    """The ends of an interval in the axis's unit."""
    return {
        "low": None if found.low is None else unit * found.low,
        "high": None if found.high is None else unit * found.high,
    }


def written(found: Proportion | Quantity, *, signed: bool = False) -> str:
    """Write a fraction in percent with its interval; `signed` ones carry a plus too."""
    if found.value is None:
        return "not given"
    write = points if signed else percent
    ends = "" if found.low is None or found.high is None else f" [{interval(found.low, found.high, write)}]"
    return write(found.value) + ends


def points(fraction: float) -> str:
    """Write a difference in percentage points, with its sign.

    Examples
    --------
    >>> points(0.0512), points(-0.1), points(0.0)
    ('+5.1', '−10.0', '0.0')
    """
    text = number(100 * fraction, 1)
    return f"+{text}" if 100 * fraction > 0 and text != "0.0" else text


def target(fit: SiteRegionFit) -> str:
    """Write the target mix with whose it is."""
    mix = ", ".join(f"{group} {percent(share)} %" for group, share in fit.target.items())
    return f"Target mix ({fit.target_name}): {mix}."
