"""The names of the dashboards and of their variables."""

from __future__ import annotations

__all__ = ["DETAIL_TITLE", "DETAIL_UID", "OVERVIEW_TITLE", "OVERVIEW_UID", "TAG", "Variable"]

# Part of the dashboards' addresses, which bookmarks and annotations of alerts hold.
OVERVIEW_UID = "slo-suite-overview"
DETAIL_UID = "slo-suite-detail"

OVERVIEW_TITLE = "SLOs"
DETAIL_TITLE = "SLO detail"
TAG = "slo-suite"


class Variable:
    """Variables at the top of a dashboard."""

    DATASOURCE = "datasource"
    SERVICE = "service"
    SLO = "slo"

    @staticmethod
    def of_label(name: str) -> str:
        """The variable that picks a value of a label which tells environments apart."""
        return f"by_{name}"
