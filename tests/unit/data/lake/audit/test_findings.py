"""Findings name their place, in words that the frame knows."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.audit.findings import AUDIT, FINDING, Finding
from marketkit.data.lake.audit.repair import ACTION
from marketkit.data.lake.format.layout import Series
from marketkit.timeframe import TIMEFRAMES


def test_a_finding_in_a_series_names_it():
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
    finding = Finding(series.path("2024-01"), "corrupt", "cut", "set aside", series)
    assert finding.place == (series.path("2024-01"), "KRW-BTC", "1m")


def test_a_finding_elsewhere_has_a_path_alone():
    assert Finding("lake.json", "lake", "is missing", "remade").place == ("lake.json", None, None)


def test_findings_and_actions_are_words_of_their_kinds():
    finding = Finding("lake.json", "lake", "is missing", "remade")
    row = (*finding.place, finding.finding, finding.detail)
    frame = pl.DataFrame([row], schema=dict(AUDIT), orient="row")
    assert frame["finding"].to_list() == ["lake"]
    assert finding.finding in FINDING.categories
    assert finding.action in ACTION.categories
