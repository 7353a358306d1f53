"""Line 4: feeds and recordings claim no time in which nobody listened, and believe no impossible one."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.cli.main import main
from marketkit.net.engine import engine
from marketkit.realtime.client import RealtimeClient
from marketkit.recording import journal
from marketkit.recording.holes import UNSURE
from marketkit.sandbox import Sandbox
from marketkit.timeframe import iso
from tests.waiting import PATIENCE, given_time, wait

NOW = "2026-11-20T00:00:30Z"
FAST = (10, 0.02)
FAST_LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), FAST)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CHANNELS = ("ticker", "trade", "orderbook", "candle.1m")


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """An exchange of this test alone, whose clock stands still."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


def streams(provider: SmartDataProvider) -> RealtimeClient:
    """Give the client of a provider's streams."""

    async def opened():
        return provider.twin._streams._opened()

    return engine().run(opened())


def frame(channel: str, at: int, price: float, *, opened: int | None = None) -> bytes:
    """Spell a message of KRW-BTC that was sent at a moment."""
    said = {"ty": channel, "cd": "KRW-BTC", "tms": at, "st": "REALTIME"}
    more = {
        "ticker": {"tp": price},
        "trade": {"ttms": at, "tp": price, "tv": 1.0, "ab": "BID", "pcp": 1.0, "c": "RISE",
                  "cp": 1.0, "sid": at},
        "orderbook": {"tas": 1.0, "tbs": 1.0,
                      "obu": [{"ap": price, "bp": price, "as": 1.0, "bs": 1.0}]},
        "candle.1m": {"cdttmu": iso((at if opened is None else opened) // MINUTE * MINUTE)[:19],
                      "op": price, "hp": price, "lp": price, "tp": price, "catv": 1.0,
                      "catp": price},
    }  # fmt: skip
    return json.dumps(said | more[channel]).encode()


def newest(feed: mk.Feed) -> float:
    """Give the price of the newest row of a feed's frame."""
    found = feed.frame.filter(symbol="KRW-BTC")
    column = next(each for each in ("price", "close", "ask_price") if each in found.columns)
    return found[column][-1 if "sequential_id" in found.columns or "close" in found.columns else 0]


def ahead(provider: SmartDataProvider) -> int:
    """Count the refused messages."""
    return provider.status().stream.ahead


@pytest.mark.parametrize("lead", [6 * MINUTE, HOUR, DAY, 3650 * DAY])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_of_the_future_is_refused_and_counted_and_freezes_nothing(
    provider, exchange, channel, lead
):
    with provider.watch("KRW-BTC", channel) as feed:
        assert feed.wait(PATIENCE)
        now = exchange.now()
        exchange.replay([frame(channel, now + lead, 7.0)])
        wait(lambda: ahead(provider) == 1)
        assert newest(feed) != 7.0
        exchange.replay([frame(channel, now + 1000, 8.0)])
        wait(lambda: newest(feed) == 8.0)
        assert feed.stats.connected
        assert "and it is" in feed.interruptions["reason"][0]
        wait(lambda: feed.interruptions["end"].null_count() == 0)
        assert exchange.stats()["stream"]["connections"] == 1


@pytest.mark.parametrize(
    ("channel", "lead"),
    [(each, lead) for each in ("ticker", "orderbook") for lead in (25_000, 4 * MINUTE)]
    + [("candle.1m", 25_000)],
)
def test_a_state_that_is_not_far_ahead_holds_up_nothing(provider, exchange, channel, lead):
    with provider.watch("KRW-BTC", channel) as feed:
        assert feed.wait(PATIENCE)
        now = exchange.now()
        told = [(now + lead, 7.0), (now + 100, 8.0)]
        exchange.replay([frame(channel, at, price) for at, price in told])
        wait(lambda: newest(feed) == 8.0)


def test_a_trade_that_was_sent_now_and_made_in_an_hour_is_of_the_future(provider, exchange):
    with provider.watch("KRW-BTC", "trade") as feed:
        assert feed.wait(PATIENCE)
        told = json.loads(frame("trade", exchange.now(), 7.0))
        exchange.replay([json.dumps(told | {"ttms": exchange.now() + HOUR}).encode()])
        wait(lambda: ahead(provider) == 1)
        assert newest(feed) != 7.0


def test_a_candle_that_was_sent_now_and_begins_in_an_hour_is_of_the_future(provider, exchange):
    with provider.watch("KRW-BTC", "candle.1m") as feed:
        assert feed.wait(PATIENCE)
        now = exchange.now()
        exchange.replay([frame("candle.1m", now, 7.0, opened=now + HOUR)])
        wait(lambda: ahead(provider) == 1)
        assert feed.frame["time"].dt.epoch("ms").max() <= now


def test_many_messages_of_the_future_are_no_proof_of_it(provider, exchange):
    with provider.watch("KRW-BTC", "ticker") as feed:
        assert feed.wait(PATIENCE)
        now = exchange.now()
        exchange.replay([frame("ticker", now + HOUR + at, 7.0) for at in range(300)])
        exchange.replay([frame("ticker", now + 1000, 8.0)])
        wait(lambda: newest(feed) == 8.0)
        assert ahead(provider) == 300


def test_a_message_of_the_future_is_no_part_of_a_recording_and_its_order(
    provider, exchange, tmp_path
):
    tape = tmp_path / "tape"
    with provider.record("KRW-BTC", "ticker", to=tape) as recording:
        wait(lambda: recording.counts["ticker"])
        now = exchange.now()
        exchange.replay([frame("ticker", now + HOUR, 7.0), frame("ticker", now + 900, 8.0)])
        wait(lambda: recording.counts["ticker"] == 2)
    found = mk.read_recording(tape, "ticker")
    assert 7.0 not in found["price"].to_list()
    assert found["received"].is_sorted()
    assert found["received"].dt.epoch("ms").max() < now + MINUTE
    assert any("and it is" in each for each in mk.read_interruptions(tape)["reason"])


def test_where_our_clock_is_behind_the_exchange_is_asked_and_no_state_is_lost(provider, exchange):
    with provider.watch("KRW-BTC", "ticker") as feed:
        assert feed.wait(PATIENCE)
        exchange.set_clock(now="2026-11-20T03:00:00Z")  # the client has no word of that
        exchange.replay([frame("ticker", exchange.now() - 1000, 7.0)])
        wait(lambda: ahead(provider))
        wait(lambda: feed.frame["time"].dt.epoch("ms")[0] > exchange.now() - HOUR)
        exchange.replay([frame("ticker", exchange.now() + 1000, 8.0)])
        wait(lambda: newest(feed) == 8.0)


def spans(tape: Path) -> list[tuple[int, int | None, str]]:
    """Give the times of which a recording may lack something, by the clock of the messages."""
    found = mk.read_interruptions(tape)
    starts, ends = (found[name].dt.epoch("ms").to_list() for name in ("start", "end"))
    ends = [end if end in {None, *starts} else end - UNSURE for end in ends]
    return list(zip(starts, ends, found["reason"].to_list(), strict=True))


def test_the_time_from_the_beginning_to_the_first_message_is_a_hole(provider, tmp_path):
    tape = tmp_path / "tape"
    with provider.record("KRW-BTC", "ticker", to=tape) as recording:
        wait(lambda: recording.counts["ticker"])
        assert recording.interruptions.is_empty()  # no longer than any opening takes
    began = journal.read(tape)[0].at
    first = mk.read_recording(tape, "ticker")["received"].dt.epoch("ms")[0]
    assert spans(tape) == [(began, first, "nothing had come yet")]


def test_a_stream_that_opens_late_leaves_a_hole_with_its_reason(provider, exchange, tmp_path):
    tape = tmp_path / "tape"
    exchange.set_stream(opens=False)
    client = streams(provider)
    usual = client.timing
    client.timing = replace(usual, opening=0.2)
    with provider.record("KRW-BTC", "ticker", to=tape) as recording:
        wait(lambda: "timed out" in str(recording.failure))
        client.timing = usual  # a busy machine shakes no hands in 0.2 s
        exchange.set_stream(opens=True)
        wait(lambda: recording.counts["ticker"])
        assert recording.interruptions["end"].null_count() == 0
    ((start, end, reason),) = spans(tape)
    assert start == journal.read(tape)[0].at
    assert end == mk.read_recording(tape, "ticker")["received"].dt.epoch("ms")[0]
    assert "timed out" in reason


def test_who_goes_on_with_a_recording_had_nobody_listen_until_the_first_message(
    provider, exchange, tmp_path
):
    tape = tmp_path / "tape"
    for _ in range(2):
        with provider.record("KRW-BTC", "ticker", to=tape) as recording:
            wait(lambda: recording.counts["ticker"])
        exchange.advance(60)
    first, second = spans(tape)
    assert (first[2], second[2]) == ("nothing had come yet", "nobody recorded")
    began = [note.at for note in journal.read(tape) if note.what == "began"]
    assert second[1] >= began[1] > second[0]


KILLED = """
import sys, time
import marketkit as mk
with mk.SmartDataProvider(endpoint=sys.argv[1], lake=sys.argv[2] + "-lake") as provider:
    recording = provider.record("KRW-BTC", "ticker", to=sys.argv[2])
    print("began", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_recorder_that_is_killed_before_anything_came_has_claimed_nothing(
    provider, exchange, tmp_path
):
    tape = tmp_path / "tape"
    exchange.set_stream(opens=False)
    command = [sys.executable, "-c", KILLED, exchange.endpoint, str(tape)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "began"
        process.kill()
    assert [(end, reason) for _, end, reason in spans(tape)] == [(None, "nothing had come yet")]
    exchange.set_stream(opens=True)
    with provider.record("KRW-BTC", "ticker", to=tape) as recording:
        wait(lambda: recording.counts["ticker"])
    found = spans(tape)
    first = mk.read_recording(tape, "ticker")["received"].dt.epoch("ms")[0]
    assert found[0][0] == journal.read(tape)[0].at
    assert found[-1][1] == first
    assert all(one[1] == other[0] for one, other in itertools.pairwise(found))


@pytest.fixture
def run(exchange, tmp_path, capsys):
    """Run a command against the exchange, or against another endpoint."""

    def command(*arguments: str) -> tuple[int, str, str]:
        lake = str(tmp_path / "lake")
        code = main([*arguments, "--endpoint", exchange.endpoint, "--lake", lake])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.mark.parametrize("channel", ["ticker", "trade"])
def test_watch_and_record_of_a_stream_that_never_opens_end_with_3_and_the_reason(
    run, exchange, tmp_path, channel
):
    def of_its_stream(said: tuple[int, str, str]) -> bool:
        return "has not opened" in said[2]

    exchange.set_stream(opens=False)
    watch = ("watch", "KRW-BTC", "--channel", channel)
    code, out, err = given_time(lambda limit: run(*watch, "--max-time", limit), of_its_stream)
    assert (code, out) == (3, "")
    assert "has not opened" in err
    record = ("record", "KRW-BTC", "--channels", channel, "--json", "--to")
    tapes = []

    def recorded(limit: str) -> tuple[int, str, str]:
        tapes.append(tmp_path / limit)
        return run(*record, str(tapes[-1]), "--max-time", limit)

    code, out, err = given_time(recorded, of_its_stream)
    assert "has not opened" in err
    assert (code, json.loads(out)["interruptions"]) == (3, 1)
    ((start, end, _),) = spans(tapes[-1])
    assert end >= start


def test_watch_of_an_exchange_that_refuses_every_handshake_says_so(run, exchange):
    exchange.set_faults({"refuse": 1.0})
    code, _, err = given_time(
        lambda limit: run("watch", "KRW-BTC", "--max-time", limit),
        lambda said: "HTTP 429" in said[2],
    )
    assert code == 3
    assert "HTTP 429" in err


def test_watch_and_record_of_a_stream_that_opens_end_with_0(run, tmp_path):
    assert run("watch", "KRW-BTC", "--count", "1")[0] == 0
    record = ("record", "KRW-BTC", "--json", "--to")
    code, out, err = given_time(
        lambda limit: run(*record, str(tmp_path / limit), "--max-time", limit),
        lambda said: said[0] == 0,
    )
    assert (code, json.loads(out)["interruptions"], err) == (0, 0, "")
