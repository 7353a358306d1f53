"""Pages that wait in the journal: seen by calls at once, and in the files when a job or a provider ends."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.lake.store import pages
from tests.integration.conftest import FAST_LIMITS

SPAN = {"start": "2026-11-01", "end": "2026-11-05"}


@pytest.fixture(autouse=True)
def _every_chunk_is_large(monkeypatch):
    monkeypatch.setattr(pages, "_LARGE", 0)


def journals(lake: Path) -> list[Path]:
    return list(lake.glob("journal/*/*/*.log"))


def test_a_job_leaves_all_it_fetched_in_the_files(provider):
    report = provider.backfill("KRW-BTC", "1m", **SPAN).wait()
    assert report.complete
    lake = provider.lake()
    assert (lake.root / "lake.json").read_text().startswith('{"format": 2')
    assert journals(lake.root) == []
    files = lake.root.glob("candles/*/*/*/*.parquet")
    assert sum(pl.read_parquet(each.read_bytes()).height for each in files) == report.rows
    assert lake.audit().is_empty()


def test_a_provider_that_is_closed_leaves_no_page_behind(exchange, tmp_path):
    root = tmp_path / "own"
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=root, limits=FAST_LIMITS) as own:
        own.backfill("KRW-BTC", "1m", **SPAN).wait()
        lake = own.lake()
        told = own.get_candle("KRW-BTC", "1m", **SPAN, source="lake").drop("state")
        rows = told[100:105].with_columns(pl.col("volume") + 1)
        covering = Spans((at, at + 60_000) for at in rows["time"].dt.epoch("ms"))
        assert lake.append("KRW-BTC", "1m", rows, covering).rows == 5
        assert len(journals(root)) == 1
        found = own.get_candle("KRW-BTC", "1m", **SPAN, source="lake")
        assert found[100:105]["volume"].equals(rows["volume"])
    assert journals(root) == []
