"""The k policy: how an estimate may be presented, given its numbers of trials and responders."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from meta.results import Rate, RateDifference, Reason, StandardisedRate, Standing, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.models.sites.question import Question

Judged = TypeVar("Judged", Rate, StandardisedRate, RateDifference)

FEW_TRIALS = 5  # from here on any model may give the headline
FEW_RESPONDERS = 5
RULE = (
    "Of one trial the exact interval is the only answer. An estimate based on two trials, or where nobody or "
    "everybody responded, is shown but is not a headline. With three or four trials, or fewer than five "
    "responders, only the Bayesian estimate is a headline."
)
_BORROWED = {Reason.NOT_REPORTED, Reason.REPORTED_BY_ONE}
_ONE_SIDED = {
    Reason.NO_RESPONDER,
    Reason.ONLY_RESPONDERS,
    Reason.UPPER_LIMIT_FROM_PRIOR,
    Reason.LOWER_LIMIT_FROM_PRIOR,
}


ALONE = Standing(status=Status.EXACT_INTERVAL_ONLY, reasons=(Reason.ONE_TRIAL,))


def standing(k: int, responders: int, others: int, *, bayesian: bool = False) -> Standing:
    """The standing of an estimate.

    Below five trials or five responders the headline belongs to a Bayesian model: the likelihood of so few
    hardly informs tau, and only a prior says so. Without any responder, or with nothing but responders, one
    limit of a Bayesian model rests on its prior, and no model gives a headline.

    Parameters
    ----------
    k : int
        Trials that inform the estimate; where an analysis says `unit: arm`, its arms.
    responders, others : int
        Patients who responded in all of them, and those who did not.
    bayesian : bool
        Whether a Bayesian model gives it.
    """
    if k == 0:
        return Standing(status=Status.NO_ESTIMATE, reasons=(Reason.NO_TRIAL,))
    if k == 1:
        return ALONE
    drawn = [Reason.TWO_TRIALS] if k == 2 else []
    if responders == 0:
        drawn += [Reason.NO_RESPONDER, *([Reason.UPPER_LIMIT_FROM_PRIOR] if bayesian else [])]
    if others == 0:
        drawn += [Reason.ONLY_RESPONDERS, *([Reason.LOWER_LIMIT_FROM_PRIOR] if bayesian else [])]
    if drawn:
        return Standing(status=Status.DRAWN_NOT_HEADLINE, reasons=tuple(drawn))
    few = [Reason.FEW_TRIALS] if k < FEW_TRIALS else []
    few += [Reason.FEW_RESPONDERS] if responders < FEW_RESPONDERS else []
    if few and not bayesian:
        return Standing(status=Status.BAYESIAN_HEADLINE_ONLY, reasons=tuple(few))
    return Standing(status=Status.HEADLINE)


def of_completions(
    k: tuple[int, int], responders: tuple[int, int], others: tuple[int, int], *, bayesian: bool
) -> Standing:
    """What may be said of bounds: as of the weakest completion; each argument is (least, greatest)."""
    weakest, strongest = (standing(k[end], responders[end], others[end], bayesian=bayesian) for end in (0, 1))
    if weakest == strongest:
        return weakest
    return replace(weakest, reasons=(Reason.SOME_COMPLETIONS, *weakest.reasons))


def waived(found: Standing) -> Standing:
    """What may be said where the analysis switches the policy off; of fewer than two trials nothing more."""
    if found.status in {Status.NO_ESTIMATE, Status.EXACT_INTERVAL_ONLY} or _BORROWED & set(found.reasons):
        return found
    beside = (reason for reason in found.reasons if reason in _ONE_SIDED)
    return Standing(status=Status.HEADLINE, reasons=(Reason.POLICY_OFF, *beside))


def weakest(several: Iterable[Standing]) -> Standing:
    """The standing that lets the least be said."""
    return min(several, key=lambda one: list(Status).index(one.status))


def judged(asked: Question, answers: Iterable[Judged]) -> tuple[Judged, ...]:
    """The answers of the model of sites and regions, each with its standing; those of one trial withheld.

    Parameters
    ----------
    answers : iterable of Rate, StandardisedRate or RateDifference
        A standardised rate rests on the trials of its level, a difference on the weaker of both levels. A
        rate of a group rests on the trials that report it by itself: where these are fewer than two it is
        the model's, which borrows from the other groups, and is never a headline.
    """
    return tuple(_judged(asked, one) for one in answers)


def _judged(asked: Question, one: Judged) -> Judged:
    whole = standing(*asked.behind(None), bayesian=True)
    if whole.status is Status.EXACT_INTERVAL_ONLY:
        found = whole
    elif isinstance(one, Rate):
        found = _of_group(standing(*asked.reporting(one.group, one.level), bayesian=True))
    else:
        levels = [one.level, one.reference] if isinstance(one, RateDifference) else [one.level]
        found = weakest(standing(*asked.behind(level), bayesian=True) for level in levels)
    answer = replace(one, standing=found)
    return _withheld(answer) if found.status is Status.EXACT_INTERVAL_ONLY else answer


def _of_group(found: Standing) -> Standing:
    borrowed = {
        Status.NO_ESTIMATE: Reason.NOT_REPORTED,
        Status.EXACT_INTERVAL_ONLY: Reason.REPORTED_BY_ONE,
    }
    if found.status not in borrowed:
        return found
    return Standing(status=Status.DRAWN_NOT_HEADLINE, reasons=(borrowed[found.status],))


def _withheld(one: Judged) -> Judged:
    """The answer without its numbers."""
    why = words(one.standing)
    if isinstance(one, RateDifference):
        crude = one.without_groups
        return replace(
            one,
            standardised=one.standardised.withheld(why),
            without_groups=None if crude is None else crude.withheld(why),
        )
    return replace(
        one, mean=one.mean.withheld(why), median=None if one.median is None else one.median.withheld(why)
    )


_PHRASES = {
    Reason.NO_TRIAL: "no trial reported responders",
    Reason.ONE_TRIAL: "one trial",
    Reason.TWO_TRIALS: "based on two trials",
    Reason.FEW_TRIALS: "fewer than five trials",
    Reason.FEW_RESPONDERS: "fewer than five responders",
    Reason.NO_RESPONDER: "no responder",
    Reason.ONLY_RESPONDERS: "only responders",
    Reason.UPPER_LIMIT_FROM_PRIOR: "the upper limit rests on the prior",
    Reason.LOWER_LIMIT_FROM_PRIOR: "the lower limit rests on the prior",
    Reason.NOT_REPORTED: "reported by no trial, estimated from the other groups",
    Reason.REPORTED_BY_ONE: "reported by one trial, estimated with the help of the other groups",
    Reason.SOME_COMPLETIONS: "in some completions",
    Reason.POLICY_OFF: "the analysis switches the k policy off",
}
_SENTENCES = {
    Status.NO_ESTIMATE: "{why}",
    Status.EXACT_INTERVAL_ONLY: "{why}: exact interval only",
    Status.DRAWN_NOT_HEADLINE: "{why}; interpret with caution",
    Status.BAYESIAN_HEADLINE_ONLY: "{why}: only the Bayesian estimate is a headline",
    Status.HEADLINE: "headline",
}


def words(found: Standing) -> str:
    """The sentence of a standing.

    Examples
    --------
    >>> words(standing(2, 9, 30))
    'based on two trials; interpret with caution'
    >>> words(standing(3, 0, 44, bayesian=True))
    'no responder, the upper limit rests on the prior; interpret with caution'
    """
    why = ", ".join(_PHRASES[reason] for reason in found.reasons)
    said = _SENTENCES[found.status].format(why=why)
    return f"{said}; {why}" if found.headline and why else said
