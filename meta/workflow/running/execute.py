"""Fit every variation once: a stored run is kept as long as the digest of what determines it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from meta.data import Completions, Counts, GroupedCounts
from meta.errors import MetaError, StoreError
from meta.models.bounds import bounds
from meta.models.policy import waived
from meta.records.run import Failure, Provenance, Run
from meta.records.storing import arrays as beside
from meta.records.storing import store
from meta.records.storing.files import write
from meta.workflow.running import workers
from meta.workflow.running.named import mixtures, named, with_missing
from meta.workflow.running.sampled import latent_split, not_converged, sites_and_regions
from meta.workflow.running.versions import sampler_versions, versions
from meta.workflow.selection.coverage import coverage
from meta.workflow.selection.printed import contradictions, printed

if TYPE_CHECKING:
    from meta.data import PartialCounts
    from meta.models import Model
    from meta.results import Bounds, Fit
    from meta.workflow.expand import Variation


@dataclass(frozen=True, slots=True)
class Fitted:
    """A run, and the content of the files beside its JSON, by name."""

    run: Run
    files: Mapping[str, bytes]


def run(variation: Variation) -> Run:
    """Fit all models of a variation to all its groupings; see :func:`fitted`."""
    return fitted(variation).run


def fitted(variation: Variation) -> Fitted:
    """Fit all models of a variation to all its groupings.

    Returns
    -------
    Fitted
        A model that cannot run is a failure in the run, not an exception; so is a sampler that broke its
        limits, whose fit is there all the same.
    """
    blank = _unfitted(variation)
    analysis, selection = variation.analysis, variation.selection
    fits: list[Fit] = []
    limits, failures = _bounds(variation)
    files: dict[str, bytes] = {}
    # where there is no one set of counts to fit
    several = selection.unsettled or analysis.unreported == "bound"
    one = {} if several else analysis.fitted()
    for role, model in one.items():
        for grouping in (None, *selection.groupings):
            by = grouping.by if grouping else None
            try:
                fit, draws = _fit(model, grouping.counts if grouping else selection.counts)
            except MetaError as error:
                failures.append(Failure(role=role, by=by, reason=str(error)))
                continue
            fit = with_missing(fit, grouping) if grouping else fit
            fit = replace(fit, notes=(*fit.notes, *mixtures(selection.included, fit)))
            fit = named(fit, role, by, analysis.outcome, waive=analysis.k_policy == "off")
            fits.append(fit)
            failures += [Failure(role=role, by=by, reason=reason) for reason in not_converged(fit)]
            if draws is not None:
                files[beside.draws_file(variation.name, role, by)] = draws
    sites, wrong = sites_and_regions(variation)
    latent, broken = latent_split(variation)
    failures += [*wrong, *broken]
    grids = beside.packed(fits)
    if grids is not None:
        files[beside.grids_file(variation.name)] = grids
    digests = {name: beside.digest(content) for name, content in sorted(files.items())}
    done = replace(
        blank, fits=tuple(fits), bounds=limits, sites=sites, latent=latent, failures=tuple(failures),
        not_run=tuple(_not_run(variation)), beside=digests,
    )  # fmt: skip
    return Fitted(store.sealed(done), files)


def _not_run(variation: Variation) -> Iterator[Failure]:
    """Models of counts, which cannot be fitted where counts of excluded patients are latent."""
    if not variation.selection.mixed:
        return
    reason = "not run: it takes counts, and the split of some is latent (unresolved: latent)"
    for role in variation.analysis.fitted():
        yield Failure(role=role, by=None, reason=reason)


def _bounds(variation: Variation) -> tuple[tuple[Bounds, ...], list[Failure]]:
    """Bounds of every model over all completions; a model that cannot give them is a failure."""
    analysis = variation.analysis
    found: list[Bounds] = []
    failures = []
    for role, model in analysis.fitted().items():
        for part in variation.selection.open:
            try:
                several = bounds(model, part.data)
            except MetaError as error:
                failures.append(Failure(role=role, by=part.by, reason=str(error)))
                continue
            for one in several:
                said = replace(one, outcome=analysis.outcome, role=role, by=part.by)
                waive = analysis.k_policy == "off"
                found.append(replace(said, standing=waived(said.standing)) if waive else said)
    return tuple(found), failures


def _fit(model: Model, data: Counts | GroupedCounts) -> tuple[Fit, bytes | None]:
    """A model's answer, and its draws as netCDF where a sampler ran."""
    fit, draws = model.draw(data)
    return fit, None if draws is None else store.to_netcdf(draws)


