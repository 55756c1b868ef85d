"""Analyses from data: the base, and each sensitivity analysis as changes merged into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from meta.records.analysis import Analysis
from meta.records.audit.analysis_rules import Known, analysis_complaints
from meta.records.audit.trial_rules import NAME
from meta.records.reading.schema import Complaint, suggestion, validate
from meta.records.reading.yaml_nodes import Document, shown
from meta.records.roles import OFF, completed, completed_sites, model_of, overlaid
from meta.records.sensitivity_words import WORDS, Expansion
from meta.records.sites import Sites

Variation = Analysis | Expansion

_FIXED = ("name", "sensitivity")
_EXCLUDED = re.compile(r"exclude\[([0-9]+)\]")


def analysis_of(
    document: Document, stem: str, trials: Known | None
) -> tuple[Analysis | None, list[Complaint]]:
    """Build the analysis in the file `stem`.yaml, with its sensitivity analyses.

    Top-level keys at fault are left out, or stand in as something harmless where they are
    required, so that the other keys and the sensitivity analyses are checked all the same.
    """
    data = {key: value for key, value in document.data.items() if key != "sensitivity"}
    complaints = _misfits(data)
    wrong = {_top(place) for place in (*document.unread, *(complaint.path for complaint in complaints))}
    sound = {key: value for key, value in data.items() if key not in wrong}
    usable = {"name": stem, "question": "", "trials": "all"} | sound
    base, _ = validate(Analysis, _whole(usable))
    if base is None:
        return None, complaints
    complaints += analysis_complaints(base, stem, trials)
    if base.unreported == "bound":
        allowed = "allowed: under sensitivity, as it gives bounds by group in place of every fit"
        complaints.append(Complaint("unreported", "found bound", allowed))
    changes_of = document.data.get("sensitivity", {})
    if not isinstance(changes_of, dict):
        found = f"found {shown(changes_of)}"
        return base, [*complaints, Complaint("sensitivity", found, "allowed: a mapping of names to changes")]
    complaints += _listed(base, changes_of)
    variations: dict[str, Variation] = {}
    inherited = set(complaints)
    for name, changes in changes_of.items():
        variation, more = _variation(name, changes, usable, document.unread)
        if variation is not None:
            variations[name] = variation
        for complaint in (*more, *_unfit(variation, base, stem, trials)):
            moved = _moved(name, complaint, usable)
            if moved and (moved.path in document.lines or complaint not in inherited):
                complaints.append(moved)
    return replace(base, sensitivity=variations), complaints


def _unfit(
    variation: Variation | None, base: Analysis, stem: str, trials: Known | None
) -> Iterator[Complaint]:
    """What is wrong with a variation as a whole."""
    if isinstance(variation, Analysis):
        yield from analysis_complaints(variation, stem, trials)
    elif variation is not None:
        models = {role: model for role, model in base.models.items() if model != OFF}
        lacking = WORDS[variation].lacks(models)
        if lacking is not None:
            yield Complaint("", *lacking)


def _variation(
    name: str, changes: Any, base: dict[str, Any], unread: set[str]
) -> tuple[Variation | None, list[Complaint]]:
    """Merge one set of changes into the base; the complaints' paths are those of the merged analysis."""
    complaints = []
    if not NAME.fullmatch(name) or name == "base":
        allowed = "allowed: lower-case letters, digits, dots and hyphens, and not base"
        complaints.append(Complaint("", f"found the name {shown(name)}", allowed))
    if isinstance(changes, str) and changes in WORDS:
        return changes, complaints
    if not isinstance(changes, dict):
        allowed = f"allowed: {', '.join(WORDS)}, or a mapping of changes"
        return None, [*complaints, Complaint("", f"found {shown(changes)}", allowed)]
    for key in _FIXED:
        if key in changes:
            complaints.append(
                Complaint(key, f"found the key {key!r}", "allowed: any other key of an analysis")
            )
    refused = {*_FIXED, *(_top(place.removeprefix(f"sensitivity.{name}.")) for place in unread)}
    merged = _merged(base, {key: value for key, value in changes.items() if key not in refused})
    if isinstance(base.get("exclude"), list) and isinstance(changes.get("exclude"), list):
        merged["exclude"] = base["exclude"] + changes["exclude"]  # further exclusions, not other ones
    misfits = _misfits(merged)
    return (None if misfits else validate(Analysis, _whole(merged))[0]), complaints + misfits


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over the base: mappings merge, everything else is replaced."""
    merged = dict(base)
    for key, new in changes.items():
        old = merged.get(key)
        lay = overlaid if key == "models" else _merged
        merged[key] = lay(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
    return merged


def _whole(data: dict[str, Any]) -> dict[str, Any]:
    """The data of an analysis with its models written out: the YAML's over the defaults."""
    if "sites" in data:
        data = {**data, "sites": completed_sites(data["sites"], data.get("outcome", "response"))}
    models = data.get("models", {})
    if not isinstance(models, dict):
        return data
    return {**data, "models": completed(models, data.get("outcome", "response"))}


def _moved(name: str, complaint: Complaint, base: dict[str, Any]) -> Complaint | None:
    """Move a complaint about a merged analysis to the changes that caused it.

    None if it is about one of the base's own exclusions, which come before the variation's.
    """
    path, excluded = complaint.path, _EXCLUDED.match(complaint.path)
    if excluded:
        index = int(excluded[1]) - len(base.get("exclude", ()))
        if index < 0:
            return None
        path = f"exclude[{index}]{path.removeprefix(excluded[0])}"
    return complaint._replace(path=f"sensitivity.{name}.{path}".removesuffix("."))


def _misfits(data: dict[str, Any]) -> list[Complaint]:
    """Everything in the data of an analysis that its types or its models do not allow."""
    data = _whole(data)
    refused: list[Complaint] = []
    models = data.get("models")
    for role, options in models.items() if isinstance(models, dict) else ():
        _, misfits, wrong = model_of(options)
        refused += (complaint._replace(path=f"models.{role}.{complaint.path}") for complaint in wrong)
        if wrong and not misfits:  # the model would refuse to be built
            data["models"] = {name: other for name, other in data["models"].items() if name != role}
    if isinstance(data.get("sites"), dict):
        _, misfits, wrong = model_of(data["sites"], Sites)
        refused += (complaint._replace(path=f"sites.{complaint.path}") for complaint in wrong)
        if wrong and not misfits:
            data = {name: value for name, value in data.items() if name != "sites"}
    return [*refused, *validate(Analysis, data)[1]]


def _listed(base: Analysis, changes_of: dict[str, Any]) -> Iterator[Complaint]:
    """Refuse `sites.variations` that do not exist, or that have overall estimates alone."""
    overall = [word for word, entry in WORDS.items() if entry.overall]
    names = ["base", *(name for name, changes in changes_of.items() if changes not in overall)]
    for i, name in enumerate(base.sites.variations if base.sites else ()):
        if name not in names:
            allowed = f"allowed: {', '.join(names)}{suggestion(name, names)}"
            yield Complaint(f"sites.variations[{i}]", f"found {shown(name)}", allowed)


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
