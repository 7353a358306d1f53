"""Colours, panes and axes that all charts share. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from marketkit.timeframe import DAY, HOUR, MINUTE, SECOND, WEEK

Theme = Literal["auto", "light", "dark"]
Colors = Literal["korean", "western"]

# Up and down. Korean exchanges, Upbit too, paint a rise red and a fall blue; that is the default,
# for who reads both screens should not have to turn one around, and the colour-blind see it too.
COLORS: dict[str, tuple[str, str]] = {
    "korean": ("#e0433f", "#2f78d6"),
    "western": ("#1f9d6b", "#e0433f"),
}
LINES = ("#2f78d6", "#e0433f", "#1f9d6b", "#c98500", "#8e5bd0", "#0f9bab", "#c2548f", "#7a7f3a")
SHADES = {
    "lost": ("gap: not known", "rgba(240,160,0,0.35)"),
    "quiet": ("no trade", "rgba(128,128,128,0.28)"),
    "absent": ("no candle", "rgba(128,128,128,0.13)"),
}

# `auto` stands on whatever is behind the chart: its grey is read on white and on black.
PAPER = {"auto": "rgba(0,0,0,0)", "light": "#ffffff", "dark": "#14171c"}
_TEXT = {"auto": "#787d85", "light": "#2a2f36", "dark": "#c9ced6"}
_GRID = {"auto": "rgba(128,128,128,0.22)", "light": "#e3e6ea", "dark": "#2c323a"}
# No button sends a chart anywhere, and none stands there without a use.
CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],
}
PRICE = ",.8~f"  # 178,345,000 and 0.00001234, never 1.78345e8
AMOUNT = ",.4~r"
_GAP = 0.12  # of an average pane's height, between two of them
_UNITS = ((WEEK, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


@dataclass(frozen=True, slots=True)
class Pane:
    """One vertical axis of a chart: a title, a share of the height, and other properties."""

    title: str
    weight: float
    axis: dict[str, Any]


def template(theme: Theme) -> dict[str, Any]:
    """Give the plotly template of a theme."""
    paper, text, grid = PAPER[theme], _TEXT[theme], _GRID[theme]
    axis = {"gridcolor": grid, "zerolinecolor": grid, "linecolor": grid, "automargin": True}
    return {
        "layout": {
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "font": {"color": text, "size": 12},
            "colorway": LINES,
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"bgcolor": "rgba(28,32,38,0.94)", "font": {"color": "#f0f2f4"}},
        }
    }


def layout(title: str, subtitle: str, height: int, theme: Theme) -> dict[str, Any]:
    """Give the common part of all charts' layouts."""
    return {
        "template": template(theme),
        "title": {
            "text": title,
            "subtitle": {"text": subtitle},
            "x": 0.01,
            "xanchor": "left",
            "y": 0.98,
            "yanchor": "top",
            "yref": "container",
        },
        "height": height,
        "margin": {"l": 16, "r": 16, "t": 70, "b": 40},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        "barmode": "overlay",
        "boxmode": "overlay",
        "bargap": 0,
        "uirevision": True,  # a chart that is drawn again keeps its zoom
    }


def stacked(panes: Sequence[Pane], gap: float = _GAP) -> list[dict[str, Any]]:
    """Lay panes out from the top down; each axis gets a part of the height.

    `gap` is the part of a pane's height that stays free below it.
    """
    gap = gap / len(panes)
    room = 1 - gap * (len(panes) - 1)
    total = sum(pane.weight for pane in panes)
    axes, top = list[dict[str, Any]](), 1.0
    for pane in panes:
        bottom = max(0.0, top - room * pane.weight / total)
        title = {"text": pane.title, "standoff": 4}
        axes.append({"domain": [bottom, top], "title": title, "side": "right", **pane.axis})
        top = bottom - gap
    return axes


def time_axis(zone: str | None) -> dict[str, Any]:
    """Give a time axis with the name of the zone."""
    return {
        "type": "date",
        "title": {"text": zone or "time"},
        "rangeslider": {"visible": False},
        "hoverformat": "%Y-%m-%d %H:%M:%S",
        "showspikes": True,
        "spikethickness": 1,
        "spikedash": "dot",
        "spikecolor": "rgba(128,128,128,0.7)",
        "spikemode": "across",
    }


def price_axis(*, log: bool) -> dict[str, Any]:
    """Give an axis of prices, written as people read prices."""
    return {
        "type": "log" if log else "linear",
        "tickformat": PRICE,
        "hoverformat": PRICE,
        "autorange": True,
    }


def label(text: str) -> str:
    """Make any text stand for itself: plotly reads markup in titles and names."""
    return html.escape(text, quote=False)


def spelled(width: int) -> str:
    """Name a width in ms by the largest whole unit.

    >>> spelled(240 * MINUTE), spelled(2 * WEEK)
    ('4h', '2w')
    """
    unit, name = next((each for each in _UNITS if width % each[0] == 0), (1, "ms"))
    return f"{width // unit}{name}"
