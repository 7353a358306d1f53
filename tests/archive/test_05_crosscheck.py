"""A page of each ingested month is held against REST, and what differs is told everywhere."""

from __future__ import annotations

import pytest

from marketkit.data.lake.lake import Lake
from tests.archive.ingesting import STEM, filled, sandbox


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


def test_each_month_is_compared_and_agrees(exchange, tmp_path):
    report = filled(exchange, tmp_path, start="2025-02-01")
    assert len(report.archive.checks) >= 1
    assert report.archive.compared >= 200
    assert report.archive.differing == 0
    assert "compared with REST" in repr(report)
    files = Lake(tmp_path).provenance("KRW-BTC", "1h")
    assert files["compared"].max() >= 96
    assert files["differing"].sum() == 0


def test_a_number_that_rest_has_otherwise_is_told_by_report_audit_and_provenance(
    exchange, tmp_path
):
    exchange.strike("republished", path="archive", symbol=f"{STEM}02")
    report = filled(exchange, tmp_path)  # four days of hours: one page has them all
    assert report.archive.compared == 96
    assert report.archive.differing == 1
    assert "1 of 96 slots DIFFER from REST" in repr(report)
    lake = Lake(tmp_path)
    (finding,) = lake.audit().rows(named=True)
    assert finding["finding"] == "differs"
    assert "1 of 96 slots" in finding["detail"]
    assert lake.provenance("KRW-BTC", "1h")["differing"].max() == 1


def test_an_exchange_that_does_not_answer_leaves_months_uncompared(exchange, tmp_path):
    exchange.strike("500", None, path="candles")
    report = filled(exchange, tmp_path, end="2025-03-05")
    assert report.archive.files == 4
    assert report.archive.unchecked == 1
    assert "1 months were not compared" in repr(report)
