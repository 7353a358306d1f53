"""A job into a bucket: the truth of the exchange, few writes, and nothing asked again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.places import patience
from marketkit.data.lake.places.failure import Kind
from marketkit.errors import LakeError
from marketkit.exchange.upbit.rest import PAGE
from marketkit.sandbox import Sandbox
from marketkit.timeframe import MINUTE, parse_time
from tests.scale.proxy import PASS, Deed

FAST = (10, 0.02)
LIMITS = dict.fromkeys(("market", "candles"), FAST)
SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
SPAN = {"start": "2026-11-17", "end": "2026-11-19"}
START, END = (parse_time(each) for each in SPAN.values())


@pytest.fixture(scope="module")
def _exchange() -> Iterator[Sandbox]:
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_exchange: Sandbox) -> Sandbox:
    _exchange.reset_stats()
    return _exchange


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MARKETKIT_BUDGET_DIR", str(tmp_path / "budget"))


def asked(exchange: Sandbox) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


def backfill(exchange: Sandbox, lake: object) -> mk.Report:
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=LIMITS) as provider:
        return provider.backfill(SYMBOLS, "1m", **SPAN, show=False).wait()


def test_a_backfill_into_a_bucket_brings_what_one_into_a_folder_does(exchange, moto_url, tmp_path):
    report = backfill(exchange, moto_url)
    assert report.complete
    once = asked(exchange)
    assert backfill(exchange, tmp_path / "folder").complete
    there, here = Lake(moto_url), Lake(tmp_path / "folder")
    for symbol in SYMBOLS:
        assert there.read(symbol, "1m").equals(here.read(symbol, "1m"))
        assert not there.missing(symbol, "1m", START, END)
    assert asked(exchange) <= 2 * once + 2  # nothing more than into a folder
    asked_so_far = asked(exchange)
    again = backfill(exchange, moto_url)
    assert again.complete
    assert asked(exchange) == asked_so_far


def test_pages_go_into_a_bucket_when_a_walk_ends(exchange, moto, faulty):
    proxy = faulty(moto)
    report = backfill(exchange, f"s3://{moto.bucket()}/lake")
    assert report.requests > 10 * len(SYMBOLS)  # into a folder each would be written in turn
    assert proxy.count("PUT", "candles/") <= 3 * len(SYMBOLS)


def test_a_job_whose_bucket_goes_away_says_so_and_goes_on_later(
    exchange, moto, faulty, monkeypatch
):
    monkeypatch.setattr(patience, "_TRIES", {Kind.BUSY: 2, Kind.AWAY: 2, Kind.CHANGED: 2})
    away = []

    def one_write(request):
        if request.method == "PUT" and "candles/" in request.path and not away:
            away.append(request)
            return PASS
        return Deed(answer=503, code="SlowDown") if away else PASS

    proxy, url = faulty(moto, one_write), f"s3://{moto.bucket()}/lake"
    with pytest.raises(LakeError, match=r"s3://.*(failing|cannot be written)"):
        backfill(exchange, url)
    proxy.script = lambda _: PASS
    lake = Lake(url)
    known = [lake.covered(symbol, "1m").clip(START, END) for symbol in SYMBOLS]
    assert any(known)  # what was acknowledged is there
    exchange.reset_stats()
    assert backfill(exchange, url).complete
    missing = [Spans([(START, END)]) - each for each in known]
    pages = sum(each.total // MINUTE // PAGE for each in missing)
    assert asked(exchange) <= pages + 4 * len(SYMBOLS)


def test_the_environment_names_a_bucket(moto_url, exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_LAKE", moto_url)
    with mk.SmartDataProvider(endpoint=exchange.endpoint, limits=LIMITS) as provider:
        rows = provider.get_candle("KRW-BTC", "1m", **SPAN)
        assert provider.lake().url == moto_url
        assert provider.lake(moto_url).read("KRW-BTC", "1m", **SPAN).height == rows.height
        assert moto_url in repr(provider)
