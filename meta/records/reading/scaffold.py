"""The beginning of a new trial record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meta.errors import SpecError
from meta.records.storing.files import write

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE = """\
# A new trial. Replace every TODO; `nen-meta check` names each that is left, with its line.
# trials/README.md explains every field.
id: {id}
registry: []                        # e.g. [NCT02937116]
drugs: [{{name: TODO, target: PD-1}}]
regimen: TODO           # monotherapy, ici-combination, with-antiangiogenic, with-chemotherapy, with-other
line: later                         # first or later
region: TODO                        # Asia, West or International
countries: []                       # e.g. [CN] (Norway: ["NO"], quoted)

reports:
  - id: {report}
    citation: TODO
    kind: TODO                      # full-paper, preprint, abstract or registry
    published: TODO                 # 2024, 2024-05, 2024-05-31 or unknown
    tables:
      - outcome: response
        criteria: RECIST 1.1
        population: enrolled        # enrolled, treated or evaluable
        where: TODO                 # e.g. Table 2
        rows:
          - {{n: TODO, responders: TODO}}                          # everyone
          # - {{differentiation: poor, n: 20, responders: 4}}      # leave out what is not reported, never 0
          # - {{site: pancreas, n: 8}}
"""


def new_trial(root: Path, name: str) -> Path:
    """Write ``trials/<name>.yaml`` with everything that must be filled in.

    Parameters
    ----------
    root : Path
        The folder with ``trials/``.
    name : str
        The trial's id: lower-case letters, digits, hyphens and dots.

    Raises
    ------
    SpecError
        If the id is not one, the folder is not there or the record is.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
        raise SpecError(f"trial: found {name!r}; lower-case letters, digits, hyphens and dots are allowed")
    if not root.is_dir():
        raise SpecError(f"{root}: no such folder; one with trials/, or in which to begin it, is allowed")
    path = root / "trials" / f"{name}.yaml"
    if path.exists():
        raise SpecError(f"{path}: exists already; the id of a trial that is not on record is allowed")
    write(path, _TEMPLATE.format(id=name, report="TODO-2024"))
    return path
