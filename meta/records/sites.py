"""What an analysis asks of the model of sites and regions."""

from __future__ import annotations

from dataclasses import dataclass, fields

from meta.models.sites.site_region import SiteRegion
from meta.records.factors import SiteModelFactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites(SiteRegion):
    """The options of the model, and where it runs.

    Attributes
    ----------
    by : str
        What the groups are: a factor with `site_model` in the table of factors; primary sites at the
        analysis' `site_level`.
    variations : tuple of str
        The sensitivity analyses that it runs in besides those that change its options; ``base`` is the
        analysis itself, and the name of a word (``leave-one-out: each-trial``) all variations that it makes.
    """

    by: SiteModelFactor = "site"
    variations: tuple[str, ...] = ("base",)

    def options(self, **changes: object) -> SiteRegion:
        """The model alone, some of its options changed."""
        own = {item.name: getattr(self, item.name) for item in fields(SiteRegion)}
        return SiteRegion(**{**own, **changes})
