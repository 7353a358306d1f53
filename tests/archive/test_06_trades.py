"""One store of trades: of the archive, of REST and of recordings, and the calls that read it."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

import marketkit as mk
from marketkit.api.trades import TradeEndpoints
from marketkit.clock import age_clock
from marketkit.coverage import Spans
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.fetch.archive.trades import take_trades
from marketkit.data.fetch.trades import SETTLED
from marketkit.errors import InvalidRange, NotCovered
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.download import Fetched
from marketkit.net.engine import engine
from marketkit.recording.keeping import keep_recording
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, iso, parse_time
from tests.integration.conftest import FAST, FAST_LIMITS
from tests.waiting import PATIENCE, wait

NOW = parse_time("2025-03-05T00:00:30")
OLD = parse_time("2025-02-24")  # before the seven days that REST has
REST = parse_time("2025-02-26")
THIN = "KRW-MK031"
TOLD = ["time", "price", "volume", "side"]


@pytest.fixture(scope="module")
def old_exchange():
    with Sandbox(now=NOW, speed=0, limit=FAST) as running:
        yield running


@pytest.fixture
def exchange(old_exchange):
    old_exchange.set_clock(now=NOW, speed=0)
    old_exchange.reset_stats()
    return old_exchange


@pytest.fixture
def provider(exchange, tmp_path):
    lake = tmp_path / "lake"
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


@pytest.fixture
def take(exchange, provider, web, tmp_path):
    """Fetch days of the archive, and take each into the provider's lake."""

    def taken(start, end, symbol=THIN):
        for day in range(start, end, DAY):
            file = ArchiveFile(Shelf(symbol), "daily", day)
            content = web.get(f"{exchange.archive}/{file.key}").content
            path = tmp_path / f"{file.stem}.zip"
            path.write_bytes(content)
            digest, published = hashlib.sha256(content).hexdigest(), Published(file, len(content))
            fetched = Fetched(published, path, digest, len(content), NOW)
            rows = read_trades(path, file, 1 << 30)
            take_trades(provider.lake().trades, fetched, rows)
        return provider.lake().trades

    return taken


def asked(exchange):
    return [each for each in exchange.requests() if each["path"].endswith("/trades/ticks")]


def test_a_day_of_the_archive_is_the_day_of_rest(provider, take):
    rest = provider.get_trade(THIN, start="2025-02-27", end="2025-02-28")
    stored = take(REST + DAY, REST + 2 * DAY).read(THIN)
    assert stored.height > 0
    assert stored.select(TOLD).equals(rest.select(TOLD))


def test_what_rest_told_of_a_trade_stays_when_the_archive_comes(provider, take):
    rest = provider.get_trade(THIN, start="2025-02-27", end="2025-02-28")
    span = Spans([(REST + DAY, REST + 2 * DAY)])
    provider.lake().trades.append(THIN, rest, span)
    assert take(REST + DAY, REST + 2 * DAY).read(THIN).equals(rest)
    assert provider.lake().trades.revisions().is_empty()


def test_a_range_is_of_the_lake_and_of_the_exchange_together(exchange, provider, take):
    take(OLD, REST + DAY)
    rows = provider.get_trade(THIN, start="2025-02-24")
    assert rows["time"].is_sorted()
    day = pl.col("time").dt.truncate("1d").dt.epoch("ms").alias("time")
    days = rows.group_by(day).agg(pl.col("volume").sum()).sort("time")
    truth = exchange.candles(THIN, "1d", OLD, NOW)
    days = days.head(truth.height)  # the last one is not over
    assert days["time"].equals(truth["time"])
    assert (days["volume"] / truth["volume"] - 1).abs().max() < 1e-12
    assert rows["sequential_id"].null_count() > 0


