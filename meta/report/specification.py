"""The specification figure: every variation and model in one picture, from the lowest to the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meta.format import counts, interval, level, percent
from meta.report.canvas import PLAIN, pinned_settings
from meta.report.exact import short_name
from meta.report.grid import BOLD, PLOT, SMALL, Column, Paragraph, Row, Table
from meta.report.layout import draw
from meta.report.marks import Mark
from meta.report.wording import headline, withheld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from meta.results import Fit


class Specification(NamedTuple):
    """One choice of data and model, and the overall fit that it leads to; `base` is the analysis itself."""

    name: str
    fit: Fit
    base: bool = False


def shown(found: Sequence[Specification]) -> list[Specification]:
    """Those with an estimate and an interval, from the lowest estimate to the highest."""
    given = [one for one in found if not withheld(one.fit) and one.fit.proportion.low is not None]
    return sorted(given, key=lambda one: (one.fit.proportion.value or 0.0, one.name))


def specification(
    found: Sequence[Specification], *, title: str | None = None, subtitle: str | None = None
) -> Figure:
    """Draw the pooled estimate under every choice, sorted; the base in bold, and its estimate as a line.

    Parameters
    ----------
    found : sequence of Specification
        Only those with an estimate and an interval are drawn. The first one of the base leads.
    title, subtitle : str, optional

    Returns
    -------
    Figure
        As wide as a journal's double column, 180 mm; as high as its rows ask for.
    """
    ordered = shown(found)
    bases = [one for one in found if one.base and one.fit.proportion.value is not None]
    levels = {one.fit.proportion.level for one in ordered}
    table = Table(
        columns=(
            Column("label", "Data", "left"),
            Column("role", "Model"),
            Column("estimand", "Rate"),
            Column("k", "k"),
            Column("counts", "Resp./n"),
            Column(PLOT, ""),
            Column("value", ""),
            Column("ends", f"% [{level(levels.pop()) if len(levels) == 1 else 'its'} interval]"),
        ),
        rows=tuple(_row(one) for one in ordered),
        below=(
            Paragraph(
                text="Filled: headline estimate. Hollow: shown, not a headline. Bold: the analysis itself; "
                "the dashed line is its leading estimate.",
                style=SMALL,
                rule=True,
            ),
        ),
        axis_label="Pooled rate, %",
        reference=bases[0].fit.proportion.value if bases else None,
        title=title,
        subtitle=subtitle,
    )
    with pinned_settings():
        return draw(table)


def _row(one: Specification) -> Row:
    found = one.fit.proportion
    assert found.low is not None  # shown() has looked
    assert found.high is not None
    cells = {
        "role": one.fit.role or short_name(one.fit),
        "estimand": found.estimand.removesuffix(" ORR"),
        "k": str(one.fit.k),
        "counts": counts(one.fit.responders, one.fit.n),
        "value": percent(found.value or 0.0),
        "ends": f"[{interval(found.low, found.high, percent)}]",
    }
    mark = Mark(
        kind="diamond", low=found.low, value=found.value, high=found.high, filled=headline(one.fit), share=0.8
    )
    return Row(label=one.name, cells=cells, mark=mark, style=BOLD if one.base else PLAIN)
