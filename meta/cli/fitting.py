"""The commands `fit`, of a user's own table without records, and `subset`, of some trials of an analysis."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from meta.cli.printing import print_shown, progress, say
from meta.cli.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from meta.models.calibration import Block, Tallies
    from meta.results import Fit


class Format(StrEnum):
    """How `fit` prints."""

    text = "text"
    json = "json"
    csv = "csv"


_TABLE, _MODEL, _BAYES, _SAMPLER = "The table", "Options of models", "Bayesian models", "Simulation"


def _of(panel: str, words: str, *names: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=words, rich_help_panel=panel)
    return option


class FitCommand(typer.core.TyperCommand):
    """The command `fit`, whose help names every model that there is."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the names of all models."""
        from meta.records.reading.model_words import in_order

        for parameter in self.params:
            if isinstance(parameter, typer.core.TyperOption) and parameter.name == "model":
                parameter.help = f"{', '.join(in_order())}; {parameter.help}"
        super().format_help(ctx, formatter)


# Options of models are None where they are not given: their defaults, and the words that each allows, are the
# models' own (meta/models), and an error lists them.
File = Annotated[Path, typer.Argument(help="A CSV file with a header, one trial (and group) a line.")]
Responders = Annotated[str, _of(_TABLE, "Column of responders.")]
Patients = Annotated[str, _of(_TABLE, "Column of patients.", "--n")]
Label = Annotated[str | None, _of(_TABLE, "Column of trial names.")]
By = Annotated[str | None, _of(_TABLE, "Column of groups; a trial may be in several.")]
Moderator = Annotated[str | None, _of(_TABLE, "Column of groups of trials, which share tau.")]
Unit = Annotated[str, _of(_TABLE, "trial, or arm: lines with the same name count apart.")]
HowToPrint = Annotated[Format, _of(_TABLE, "How to print.")]
ModelName = Annotated[
    str | None,
    _of(
        _MODEL,
        "if left out, the first that takes the other options.",
    ),
]
Scale = Annotated[str | None, _of(_MODEL, "logit, log, identity, arcsine or double-arcsine")]
Tau2 = Annotated[str | None, _of(_MODEL, "REML, DL, EB, HE, HS, ML, PM, PMM, SJ or common-effect")]
Interval = Annotated[
    str | None,
    _of(_MODEL, "equal-tailed or shortest; profile, profile-t, wald-t or wald; mhk, hk or wald"),
]
Tau2Interval = Annotated[str | None, _of(_MODEL, "q-profile or profile-likelihood")]
Prediction = Annotated[str | None, _of(_MODEL, "hts, hk, t, normal or none")]
Groups = Annotated[str | None, _of(_MODEL, "common or separate tau2")]
Continuity = Annotated[str | None, _of(_MODEL, "a number such as 0.5, or none")]
TrialInterval = Annotated[str | None, _of(_MODEL, "clopper-pearson, wilson or jeffreys")]
Level = Annotated[float | None, _of(_MODEL, "Of every interval, such as 0.95.")]
Prior = Annotated[str | None, _of(_BAYES, "Of tau, e.g. half-normal:1.25, half-cauchy:0.5, uniform:0,4.")]
MuPrior = Annotated[str | None, _of(_BAYES, "Of mu, e.g. normal:-2,2.")]
Threshold = Annotated[list[float] | None, _of(_BAYES, "An ORR such as 0.10, for Pr(ORR > it); repeatable.")]
NewTrial = Annotated[int | None, _of(_BAYES, "Patients of a new trial whose responders are predicted.")]
Engine = Annotated[str | None, _of(_BAYES, "quadrature or pymc")]
Draws = Annotated[int | None, _of(_SAMPLER, "Draws a chain.")]
Tune = Annotated[int | None, _of(_SAMPLER, "Draws of each chain that are thrown away first.")]
Bootstrap = Annotated[int | None, _of(_SAMPLER, "Data sets simulated to test groups; 0 for none.")]
Calibrate = Annotated[
    int | None,
    _of(
        _SAMPLER,
        "Data sets, such as 2000, simulated at these sizes to show how often intervals hold the truth.",
    ),
]
Seed = Annotated[int | None, _of(_SAMPLER, "Of the random numbers.")]


