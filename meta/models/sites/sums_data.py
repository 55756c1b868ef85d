"""What :mod:`meta.models.sites.sums_operation` takes beside the parameters: arrays, or one vector."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from meta.data.counts import IntArray
from meta.stats.normal.scales import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SumsData:
    """The data of the operation, beside the parameters.

    A row is a sum over cells: the patients of one group, or of several in an unknown mix. A line is a group
    of a cell, with its log odds; most cells have one.

    Attributes
    ----------
    offset : ndarray, shape (lines,)
        Part of each line's log odds that no parameter moves.
    design : ndarray, shape (lines, P)
        What each effect adds to a line's log odds.
    sd : ndarray, shape (P,)
        Prior standard deviation of an effect or, where it has a scale, that scale's prior scale.
    block : ndarray of int, shape (P,)
        The scale that multiplies the effect, -1 where none does.
    start : ndarray of int, shape (rows + 1,)
        The cells of row r are start[r] … start[r + 1] - 1; one at least.
    member : ndarray of int, shape (cells + 1,)
        The lines of cell c are member[c] … member[c + 1] - 1; one at least.
    size : ndarray of int, shape (cells,)
        Patients, at least 1.
    total : ndarray of int, shape (rows,)
        Responders of all cells of a row.
    choose : ndarray, shape (cells, max(total) + 1)
        Logarithms of the binomial coefficients of `size`, -inf above it.
    """

    offset: FloatArray
    design: FloatArray
    sd: FloatArray
    block: IntArray
    start: IntArray
    member: IntArray
    size: IntArray
    total: IntArray
    choose: FloatArray

    def padded(self, parameters: int) -> SumsData:
        """The same for a vector of more parameters: effects that move nothing stand before the scales.

        Parameters
        ----------
        parameters : int
            Effects and scales together.
        """
        more = parameters - len(self.sd) - self.scales
        return replace(
            self,
            design=np.pad(self.design, ((0, 0), (0, more))),
            sd=np.pad(self.sd, (0, more)),
            block=np.pad(self.block, (0, more), constant_values=-1),
        )

    @property
    def scales(self) -> int:
        """How many parameters stand for scales."""
        return int(self.block.max(initial=-1)) + 1

    def vector(self) -> FloatArray:
        """All of it as one vector, behind five lengths: what the operation takes."""
        lengths = (len(self.offset), len(self.sd), len(self.total), len(self.size), self.choose.shape[1])
        arrays = (np.ravel(getattr(self, field.name)) for field in fields(self))
        return np.concatenate([lengths, *arrays], dtype=float)
