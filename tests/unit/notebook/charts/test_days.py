"""Days on the scale of a look, whatever it shows."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.notebook.charts.days import Look, heat_map

pytest.importorskip("plotly")

LOOK = Look(((0.0, "#000000"), (1.0, "#ffffff")), {0: "nothing", 7: "all"})


def test_the_scale_reaches_from_nothing_to_the_last_tick_and_is_shown_once():
    days = pl.DataFrame(
        {
            "symbol": ["KRW-BTC"] * 2,
            "date": [date(2025, 12, 31), date(2026, 1, 1)],
            "heat": [3.5, 7.0],
            "said": ["half", "all"],
        }
    )
    older, newer = heat_map(days, LOOK, "two days", "auto").figure.data
    assert (older.zmin, older.zmax, newer.zmax) == (0, 7, 7)
    assert list(older.colorbar.ticktext) == ["nothing", "all"]
    assert (older.showscale, newer.showscale) == (True, False)
    assert [each for row in newer.z for each in row if each is not None] == [7.0]
