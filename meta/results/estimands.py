"""Of what a number is: a code, and its words for an outcome."""

from __future__ import annotations

from enum import StrEnum

from meta.results.outcomes import Outcome


class Estimand(StrEnum):
    """Of what a number is. In the words, ``{rate}`` is what the outcome's proportion is called."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Estimand:  # noqa: D102
        row = str.__new__(cls, value)
        row._value_ = value
        row.words = words
        return row

    # Proportions
    MEAN = "mean", "mean {rate}"
    MEDIAN = "median", "median {rate}"
    PREDICTIVE = "predictive", "predictive {rate}"
    RAW = "raw", "{rate}"
    ONE_TRIAL = "one-trial", "{rate} of the one trial"
    TRUE = "true", "true {rate} of the trial"
    NEW_TRIAL = "new-trial", "{rate} of a new trial"
    MIDDLE_LOW = "middle-low", "lower end of the middle 95 % of true {rate}s"
    MIDDLE_HIGH = "middle-high", "upper end of the middle 95 % of true {rate}s"
    MEAN_NEW = "mean-new-trials", "mean {rate} over new trials"
    MEDIAN_NEW = "median-new-trials", "median {rate} over new trials"
    MEAN_NEW_STANDARDISED = "mean-new-trials-standardised", "mean {rate} over new trials, standardised"
    MEDIAN_NEW_STANDARDISED = "median-new-trials-standardised", "median {rate} over new trials, standardised"
    MEAN_THESE_STANDARDISED = "mean-these-trials-standardised", "mean {rate} of these trials, standardised"
    MEAN_THESE = "mean-these-trials", "mean {rate} of these trials"
    # Differences of proportions, fractions
    DIFFERENCE_OF_MEANS = "difference-of-means", "difference of mean {rate}s"
    DIFFERENCE_OF_MEDIANS = "difference-of-medians", "difference of median {rate}s"
    # Analysis scale
    MU = "mu", "mu"
    NEW_EFFECT = "new-trial-effect", "effect in a new trial"
    TAU = "tau", "tau"
    TAU2 = "tau2", "tau2"
    SIGMA = "sigma", "sigma"
    OMEGA = "omega", "omega"
    LOG_ODDS_RATIO = "log-odds-ratio", "log odds ratio"
    LOG_ODDS_RATIO_OF_MEANS = "log-odds-ratio-of-means", "log odds ratio of the mean rates"
    LOG_RATIO = "log-ratio", "log ratio of proportions"
    DIFFERENCE = "difference", "difference of proportions"
    DIFFERENCE_ARCSINE = "difference-arcsine", "difference on the arcsine scale"
    DIFFERENCE_DOUBLE_ARCSINE = "difference-double-arcsine", "difference on the double arcsine scale"
    # Heterogeneity; I2 and R2 are fractions
    I2 = "I2", "I2"
    H2 = "H2", "H2"
    R2 = "R2", "share of tau2 that the groups account for"
    MEDIAN_ODDS_RATIO = "median-odds-ratio", "median odds ratio"
    CORRELATION = "intraclass-correlation", "intraclass correlation"


def name_of(estimand: str, outcome: str) -> str:
    """The words for an estimand of an outcome.

    Examples
    --------
    >>> name_of(Estimand.MEAN, Outcome.RESPONSE), name_of("median", "disease-control")
    ('mean ORR', 'median disease control rate')
    """
    return Estimand(estimand).words.format(rate=Outcome(outcome).rate)
