"""Analyses from data: the base, and each sensitivity analysis as changes merged into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from meta.errors import MetaError
from meta.models import Model
from meta.records.analysis import Analysis
from meta.records.analysis_rules import Known, analysis_complaints
from meta.records.rules import NAME
from meta.records.schema import Complaint, validate
from meta.records.yaml_nodes import Document, shown

Variation = Analysis | Literal["each-trial"]

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
    base, _ = validate(Analysis, usable)
    if base is None:
        return None, complaints
    complaints += analysis_complaints(base, stem, trials)
    changes_of = document.data.get("sensitivity", {})
    if not isinstance(changes_of, dict):
        found = f"found {shown(changes_of)}"
        return base, [*complaints, Complaint("sensitivity", found, "allowed: a mapping of names to changes")]
    variations: dict[str, Variation] = {}
    inherited = set(complaints)
    for name, changes in changes_of.items():
        variation, more = _variation(name, changes, usable, document.unread)
        if variation is not None:
            variations[name] = variation
        if isinstance(variation, Analysis):
            more += analysis_complaints(variation, stem, trials)
        for complaint in more:
            moved = _moved(name, complaint, usable)
            if moved and (moved.path in document.lines or complaint not in inherited):
                complaints.append(moved)
    return replace(base, sensitivity=variations), complaints


def _variation(
    name: str, changes: Any, base: dict[str, Any], unread: set[str]
) -> tuple[Variation | None, list[Complaint]]:
    """Merge one set of changes into the base; the complaints' paths are those of the merged analysis."""
    complaints = []
    if not NAME.fullmatch(name) or name == "base":
        allowed = "allowed: lower-case letters, digits, dots and hyphens, and not base"
        complaints.append(Complaint("", f"found the name {shown(name)}", allowed))
    if changes == "each-trial":
        return "each-trial", complaints
    if not isinstance(changes, dict):
        found = f"found {shown(changes)}"
        return None, [*complaints, Complaint("", found, "allowed: each-trial, or a mapping of changes")]
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
    return (None if misfits else validate(Analysis, merged)[0]), complaints + misfits


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over the base: mappings merge, everything else is replaced."""
    merged = dict(base)
    for key, new in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
    return merged


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
    refused = list(_refused_models(data.get("models")))
    if refused:
        data = {key: value for key, value in data.items() if key != "models"}
    return refused + validate(Analysis, data)[1]


def _refused_models(models: Any) -> Iterator[Complaint]:
    """Options of the right type that a model does not take together."""
    for role, options in models.items() if isinstance(models, dict) else ():
        try:
            validate(Model, options)
        except MetaError as error:
            found, _, allowed = str(error).partition("; ")
            yield Complaint(f"models.{role}", found, allowed or "allowed: other options")


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
