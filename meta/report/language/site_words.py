"""Words and numbers that the figures of sites and regions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, number, percent
from meta.models import policy
from meta.report.language.wording import capital
from meta.results import Estimand, Outcome, Reason, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.results import Parameter, Quantity, SiteRegionFit

DESCRIPTIVE = (
    "Descriptive: levels are compared across trials, not within them, and whatever else differs between "
    "those trials differs with them."
)


def group_noun(fit: SiteRegionFit) -> str:
    """Name what a group is: random effects are of sites, fixed ones of anything."""
    return "group" if fit.model.groups == "fixed" else "site"


def parameter_name(one: Parameter) -> str:
    """Name a parameter; a contrast with its groups, e.g. ``log odds ratio, West against Asia``."""
    name = name_of(one.posterior.estimand, Outcome.RESPONSE)  # the same of every outcome
    return name if one.group is None else f"{name}, {pair_name(one)}"


def pair_name(one: Parameter) -> str:
    """Name the groups of a contrast."""
    return f"{one.group} against {one.reference}"


def plain_name(estimand: Estimand, outcome: Outcome) -> str:
    """Name a standardised rate where the words around it say that it is one."""
    return name_of(_PLAIN.get(estimand, estimand), outcome)


_PLAIN = {
    Estimand.MEAN_NEW_STANDARDISED: Estimand.MEAN_NEW,
    Estimand.MEDIAN_NEW_STANDARDISED: Estimand.MEDIAN_NEW,
    Estimand.MEAN_THESE_STANDARDISED: Estimand.MEAN_THESE,
}


def levels_of(fit: SiteRegionFit) -> list[str]:
    """The levels in their order; "all" alone where the model has no contrast."""
    return list(dict.fromkeys(rate.level for rate in fit.rates if rate.level is not None))


def groups_of(fit: SiteRegionFit) -> list[str]:
    """The groups in their order."""
    return list(dict.fromkeys(rate.group for rate in fit.rates))


def written(found: Quantity, *, signed: bool = False) -> str:
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


def not_headlines(
    fit: SiteRegionFit,
    lead: str = "Hollow circles: shown, not headlines.",
    *,
    groups: bool = True,
    levels: bool = True,
) -> Iterator[str]:
    """Say which groups and levels the k policy lets be no headlines, or that it is switched off.

    Parameters
    ----------
    lead : str
        In front.
    groups, levels : bool
        What is shown.
    """
    if Reason.POLICY_OFF in fit.standing.reasons:
        yield f"{capital(policy.words(fit.standing))}."
    shown = [(rate.group, rate.standing) for rate in fit.rates if groups and rate.level is None]
    shown += [(one.level, one.standing) for one in fit.standardised if levels]
    said: dict[str, dict[str, None]] = {}
    for name, found in shown:
        if not found.headline:
            said.setdefault(policy.words(found), {})[name] = None
    if said:
        words = "; ".join(f"{', '.join(names)}: {why}" for why, names in said.items())
        yield f"{lead} {words}."


def difference(found: Quantity) -> str:
    """A difference with its interval in percentage points, or why there is none."""
    if found.value is None or found.low is None or found.high is None:
        return f"not given: {found.reason}"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"
