"""Fit every variation, once: runs are kept by a digest of data, options and versions."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from meta.data import Counts, GroupedCounts
from meta.errors import MetaError, StoreError
from meta.models.policy import waived
from meta.records import store
from meta.records.files import write
from meta.records.run import Contradiction, Failure, Provenance, Run
from meta.workflow.printed import printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meta.models import Model
    from meta.results import Fit, NotReported, Proportion
    from meta.workflow.expand import Variation
    from meta.workflow.group import Grouping
    from meta.workflow.reports import Candidate
    from meta.workflow.select import Included


@cache
def versions() -> Mapping[str, str]:
    """What numbers depend on; `code` digests this package's source, which changes between versions too."""
    source = hashlib.sha256()
    package = Path(__file__).resolve().parent.parent
    for file in sorted(package.rglob("*.py")):
        source.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    numeric = {name: version(name) for name in ("numpy", "scipy")}
    return {
        "nen-meta": version("nen-meta"),
        "code": source.hexdigest()[:16],
        "python": platform.python_version(),
        **numeric,
    }


def run(variation: Variation) -> Run:
    """Fit all models of a variation to all its groupings.

    Parameters
    ----------
    variation : Variation

    Returns
    -------
    Run
        A model that cannot run is a failure in it, not an exception.
    """
    blank = _unfitted(variation)
    analysis, selection = variation.analysis, variation.selection
    fits: list[Fit] = []
    failures: list[Failure] = []
    for role, model in analysis.models.items():
        for grouping in (None, *selection.groupings):
            by = grouping.by if grouping else None
            try:
                fit = _grouped(model, grouping) if grouping else model.fit(selection.counts)
            except MetaError as error:
                failures.append(Failure(role=role, by=by, reason=str(error)))
                continue
            fit = replace(fit, notes=(*fit.notes, *_mixtures(selection.included, fit)))
            fits.append(
                _named(_of_outcome(fit, analysis.outcome), role, by, waive=analysis.k_policy == "off")
            )
    done = replace(blank, fits=tuple(fits), failures=tuple(failures))
    return replace(done, provenance=replace(done.provenance, content=_content(done)))


def _content(run: Run) -> str:
    return hashlib.sha256(store.to_json(replace(run, provenance=Provenance(digest=""))).encode()).hexdigest()


def _mixtures(included: Sequence[Included], fit: Fit) -> Iterator[str]:
    """What the tables that were pooled do not have in common, in words."""
    pooled = {trial.label for trial in fit.trials}
    tables = [trial.chosen.table for trial in included if trial.label in pooled]
    for what, stated in (
        ("Response criteria", [table.criteria or "not stated" for table in tables]),
        ("Time points", [table.timepoint for table in tables]),
    ):
        kinds = Counter(stated)
        if len(kinds) > 1:
            yield f"{what} differ between trials: {', '.join(f'{kind} ({k})' for kind, k in kinds.items())}."


def _of_outcome(fit: Fit, outcome: str) -> Fit:
    """The fit with its estimands named after the outcome; models speak of the response rate."""
    if outcome == "response":
        return fit
    name = f"{outcome.replace('-', ' ')} rate"

    def renamed(found: Proportion) -> Proportion:
        return replace(found, estimand=found.estimand.replace("ORR", name))

    ahead = replace(fit.prediction, proportion=renamed(fit.prediction.proportion))
    return replace(
        fit,
        proportion=renamed(fit.proportion),
        prediction=ahead,
        trials=tuple(replace(trial, proportion=renamed(trial.proportion)) for trial in fit.trials),
        groups=tuple(_of_outcome(group, outcome) for group in fit.groups),
    )


def _grouped(model: Model, grouping: Grouping) -> Fit:
    missing = grouping.not_reported
    fit = model.fit(grouping.counts)
    groups = tuple(replace(g, not_reported=_missing(missing, g.label)) for g in fit.groups)
    return replace(fit, groups=groups, not_reported=_missing(missing, None))


def _missing(
    missing: Mapping[str | None, tuple[NotReported, ...]], name: str | None
) -> tuple[NotReported, ...]:
    return missing.get(name, ())


def _named(fit: Fit, role: str, by: str | None, *, waive: bool) -> Fit:
    """The fit under its role and grouping; where the analysis switches the k policy off, so it says."""
    groups = tuple(_named(part, role, by, waive=waive) for part in fit.groups)
    named = replace(fit, role=role, by=by, groups=groups)
    return replace(named, standing=waived()) if waive and fit.k > 1 else named


def _unfitted(variation: Variation) -> Run:
    """The run before fitting, its digest taken over everything that decides the numbers."""
    selection = variation.selection
    blank = Run(
        name=variation.analysis.name,
        question=variation.analysis.question,
        variation=variation.name,
        analysis=store.plain(variation.analysis),
        ledger=selection.ledger,
        printed=tuple(row for trial in selection.included for row in printed(trial)),
        acknowledged=tuple(row for trial in selection.included for row in _contradictions(trial.chosen)),
        fits=(),
    )
    data = [_counts(selection.counts), *((g.by, _counts(g.counts)) for g in selection.groupings)]
    text = store.to_json(blank) + repr(data) + repr([g.not_reported for g in selection.groupings])
    digest = hashlib.sha256((text + repr(sorted(versions().items()))).encode()).hexdigest()
    return replace(blank, provenance=Provenance(digest=digest, versions=versions()))


def _counts(data: Counts | GroupedCounts) -> tuple[object, ...]:
    names = (data.names, data.group.tolist()) if isinstance(data, GroupedCounts) else ()
    return (data.labels, data.responders.tolist(), data.n.tolist(), *names)


def _contradictions(chosen: Candidate) -> Iterator[Contradiction]:
    """What the trial's sources contradict themselves in, acknowledged in its record."""
    for index, entry in enumerate(chosen.trial.acknowledged):
        yield Contradiction(
            trial=chosen.trial.id,
            finding=entry.finding,
            reason=entry.reason,
            file=chosen.file.file,
            line=chosen.file.line(f"acknowledged[{index}]"),
        )


def execute(variation: Variation, path: Path) -> tuple[Run, bool]:
    """The run of a variation: read where `path` holds it already, else fitted and stored there.

    Parameters
    ----------
    variation : Variation
    path : Path
        The run's JSON file.

    Returns
    -------
    run : Run
    fitted : bool
        False where the stored run has the same digest.
    """
    digest = _unfitted(variation).provenance.digest
    try:
        stored = store.load_run(path) if path.exists() else None
    except StoreError:
        stored = None  # unreadable or of another schema: fitted anew
    if stored is not None and (stored.provenance.digest, stored.provenance.content) == (
        digest,
        _content(stored),
    ):
        return stored, False
    fitted = run(variation)
    write(path, store.to_json(fitted))
    return fitted, True
