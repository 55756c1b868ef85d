"""Which model answers in which role, and how a YAML's options are laid over the defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from meta.errors import SpecError
from meta.models import MODELS, Model
from meta.records.reading.schema import Complaint, validate
from meta.records.sites import Sites
from meta.results import Outcome

Role = Literal["primary", "frequentist", "conventional"]
OFF: Literal["none"] = "none"  # a role that an analysis does without

# The defaults of design.md; what is not said here is the model's own default.
_DEFAULTS: dict[Role, dict[str, Any]] = {
    "primary": {"model": "bayes-binomial", "prior": "half-normal:1.25"},
    "frequentist": {"model": "binomial-normal", "interval": "profile"},
    "conventional": {
        "model": "inverse-variance", "scale": "logit", "tau2": "REML", "interval": "mhk", "prediction": "hts",
    },
}  # fmt: skip


def model_of(options: Any, kind: Any = Model) -> tuple[Any | None, list[Complaint], list[Complaint]]:
    """Build a model from its options, or find everything that is wrong with them.

    Parameters
    ----------
    options : object
        A mapping of ``model`` and options, if it is what it should be.
    kind : type
        A class of models, or a union of them.

    Returns
    -------
    model : Model or None
    misfits : list of Complaint
        What types do not allow.
    refused : list of Complaint
        What the model itself does not allow among the options that are of the right type, their path the
        option's name.
    """
    misfits: list[Complaint] = []
    try:
        model, misfits = validate(kind, options)
        if not misfits or not isinstance(options, dict):
            return model, misfits, []
        wrong = set(map(_top, misfits))
        # A model looks at its options only once all are of the right type: the wrong ones get their defaults
        validate(kind, {name: value for name, value in options.items() if name not in wrong})
    except SpecError as error:
        told = set(map(_top, misfits))
        found = [Complaint(fault.path, fault.found, fault.allowed) for fault in error.faults]
        return None, misfits, [complaint for complaint in found if complaint.path not in told]
    return None, misfits, []


def _top(complaint: Complaint) -> str:
    return re.split(r"[.\[]", complaint.path, maxsplit=1)[0]


def default_models(outcome: str) -> dict[Role, Model]:
    """The models of an analysis that names none, by role.

    Parameters
    ----------
    outcome : str
        Decides the prior of mu.
    """
    chosen = completed({}, outcome)
    return {cast("Role", role): MODELS[options["model"]](**options) for role, options in chosen.items()}


def completed(models: Mapping[str, Any], outcome: object) -> dict[str, Any]:
    """Lay the options of a YAML over the defaults, role by role; what is no mapping stays as it is.

    Parameters
    ----------
    outcome : str
        Decides the prior of mu.

    Returns
    -------
    dict
        Every role of the defaults first, then what else `models` names.
    """
    whole = overlaid(cast("Mapping[str, Any]", _DEFAULTS), models)
    return {role: _with_mu_prior(options, outcome) for role, options in whole.items()}


def _with_mu_prior(options: Any, outcome: object) -> Any:
    kind = MODELS.get(str(options.get("model"))) if isinstance(options, dict) else None
    if kind is None or not kind.has("mu_prior"):
        return options
    return {"mu_prior": _mu_prior(outcome), **options}


def _mu_prior(outcome: object) -> str:
    """The default of an outcome; of what is none, and is refused elsewhere, that of a response."""
    priors = {str(one): one.mu_prior for one in Outcome}
    return priors.get(str(outcome), Outcome.RESPONSE.mu_prior)


def completed_sites(options: Any, outcome: object) -> Any:
    """The options of the model of sites and regions with the prior of mu that the outcome asks for.

    Parameters
    ----------
    options : object
        A mapping of options, if it is what it should be.
    """
    return {"mu_prior": _mu_prior(outcome), **options} if isinstance(options, dict) else options


def default_sites(outcome: str) -> Sites:
    """The model of groups within trials with the defaults of an outcome."""
    return Sites(**completed_sites({}, outcome))


def overlaid(models: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over the options of each role.

    Options of the same model are merged; a role that gets another model starts from that model's own
    defaults, as options of one mean nothing, or something else, to the other.
    """
    whole = dict(models)
    for role, new in changes.items():
        old = whole.get(role)
        if isinstance(old, dict) and isinstance(new, dict) and _same_model(role, old, new):
            whole[role] = {**old, **new}
        else:
            whole[role] = new
    return whole


def _same_model(role: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    standard = next((options["model"] for name, options in _DEFAULTS.items() if name == role), None)
    before = old.get("model", standard)
    return bool(new.get("model", before) == before)
