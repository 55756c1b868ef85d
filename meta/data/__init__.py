"""What models take: responders and patients, one trial an entry, and sums over groups."""

from meta.data.counts import Completions, Counts, GroupedCounts
from meta.data.partial import PartialCounts

__all__ = ["Completions", "Counts", "GroupedCounts", "PartialCounts"]