def fit(
    file: File,
    responders: Responders = "responders",
    n: Patients = "n",
    label: Label = None,
    by: By = None,
    moderator: Moderator = None,
    unit: Unit = "trial",
    format: HowToPrint = Format.text,
    model: ModelName = None,
    scale: Scale = None,
    tau2: Tau2 = None,
    interval: Interval = None,
    tau2_interval: Tau2Interval = None,
    prediction: Prediction = None,
    groups: Groups = None,
    continuity: Continuity = None,
    trial_interval: TrialInterval = None,
    level: Level = None,
    prior: Prior = None,
    mu_prior: MuPrior = None,
    threshold: Threshold = None,
    new_trial: NewTrial = None,
    engine: Engine = None,
    draws: Draws = None,
    tune: Tune = None,
    bootstrap: Bootstrap = None,
    seed: Seed = None,
    calibrate: Calibrate = None,
) -> None:
    """Pool a table of your own, without any YAML."""
    options: dict[str, object] = {
        "model": model, "scale": scale, "tau2": tau2, "interval": interval, "tau2_interval": tau2_interval,
        "prediction": prediction, "groups": groups, "continuity": continuity, "level": level,
        "trial_interval": trial_interval, "prior": prior, "mu_prior": mu_prior, "thresholds": threshold,
        "new_trial": new_trial, "engine": engine, "draws": draws, "tune": tune,
        "bootstrap": bootstrap, "seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    columns = {"responders": responders, "n": n, "label": label, "by": by or moderator}
    check = partial(_check_together, by, moderator, given, calibrate, format)
    detailed = format is Format.json
    found = _fitted(file, columns, given, unit, check, one_level=moderator is not None, detailed=detailed)
    _print(found, format)
    if calibrate is not None:
        _calibrate(found, calibrate, 1 if seed is None else seed)


def _check_together(
    by: str | None, moderator: str | None, options: Mapping[str, object], calibrate: int | None, how: Format
) -> None:
    """Refuse options that do not go together."""
    from meta.errors import SpecError, option_fault

    faults = []
    if by is not None and moderator is not None:
        found = f"{moderator!r} beside --by {by!r}"
        faults.append(option_fault("--moderator", found, "one of the two is allowed"))
    if moderator is not None and options.get("groups") == "separate":
        found = "separate with --moderator, whose groups share tau2"
        faults.append(option_fault("--groups", found, "common, or --by, is allowed"))
    if calibrate is not None and how is not Format.text:
        faults.append(option_fault("--calibrate", f"beside --format {how}", "--format text is allowed"))
    if faults:
        raise SpecError(faults=faults)


def _fitted(
    file: Path,
    columns: dict[str, Any],
    options: dict[str, object],
    unit: str,
    check: Callable[[], None],
    *,
    one_level: bool,
    detailed: bool,
) -> Fit:
    from meta.errors import together
    from meta.records.reading.counts_file import Columns, read_counts
    from meta.records.reading.model_words import model_from

    if options.get("tau2") == "common-effect":  # no tau2 is estimated that an interval could allow for
        options.setdefault("interval", "wald")
    model = partial(model_from, options, unit=unit)
    counts = partial(read_counts, file, Columns(**columns, one_level=one_level), unit=unit)
    _, chosen, data = together(check, model, counts)
    found: Fit = chosen.detailed_fit(data) if detailed else chosen.fit(data)
    return found


def _print(found: Fit, how: Format) -> None:
    if how is Format.text:
        from meta.report.terminal.text import lines

        say(*lines(found))
    elif how is Format.json:
        from meta.records.storing.store import to_json

        sys.stdout.write(to_json(found))
    else:
        sys.stdout.write(found.to_dataframe().to_csv(index=False))


def _calibrate(found: Fit, sets: int, seed: int) -> None:
    """Print how often the model's intervals hold the truth at the sizes of these trials."""
    from meta.data import Counts
    from meta.models import BayesBinomial
    from meta.models.calibration import calibrate, likely_rates, usual_truths
    from meta.workflow.running.workers import on_all_cores

    responders, n = ([getattr(trial, name) for trial in found.trials] for name in ("responders", "n"))
    rates = likely_rates(BayesBinomial(), Counts.of(responders, n))
    with progress("simulating") as left:

        def run(blocks: Sequence[Block]) -> Iterator[tuple[int, Tallies]]:
            left(len(blocks))
            done = on_all_cores([block.tallies for block in blocks])
            for number, one in enumerate(done, 1):
                left(len(blocks) - number)
                yield one

        print_shown(
            calibrate(found.model, n, truths=usual_truths(rates), sets=sets, seed=seed, run=run).shown()
        )


def subset(
    analysis: Annotated[str, typer.Argument(help="The analysis' name.")],
    without: Annotated[list[str] | None, typer.Option(help="A trial to leave out; repeatable.")] = None,
    model: Annotated[str, typer.Option(help="primary, frequentist or conventional.")] = "primary",
    prior: Annotated[str | None, typer.Option(help="Of tau, e.g. half-normal:0.5.")] = None,
    format: HowToPrint = Format.text,
    root: Root = Path(),
) -> None:
    """Pool an analysis without some of its trials: the numbers of the report's what-if, computed afresh."""
    from meta.workflow.pool import plan
    from meta.workflow.whatif import subset as fitted

    base = plan(root, [analysis])[0]
    _print(fitted(base, without or [], model, prior), format)
