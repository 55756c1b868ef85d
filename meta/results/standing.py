"""The k policy as enumerations: how an estimate may be presented, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How an estimate may be presented, the weakest first."""

    NO_ESTIMATE = "no-estimate"
    EXACT_INTERVAL_ONLY = "exact-interval-only"
    DRAWN_NOT_HEADLINE = "drawn-not-headline"
    BAYESIAN_HEADLINE_ONLY = "bayesian-headline-only"
    HEADLINE = "headline"


class Reason(StrEnum):
    """Why an estimate has this status, or what must accompany it."""

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
    """The status of an estimate under the k policy, with its reasons.

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