def test_of_a_proved_range_nobody_is_asked(exchange, provider, take):
    take(OLD, REST)
    told = provider.with_response.get_trade(THIN, start="2025-02-24", end="2025-02-26")
    assert told.frame.height > 0
    assert asked(exchange) == []
    decimals = provider.get_trade(THIN, start="2025-02-24", end="2025-02-26", precision="decimal")
    assert decimals["price"].cast(pl.Float64).equals(told.frame["price"])
    assert provider.get_trade(THIN, start="2025-02-24", end="2025-02-26", count=3).equals(
        told.frame.tail(3)
    )


def test_a_time_that_nobody_has_is_named(provider, take):
    with pytest.raises(InvalidRange, match="keeps trades from 2025-02-26"):
        provider.get_trade(THIN, start="2025-02-24")
    take(OLD, OLD + DAY)
    with pytest.raises(NotCovered, match=f"lacks trades of {THIN} from 2025-02-25"):
        provider.get_trade(THIN, start="2025-02-24")


def test_bars_of_stored_trades_are_the_exchanges_candles(provider, take):
    take(OLD, REST)
    asked = {"start": "2025-02-24", "end": "2025-02-26"}
    bars = provider.bars(THIN, "1h", **asked)
    assert bars.height > 0
    assert mk.compare_bars(bars, provider.get_candle(THIN, "1h", **asked)).is_empty()


def test_a_recording_becomes_trades_of_the_lake(exchange, provider, tmp_path):
    tape = tmp_path / "tape"
    with provider.record("KRW-BTC", ["trade", "orderbook"], to=tape) as recording:
        wait(lambda: len(recording.counts) == 2)
        for _ in range(6):
            before = recording.counts["orderbook"]
            exchange.advance(30)
            wait(lambda: recording.counts["orderbook"] > before)  # noqa: B023 - waited for at once
    told = keep_recording(tape, provider.lake())
    (span,) = provider.lake().trades.covered("KRW-BTC")
    stored = provider.lake().trades.read("KRW-BTC")
    assert told["trades"].to_list() == [stored.height]
    rest = provider.get_trade("KRW-BTC", count=500)
    time_ = pl.col("time").dt.epoch("ms")
    assert stored.equals(rest.filter(time_ >= span.start, time_ < span.end))


@pytest.fixture
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


def fill(provider, start="2025-02-24", end=None, **more):
    job = provider.backfill(THIN, "trade", start=start, end=end, archive=True, show=False, **more)
    return job.wait(PATIENCE)


@pytest.mark.usefixtures("_accepted")
def test_a_backfill_takes_days_of_the_archive_and_the_last_ones_of_rest(provider):
    told = fill(provider)
    # The file of yesterday is not published yet.
    assert told.archive.files == (parse_time("2025-03-03") - OLD) // DAY + 1
    assert told.complete
    store = provider.lake().trades
    (span,) = store.covered(THIN)
    assert span.start == OLD
    # Our idea of the exchange's clock goes on while this machine is busy.
    assert abs(span.end - (NOW - SETTLED)) < 30_000
    assert store.provenance(THIN).height == told.archive.files
    again = fill(provider)
    assert (again.archive.files, again.rows) == (0, 0)
    assert "days = " in repr(again)


@pytest.mark.usefixtures("_accepted")
def test_a_file_that_is_wrong_is_named_and_its_day_left_unknown(exchange, provider):
    old, other = (ArchiveFile(Shelf(THIN), "daily", day) for day in (OLD, OLD + DAY))
    exchange.strike("header-only", path="archive", symbol=old.stem)
    told = fill(provider, end="2025-02-26")
    assert (told.archive.files, told.unknown, told.complete) == (1, 1, False)
    assert old.key in told.archive.troubles[0].said
    assert provider.lake().audit().is_empty()
    assert provider.lake().trades.provenance()["key"].to_list() == [other.key]
    exchange.strike("none")
    assert fill(provider, end="2025-02-26").complete