def digest(variation: Variation) -> str:
    """Digest of what determines a variation's numbers: counts, models with their options, code, versions."""
    return _unfitted(variation).provenance.digest


def _unfitted(variation: Variation) -> Run:
    """The run before fitting, with the digest of everything that determines its numbers."""
    selection = variation.selection
    analysis = replace(variation.analysis, models=variation.analysis.fitted())
    entered = [one.chosen for t in (*selection.included, *selection.mixed) for one in t.records]
    entered += [t.chosen for t in selection.bounded]
    blank = Run(
        name=variation.analysis.name,
        question=variation.analysis.question,
        variation=variation.name,
        family=variation.family,
        expansion=variation.expansion,
        item=variation.item,
        analysis=analysis,
        ledger=selection.ledger,
        printed=tuple(row for t in selection.included for one in t.records for row in printed(one)),
        acknowledged=tuple(row for chosen in entered for row in contradictions(chosen)),
        coverage=coverage(selection.included, variation.analysis),
        fits=(),
    )
    data = [_counts(selection.counts), *((g.by, _counts(g.counts)) for g in selection.groupings)]
    data += [(part.by, _options(part.data)) for part in selection.open]
    partly = [selection.sites, *([selection.latent.data, selection.latent.own] if selection.latent else [])]
    data += [_rows(one) for one in partly if one is not None]
    text = store.compact(blank) + repr(data) + repr([g.not_reported for g in selection.groupings])
    samples = selection.sites is not None or selection.latent is not None
    sampled = samples or any(model.samples for model in variation.analysis.fitted().values())
    used = {**versions(), **(sampler_versions() if sampled else {})}
    made = hashlib.sha256((text + repr(sorted(used.items()))).encode()).hexdigest()
    return replace(blank, provenance=Provenance(digest=made, versions=used))


def _counts(data: Counts | GroupedCounts) -> tuple[object, ...]:
    names = (data.names, data.group.tolist()) if isinstance(data, GroupedCounts) else ()
    return (data.labels, data.responders.tolist(), data.n.tolist(), *names)


def _rows(data: PartialCounts) -> tuple[object, ...]:
    arrays = (data.n, data.trial, data.members, data.responders)
    return (data.labels, data.groups, data.pools, *(array.tolist() for array in arrays), data.contrasts)


def _options(data: Completions) -> tuple[object, ...]:
    return (data.labels, [options.tolist() for options in data.options], data.groups, data.names)


def kept(variation: Variation, path: Path) -> Run | None:
    """The run of a variation that is stored in `path`, if fitting would give it again.

    Parameters
    ----------
    path : Path
        The run's JSON file.
    """
    try:
        found = store.load_run(path) if path.exists() else None
    except StoreError:
        return None  # unreadable, of another schema, or without its own grids: fitted anew
    return found if found is not None and _current(found, variation, path) else None


def keep(new: Fitted, path: Path) -> Run:
    """Store a run and its files.

    Parameters
    ----------
    path : Path
        For its JSON.
    """
    for name, content in new.files.items():
        write(path.with_name(name), content)
    write(path, store.to_json(new.run))  # last: a run that is there has all that it names
    return new.run


def execute(variation: Variation, path: Path) -> tuple[Run, bool]:
    """The run of a variation: read where `path` holds it already, else fitted and stored there.

    Parameters
    ----------
    path : Path
        The run's JSON file.

    Returns
    -------
    run : Run
    fitted : bool
        False where the stored run has the same digest.
    """
    found = kept(variation, path)
    return (keep(fitted(variation), path), True) if found is None else (found, False)


def fit_all(variations: Sequence[Variation]) -> Generator[tuple[int, Fitted], None, None]:
    """Fit variations, the slowest first; in several processes if that saves time.

    Yields
    ------
    place : int
        Of the variation.
    fitted : Fitted
        As they come; the same numbers whatever process they come from.
    """
    order = sorted(range(len(variations)), key=lambda place: -workers.seconds(variations[place]))
    calls = [partial(fitted, variations[place]) for place in order]
    with closing(workers.spread(calls, workers.wanted(variations))) as done:
        for place, new in done:
            yield order[place], new


def _current(stored: Run, variation: Variation, path: Path) -> bool:
    """Whether a stored run is what fitting would give: same data, options and versions, and unharmed."""
    same = stored.provenance.digest == digest(variation)
    return same and store.unchanged(stored, path) and beside.intact(stored, path.parent)
