"""What may be said of an estimate: the enumerations of the k policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What may be said, the least first."""

    NO_ESTIMATE = "no-estimate"
    EXACT_INTERVAL_ONLY = "exact-interval-only"
    DRAWN_NOT_HEADLINE = "drawn-not-headline"
    BAYESIAN_HEADLINE_ONLY = "bayesian-headline-only"
    HEADLINE = "headline"


class Reason(StrEnum):
    """Why no more may be said, or what must be said beside it."""

    NO_TRIAL = "no-trial"
    ONE_TRIAL = "one-trial"
    TWO_TRIALS = "two-trials"
    FEW_TRIALS = "few-trials"
    FEW_RESPONDERS = "few-responders"
    NO_RESPONDER = "no-responder"
    ONLY_RESPONDERS = "only-responders"
    UPPER_LIMIT_FROM_PRIOR = "upper-limit-from-prior"
    LOWER_LIMIT_FROM_PRIOR = "lower-limit-from-prior"
    NOT_REPORTED = "not-reported"
    REPORTED_BY_ONE = "reported-by-one"
    SOME_COMPLETIONS = "some-completions"
    POLICY_OFF = "policy-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the k policy lets an estimate be called, and why.

    Attributes
    ----------
    status : Status
        BAYESIAN_HEADLINE_ONLY stands at an estimate of another model; the Bayesian one beside it is HEADLINE.
    reasons : tuple of Reason
    """

    status: Status
    reasons: tuple[Reason, ...] = ()

    @property
    def headline(self) -> bool:
        """Whether the estimate may be a headline."""
        return self.status is Status.HEADLINE
