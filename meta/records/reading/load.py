"""YAML files to records, with every fault of every file at once.

A file is read (:mod:`meta.records.reading.yaml_nodes`), fitted to its dataclass
(:mod:`meta.records.reading.schema`), held to the rules (:mod:`meta.records.audit.trial_rules`,
:mod:`meta.records.audit.analysis_rules`) and, if it is a trial, audited (:mod:`meta.records.audit.checks`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meta.errors import Fault, RecordError
from meta.records.audit.checks import Finding, audit, meant, naming, unacknowledged
from meta.records.audit.trial_rules import Pieces, trial_complaints
from meta.records.reading.schema import Complaint, T, suggestion, validate
from meta.records.reading.yaml_nodes import Document, around, flow, read, shown
from meta.records.sensitivity import analysis_of
from meta.records.trial import Report, Row, Survival, Table, Trial, TrialFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from meta.records.analysis import Analysis
    from meta.records.audit.analysis_rules import Known


def load(root: Path, names: Sequence[str] | None = None) -> tuple[dict[str, TrialFile], dict[str, Analysis]]:
    """Load every trial, and the analyses called `names` (or all).

    Parameters
    ----------
    root : Path
        The folder with ``trials/`` and ``analyses/``.

    Returns
    -------
    trials : dict of TrialFile, by id
    analyses : dict of Analysis, by name

    Raises
    ------
    RecordError
        With every fault of every file.
    """
    trials, faults = _read_trials(root)
    analyses, more = _read_analyses(root, names, trials)
    _raise_any(faults + more)
    return _loaded(trials), analyses


def load_trials(root: Path) -> dict[str, TrialFile]:
    """Load every trial; see :func:`load`."""
    trials, faults = _read_trials(root)
    _raise_any(faults)
    return _loaded(trials)


def load_analyses(root: Path, names: Sequence[str] | None = None) -> dict[str, Analysis]:
    """Load analyses and look up the trials they name; see :func:`load`.

    Faults inside trials are left to :func:`load_trials`.
    """
    trials, _ = _read_trials(root)
    analyses, faults = _read_analyses(root, names, trials)
    _raise_any(faults)
    return analyses


def load_trial(path: Path, root: Path) -> TrialFile:
    """Load one trial; whether the trials that it names exist is not looked up.

    Raises
    ------
    RecordError
        With every fault of the file, contradictions that nobody acknowledged among them.
    """
    document = read(path, _file(path, root))
    trial, complaints = validate(Trial, document.data)
    complaints = [complaint for complaint in complaints if document.read_at(complaint.path)]
    complaints += trial_complaints(_pieces(document), path.stem)
    told = {complaint.path for complaint in complaints}
    complaints += [complaint for complaint in _unfilled(document.data) if complaint.path not in told]
    faults = document.faults + _located(complaints, document)
    findings = audit(trial) if trial is not None and not faults else ()
    if trial is not None:
        faults += _located(_audit_complaints(trial, findings), document) if not faults else []
    if trial is None or faults:
        raise RecordError(faults=faults)
    return TrialFile(trial=trial, file=document.file, lines=document.lines, doubts=_doubts(trial, findings))


def load_analysis(path: Path, root: Path, trials: Known | None = None) -> Analysis:
    """Load one analysis; the trials that it names are looked up in `trials`, if given.

    Raises
    ------
    RecordError
        With every fault of the file.
    """
    document = read(path, _file(path, root))
    analysis, complaints = analysis_of(document, path.stem, trials)
    complaints = [complaint for complaint in complaints if document.read_at(complaint.path)]
    faults = document.faults + _located(complaints, document)
    if analysis is None or faults:
        raise RecordError(faults=faults)
    return analysis


def _read_trials(root: Path) -> tuple[dict[str, TrialFile | None], list[Fault]]:
    files, faults = _listed(root, "trials")
    trials: dict[str, TrialFile | None] = {}
    for stem, path in files.items():
        try:
            trials[stem] = load_trial(path, root)
        except RecordError as error:
            trials[stem] = None
            faults += error.faults
    return trials, faults + list(_dangling(trials)) + list(_entered_twice(trials))


def _dangling(trials: Known) -> Iterator[Fault]:
    for record in _loaded(trials).values():
        related = record.trial.related.items()
        for path, name in ((f"{key}[{i}]", name) for key, names in related for i, name in enumerate(names)):
            if name not in trials:
                allowed = f"allowed: the name of a file in trials/{suggestion(name, list(trials))}"
                yield Fault(record.file, record.line(path), path, f"found {shown(name)}", allowed)


def _entered_twice(trials: Known) -> Iterator[Fault]:
    """A registry number in two records: a protocol is one trial, or its records say what they share."""
    first: dict[str, TrialFile] = {}
    for record in _loaded(trials).values():
        for i, number in enumerate(record.trial.registry):
            other = first.setdefault(number, record)
            pair = (record.trial, other.trial)
            named = {name for trial in pair for names in trial.related.values() for name in names}
            if other is not record and not named & {trial.id for trial in pair}:
                path = f"registry[{i}]"
                found = f"found {shown(number)}, which {other.file} has too"
                ways = " or ".join(record.trial.related)
                allowed = f"allowed: one record a protocol, or {ways} in one of the two"
                yield Fault(record.file, record.line(path), path, found, allowed)


def _read_analyses(
    root: Path, names: Sequence[str] | None, trials: Known
) -> tuple[dict[str, Analysis], list[Fault]]:
    files, faults = _listed(root, "analyses")
    analyses = {}
    for name in files if names is None else dict.fromkeys(names):
        if name not in files:
            allowed = f"allowed: {', '.join(files) or 'there is none yet'}{suggestion(name, list(files))}"
            faults.append(Fault(f"analyses/{name}.yaml", 0, "", "found no such file", allowed))
            continue
        try:
            analyses[name] = load_analysis(files[name], root, trials)
        except RecordError as error:
            faults += error.faults
    return analyses, faults


def _listed(root: Path, folder: str) -> tuple[dict[str, Path], list[Fault]]:
    """List the YAML files of a folder by stem, in order; hidden files (an editor's) do not count."""
    try:
        entries = sorted(entry for entry in (root / folder).iterdir() if not entry.name.startswith("."))
    except OSError as error:
        found = f"found no readable folder ({error.strerror})"
        return {}, [Fault(folder, 0, "", found, f"allowed: a folder {folder}/ with one .yaml file a record")]
    files = {entry.stem: entry for entry in entries if entry.suffix == ".yaml"}
    faults = [
        Fault(f"{folder}/{entry.name}", 0, "", f"found the ending {entry.suffix}", "allowed: .yaml")
        for entry in entries
        if entry.suffix != ".yaml" and entry.suffix.lower() in {".yml", ".yaml"}
    ]
    return files, faults


def _file(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _loaded(trials: Known) -> dict[str, TrialFile]:
    return {name: record for name, record in trials.items() if record is not None}


def _raise_any(faults: list[Fault]) -> None:
    if faults:
        raise RecordError(faults=faults)


def _located(complaints: Iterable[Complaint], document: Document) -> list[Fault]:
    return [
        Fault(document.file, document.line(path), path, found, allowed) for path, found, allowed in complaints
    ]


def _audit_complaints(trial: Trial, findings: Sequence[Finding]) -> Iterator[Complaint]:
    """Complain about unacknowledged contradictions, and about acknowledgements that fit none or several."""

    def to_copy(several: Sequence[Finding]) -> list[str]:
        named = (naming(finding, findings) for finding in several)
        return list(dict.fromkeys(flow({**fields, "reason": "TODO"}) for fields in named))

    for finding in unacknowledged(trial, findings):
        found = f"found {finding.finding}: {finding.detail}"
        (item,) = to_copy([finding])
        where = f"or, where the source itself prints these, this under acknowledged: - {item}"
        yield Complaint(finding.at, found, f"allowed: numbers that agree, {where}")
    for i, known in enumerate(trial.acknowledged):
        found = f"found an acknowledgement of {shown(known.finding)} that fits"
        candidates = to_copy(meant(known, findings))
        if not candidates:
            allowed = (
                f"what the audit finds in this trial, which is {' or '.join(to_copy(findings)) or 'nothing'}"
            )
            yield Complaint(f"acknowledged[{i}]", f"{found} no finding", f"allowed: {allowed}")
        elif len(candidates) > 1:
            allowed = f"allowed: {' or '.join(candidates)}"
            yield Complaint(f"acknowledged[{i}]", f"{found} {len(candidates)} findings", allowed)


def _doubts(trial: Trial, findings: Sequence[Finding]) -> dict[str, tuple[str, ...]]:
    """The reasons of the acknowledgements of each row, by its path."""
    doubts: dict[str, tuple[str, ...]] = {}
    for item in trial.acknowledged:
        for row in dict.fromkeys(finding.row for finding in meant(item, findings)):
            doubts[row] = (*doubts.get(row, ()), item.reason)
    return doubts


def _unfilled(value: Any, at: str = "") -> Iterator[Complaint]:
    """Find placeholders of the template, or of a copied acknowledgement, that nobody filled in."""
    if value in ("TODO", "TODO-2024"):
        yield Complaint(at, f"found {value}", "allowed: what the publication says")
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _unfilled(below, f"{at}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for i, below in enumerate(value):
            yield from _unfilled(below, f"{at}[{i}]")


def _pieces(document: Document) -> Pieces:
    """Take a trial apart, so that each piece can be judged without the others."""
    reports = dict(_items(document.data, "reports", ""))
    tables = {at: item for place, report in reports.items() for at, item in _items(report, "tables", place)}
    survival = {
        at: item for place, report in reports.items() for at, item in _items(report, "survival", place)
    }
    rows = {at: item for place, table in tables.items() for at, item in _items(table, "rows", place)}
    every = reports | tables | survival | rows
    unsafe = {next((at for at in around(place) if at in every), "") for place in document.unread}
    pieces = Pieces(
        head=validate(Trial, {**document.data, "reports": []})[0],
        reports=_well_formed(Report, reports, unsafe, "tables", "survival"),
        tables=_well_formed(Table, tables, unsafe, "rows"),
        rows=_well_formed(Row, rows, unsafe),
        survival=_well_formed(Survival, survival, unsafe),
        complete=False,
    )
    built = len(pieces.reports) + len(pieces.tables) + len(pieces.rows) + len(pieces.survival)
    complete = built == len(every) and pieces.head is not None and not document.faults
    return replace(pieces, complete=complete)


def _items(data: Any, name: str, at: str) -> Iterator[tuple[str, Any]]:
    """List what stands under `name`, each with its path, if it is a list at all."""
    items = data.get(name) if isinstance(data, dict) else None
    for i, item in enumerate(items if isinstance(items, list) else ()):
        yield f"{at}.{name}[{i}]".removeprefix("."), item


def _well_formed(kind: type[T], pieces: dict[str, Any], unsafe: set[str], *inner: str) -> dict[str, T]:
    """Build each piece without its inner pieces, and leave out what cannot be built or trusted."""
    built: dict[str, T] = {}
    for at, data in pieces.items():
        shell = {**data, **{name: [] for name in inner}} if isinstance(data, dict) else data
        piece = None if at in unsafe else validate(kind, shell)[0]
        if piece is not None:
            built[at] = piece
    return built