def test_without_the_archive_a_backfill_of_trades_has_seven_days(exchange, provider):
    job = provider.backfill(THIN, "trade", start="2025-02-25", show=False)
    assert job.wait(PATIENCE).unknown == 1
    exchange.reset_stats()
    assert provider.get_trade(THIN, start="2025-02-27", end="2025-02-28").height > 0
    assert asked(exchange) == []


@pytest.mark.usefixtures("_accepted")
def test_a_file_that_was_published_again_is_taken_again_where_that_is_wanted(exchange, provider):
    fill(provider, end="2025-02-26")
    old = ArchiveFile(Shelf(THIN), "daily", OLD)
    exchange.strike("republished", path="archive", symbol=old.stem)
    assert fill(provider, end="2025-02-26").archive.files == 0
    told = fill(provider, end="2025-02-26", verify="2d")
    exchange.strike("none")
    assert (told.archive.files, told.complete) == (1, True)
    assert provider.lake().trades.revisions().height == told.revisions > 0


@pytest.fixture
def streaming(exchange, provider):
    """A stream of trades that has heard some, and a way to have it hear more."""
    names = ["KRW-BTC"]

    def heard(feed, count):
        enough = feed.stats.events + count
        while feed.stats.events < enough:
            exchange.advance(5)
            newest = exchange_newest(provider)
            wait(lambda: feed.frame["sequential_id"].max() >= newest)  # noqa: B023 - at once
        for _ in range(5):  # the clock has jumped, and one answer alone is not believed
            engine().run(provider.twin._filler.transport.ask_time(again=True))

    with provider.watch(names, "trade") as feed:
        assert feed.wait(PATIENCE)
        heard(feed, 1)
        yield lambda count: heard(feed, count)


def exchange_newest(provider):
    """Ask REST alone: exact answers come from no stream."""
    rows = provider.get_trade("KRW-BTC", count=1, precision="decimal")
    return rows["sequential_id"].max()


def young(provider):
    """Have the newest message be of this moment, however slowly this machine came here."""
    provider.twin._streams._client.reader.heard_ns = (age_clock() + 60_000) * 1_000_000


def test_an_open_stream_answers_for_the_time_it_has_whole(exchange, provider, streaming):
    start = iso(provider.get_trade("KRW-BTC", count=1)["time"].dt.epoch("ms")[0])
    streaming(5)
    expected = provider.get_trade("KRW-BTC", start=start, precision="decimal")
    exchange.reset_stats()
    young(provider)
    told = provider.with_response.get_trade("KRW-BTC", start=start)
    assert set(told.source.values()) == {"feed"}
    assert asked(exchange) == []
    assert told.frame["sequential_id"].equals(expected["sequential_id"])
    assert told.frame.height > 1


def test_lake_exchange_and_stream_together_have_each_trade_once(exchange, provider, streaming):
    provider.backfill("KRW-BTC", "trade", start="2025-03-04T12:00", show=False).wait(PATIENCE)
    streaming(5)
    young(provider)
    rows = provider.get_trade("KRW-BTC", start="2025-03-04T12:00")
    plain = provider.get_trade("KRW-BTC", start="2025-03-04T12:00", precision="decimal")
    assert rows["sequential_id"].is_unique().all()
    assert rows["sequential_id"].equals(plain["sequential_id"])


def test_what_rest_does_not_tell_yet_comes_from_the_stream(
    exchange, provider, streaming, monkeypatch
):
    """REST is behind by a second or two: here it never tells of the newest trades."""
    streaming(3)
    walked = TradeEndpoints._walked

    async def late(self, wanted, priority, *, exact):
        found = await walked(self, wanted, priority, exact=exact)
        return found._replace(rows=found.rows.head(-2)) if not exact else found

    start = "2025-03-04T23:50"
    expected = provider.get_trade("KRW-BTC", start=start, precision="decimal")
    monkeypatch.setattr(TradeEndpoints, "_walked", late)
    rows = provider.get_trade("KRW-BTC", start=start)
    assert rows["sequential_id"].equals(expected["sequential_id"])
