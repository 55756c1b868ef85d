"""What was counted: one row an outcome."""

from __future__ import annotations

from enum import StrEnum

_ANY_RATE = "normal:0,2.5"  # less is known of other outcomes than of a response


class Outcome(StrEnum):
    """An outcome as records name it.

    Attributes
    ----------
    rate : str
        What the proportion of patients with it is called in a sentence: "mean ORR", "median disease control
        rate".
    short : str
        The same in the head of a narrow column or along an axis.
    events : str
        What patients with it are called.
    had : str
        What they did: "11 of 40 patients responded".
    mu_prior : str
        Default prior of mu, log odds.
    """

    rate: str
    short: str
    events: str
    had: str
    mu_prior: str

    def __new__(  # noqa: D102
        cls,
        value: str,
        rate: str = "",
        short: str = "",
        events: str = "",
        had: str = "",
        mu_prior: str = _ANY_RATE,
    ) -> Outcome:
        row = str.__new__(cls, value)
        row._value_ = value
        row.rate, row.short, row.events, row.had, row.mu_prior = rate, short, events, had, mu_prior
        return row

    RESPONSE = "response", "ORR", "ORR", "responders", "responded", "normal:-2,2"
    DISEASE_CONTROL = "disease-control", "disease control rate", "DCR", "events", "had disease control"
    STABLE = "stable-disease", "stable disease rate", "SD rate", "events", "had stable disease"
    PROGRESSION = (
        "progressive-disease", "progressive disease rate", "PD rate", "events", "had progressive disease"
    )  # fmt: skip
    NOT_ASSESSED = "not-assessed", "not assessed rate", "rate", "events", "were not assessed"
    ADVERSE_EVENT = "adverse-event", "adverse event rate", "AE rate", "events", "had an adverse event"
    SEVERE = (
        "adverse-event-grade-3", "adverse event grade 3 rate", "AE rate", "events",
        "had an adverse event of grade 3 or more",
    )  # fmt: skip
    CHARACTERISTIC = "characteristic", "characteristic rate", "rate", "events", "had the characteristic"
