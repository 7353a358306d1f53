"""`lake quality`: days for people, whole rows for programs."""

from __future__ import annotations

import json

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.timeframe import DAY, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-03-02")


@pytest.fixture
def kept(tmp_path):
    """Two days of minutes, the second of which has a spike."""
    lake = Lake(tmp_path / "lake")
    span = (START, START + 2 * DAY)
    lake.append("KRW-BTC", "1m", make_candles(range(*span, MINUTE)), Spans([span]))
    at = START + DAY + 700 * MINUTE
    lake.append("KRW-BTC", "1m", make_candles([at], high=100_000.0), Spans([(at, at + MINUTE)]))
    return lake.root


def test_people_see_scores_and_reasons(run, kept):
    code, out, _ = run("lake", "quality", "KRW-BTC", "--lake", kept)
    assert code == 0
    assert "2026-03-03" in out
    assert "far from their neighbours" in out.replace("\n", " ")
    assert "worst_at" not in out
    assert out.rstrip().endswith("2 days, 1 of them below 90")


def test_programs_have_every_column_and_can_leave_sound_days_out(run, kept):
    _, out, _ = run("lake", "quality", "--below", "90", "--lake", kept, "--json")
    (row,) = json.loads(out)
    assert row["date"] == "2026-03-03"
    assert row["worst_at"].startswith("2026-03-03T11:40")
    assert (row["outliers"], row["checked"]) == (1, None)
