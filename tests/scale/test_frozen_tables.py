"""Frozen sets of a lake in a bucket: versions of one table that other engines read."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import MINUTE
from tests.scale.proxy import LOST, Deed, by_chance, puts
from tests.unit.data.lake.conftest import make_candles

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-a/b"]
TOTAL = sum(2 * (100.25 + number) for number in range(3))
LATER = TOTAL - 100.25 + 7.0
KILLED = """
import os, sys
from marketkit.data.lake import Lake
from marketkit.data.lake.places.bucket import Bucket

left = int(sys.argv[2])

def dying(real):
    def ask(self, *arguments):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)
        return real(self, *arguments)
    return ask

Bucket.put, Bucket.copy = dying(Bucket.put), dying(Bucket.copy)
Lake(sys.argv[1]).freeze("b")
"""


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")  # of other engines; ours knows loopback


def filled(url: str) -> Lake:
    lake = Lake(url)
    for number, symbol in enumerate(SYMBOLS):
        rows = make_candles([0, MINUTE], symbol, 100.25 + number)
        lake.append(symbol, "1m", rows, Spans([(0, 3 * MINUTE)]))
    return lake


def change(lake: Lake) -> None:
    lake.append("KRW-BTC", "1m", make_candles([0], close=7.0), Spans([(0, MINUTE)]))


def close(frame: pl.DataFrame) -> float:
    return float(frame["close"].sum())


def test_two_versions_give_polars_and_pyarrow_the_sums_of_their_own(moto_url):
    deltalake = pytest.importorskip("deltalake")
    lake = filled(moto_url)
    lake.freeze("a")
    change(lake)
    lake.freeze("b")
    for name, total in (("a", TOTAL), ("b", LATER)):
        table = lake.table(name)
        assert table.url == f"{moto_url}/tables/candles"
        scanned = pl.scan_delta(table.url, version=table.version)
        assert close(scanned.collect()) == total
        assert scanned.filter(pl.col("series") == "KRW-a/b").collect().height == 2
        delta = deltalake.DeltaTable(table.url, version=table.version)
        assert sum(delta.to_pyarrow_table()["close"].to_pylist()) == total
        assert close(lake.as_of(name).read(None, "1m")) == total
        with mk.SmartDataProvider(endpoint="http://127.0.0.1:9", lake=moto_url) as provider:
            span = {"start": "1970-01-01", "end": "1970-01-01T00:03"}
            assert close(provider.get_candle(SYMBOLS, "1m", **span, as_of=name)) == total


def test_a_set_goes_to_another_process_by_its_address_and_name(moto_url, monkeypatch, tmp_path):
    lake = filled(moto_url)
    lake.freeze("a")
    change(lake)
    said = pickle.dumps(lake.as_of("a"))
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "another machine"))
    assert close(pickle.loads(said).read(None, "1m")) == TOTAL  # noqa: S301 (our own)


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 5))
def test_a_kill_leaves_the_sets_that_were_there_and_the_name_free(moto_url, at):
    lake = filled(moto_url)
    lake.freeze("a")
    change(lake)
    program = [sys.executable, "-c", KILLED, moto_url, str(at)]
    done = subprocess.run(program, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert lake.frozen()["name"].to_list() == ["a"]
    assert close(lake.as_of("a").read(None, "1m")) == TOTAL
    lake.freeze("b")
    assert close(lake.as_of("b").read(None, "1m")) == LATER
    assert lake.vacuum() > 0
    assert lake.verify("a").is_empty()
    assert lake.verify("b").is_empty()


@pytest.mark.parametrize("deed", [LOST, Deed(answer=409, code="Conflict"), Deed(answer=500)])
def test_doubtful_answers_give_a_name_once(moto, moto_url, faulty, deed):
    lake = filled(moto_url)
    faulty(moto, puts(*[deed] * 6, word="tables/"))
    proxied = Lake(moto_url)
    told = proxied.freeze("a")
    assert proxied.frozen().select("name", "hash").rows() == [("a", told.hash)]
    assert close(lake.as_of("a").read(None, "1m")) == TOTAL
    with pytest.raises(InputError, match="already"):
        lake.freeze("a")


@pytest.mark.slow
def test_a_store_that_fails_by_chance_keeps_every_set_whole(moto, moto_url, faulty):
    filled(moto_url)
    faulty(moto, by_chance(7, 0.1))
    lake = Lake(moto_url)
    for number, name in enumerate("abc"):
        lake.append("KRW-BTC", "1m", make_candles([0], close=number + 1.0), Spans([(0, MINUTE)]))
        lake.freeze(name)
    lake.delete("b")
    lake.vacuum()
    assert lake.frozen()["name"].to_list() == ["a", "c"]
    for number, name in ((0, "a"), (2, "c")):
        assert close(lake.as_of(name).read(None, "1m")) == TOTAL - 100.25 + number + 1.0
