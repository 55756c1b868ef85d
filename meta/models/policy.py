"""The k policy: what an estimate may be called, given how many trials and responders it rests on."""

from __future__ import annotations

from meta.models.describe import counted
from meta.results import Standing

FEW_TRIALS = 5  # from here on any model may give the headline
FEW_RESPONDERS = 5


def standing(k: int, responders: int, *, bayesian: bool = False) -> Standing:
    """The standing of an estimate.

    Below five trials or five responders the headline belongs to a Bayesian model: the likelihood of so few
    hardly informs tau, and only a prior says so.

    Parameters
    ----------
    k : int
        Trials that inform the estimate; where an analysis says `unit: arm`, its arms.
    responders : int
        Responders in all of them.
    bayesian : bool
        Whether a Bayesian model gives it.
    """
    if k == 0:
        return Standing(status="none", reason="no trial reported responders")
    if k == 1:
        return Standing(status="one trial", reason="one trial: exact interval only")
    if k == 2:
        return Standing(status="two trials", reason="rests on two trials: not a headline")
    few = [f"k = {k}"] if k < FEW_TRIALS else []
    few += [f"{counted(responders, 'responder')} in all"] if responders < FEW_RESPONDERS else []
    if few and not bayesian:
        why = f"{' and '.join(few)}: so few that only the Bayesian model gives a headline"
        return Standing(status="beside", reason=why)
    return Standing(status="headline", reason=f"k = {k}")


def waived() -> Standing:
    """The standing where the analysis switches the policy off."""
    return Standing(status="headline", reason="the analysis switches the k policy off")
