"""Backfills with the archive, for the tests of them."""

from __future__ import annotations

from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST_LIMITS
from tests.waiting import PATIENCE

NOW = "2025-03-05T10:00"
START, END = "2025-03-01", "2025-03-05T09:00"
STEM = "KRW-BTC_candle-60m_202503"  # and the day
DAYS = ("01", "02", "03", "04")


def sandbox() -> Sandbox:
    """Make an exchange whose clock stands and that never says no."""
    return Sandbox(now=NOW, speed=0, limit=(1000, 1.0))


def provider(exchange: Sandbox, lake) -> SmartDataProvider:
    """Make a client with a lake of its own."""
    return SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS)


def filled(exchange, lake, *, symbols="KRW-BTC", width="1h", start=START, end=END, **more):
    """Do a backfill, with the archive unless said otherwise, and give the report."""
    options = {"archive": True, "show": False} | more
    with provider(exchange, lake) as mk:
        return mk.backfill(symbols, width, start=start, end=end, **options).wait(PATIENCE)


def asked(exchange: Sandbox, end: str = ".zip") -> list[str]:
    """Name the files that were asked for, without their folders."""
    paths = [each["path"] for each in exchange.requests()]
    return [each.rpartition("/")[2] for each in paths if each.endswith(end)]
