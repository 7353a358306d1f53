"""The chunks of a bucket: by a listing at every look, footers once for each version."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.places import patience
from marketkit.data.lake.store import pages
from marketkit.data.lake.store.away import bring
from marketkit.data.lake.store.mirror import Away
from marketkit.errors import CorruptFile, NewerFormat, NotWritable
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
ETH = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])


@pytest.fixture
def filled(on_bucket, candles):
    lake = on_bucket()
    for symbol in ("KRW-BTC", "KRW-ETH"):
        lake.append(symbol, "1m", candles([0, MINUTE], symbol), Spans([(0, 3 * MINUTE)]))
    return lake


def counted(lake, monkeypatch):
    """Count the ends of objects that are read from now on."""
    ends, real = [], lake.mirror.end_of

    def end_of(key, version):
        ends.append(key)
        return real(key, version)

    monkeypatch.setattr(lake.mirror, "end_of", end_of)
    return ends


def test_another_machine_sees_what_was_acknowledged(filled, on_bucket, candles):
    other = on_bucket("two")
    assert other.covered("KRW-BTC", "1m") == Spans([(0, 3 * MINUTE)])
    filled.append("KRW-BTC", "1m", candles([3 * MINUTE]), Spans([(3 * MINUTE, 5 * MINUTE)]))
    assert other.covered("KRW-BTC", "1m") == Spans([(0, 5 * MINUTE)])
    assert other.read("KRW-BTC", "1m").equals(filled.read("KRW-BTC", "1m"))


def test_series_are_those_that_have_objects(filled, on_bucket):
    assert on_bucket("two").index.stored("upbit", TIMEFRAMES["1m"]) == [BTC, ETH]
    assert filled.index.stored("upbit", TIMEFRAMES["1h"]) == []


def test_the_end_of_a_version_is_read_once(filled, on_bucket, monkeypatch):
    other = on_bucket("two")
    assert other.is_there()  # and so is the folder of the mirror
    ends = counted(other, monkeypatch)
    first = other.index.look([BTC, ETH])
    assert len(ends) == 2
    assert other.index.look([BTC, ETH])[0] is first[0]
    again = on_bucket("two")  # another process of that machine
    ends = counted(again, monkeypatch)
    assert again.index.look([BTC, ETH]) == first
    assert ends == []


def test_a_look_costs_no_whole_object(filled, on_bucket):
    other = on_bucket("two")
    assert other.covered("KRW-BTC", "1m")
    assert not list(other.root.rglob("*.parquet"))
    other.read("KRW-BTC", "1m")
    assert len(list(other.root.rglob("*.parquet"))) == 1


def asked(lake, monkeypatch):
    """Note the chunk of each request for an object, or its end, from now on."""
    chunks, store = [], lake.objects._store
    get = store.get

    def told(key, version=None, start=0):
        if key.endswith(".parquet"):
            chunks.append(key.removesuffix(".parquet").rpartition("/")[2])
        return get(key, version, start)

    monkeypatch.setattr(store, "get", told)
    return chunks


def test_a_reader_asks_once_for_each_object_that_it_needs(on_bucket, candles, monkeypatch):
    writer = on_bucket()
    for start in (parse_time(f"2024-0{n}-01") for n in (1, 2, 3)):
        writer.append("KRW-BTC", "1m", candles([start]), Spans([(start, start + MINUTE)]))
    for read in ("read", "scan"):
        other = on_bucket(read)
        assert other.is_there()
        chunks = asked(other, monkeypatch)
        found = getattr(other, read)("KRW-BTC", "1m", "2024-02-01").lazy().collect()
        assert sorted(chunks) == ["2024-01", "2024-02", "2024-03"]
        here = {path.stem for path in other.root.rglob("*.parquet")}
        assert here == {"2024-02", "2024-03"}  # of the first its end
        assert found.equals(writer.read("KRW-BTC", "1m", "2024-02-01"))


def test_a_mirror_with_little_room_gets_only_what_is_read(filled, on_bucket, monkeypatch):
    monkeypatch.setenv("MARKETKIT_MIRROR", "1000")
    other = on_bucket("two")
    assert other.is_there()
    chunks = asked(other, monkeypatch)
    assert other.read("KRW-BTC", "1m").height == 2
    assert len(chunks) == 2  # its end before it is known to be needed, and then all


def test_a_function_over_all_symbols_asks_for_each_object_once(filled, on_bucket, monkeypatch):
    other = on_bucket("two")
    assert other.is_there()
    chunks = asked(other, monkeypatch)
    assert other.map(lambda rows: rows.collect(), None, "1m").height == 4
    assert len(chunks) == 2


def test_a_chunk_replaced_between_the_listing_and_the_look_is_looked_at_again(
    filled, on_bucket, candles, monkeypatch
):
    other, real, first = on_bucket("two"), filled.mirror.end_of, []

    def end_of(key, version):
        if not first:
            first.append(key)
            filled.append("KRW-BTC", "1m", candles([3 * MINUTE]), Spans([(0, 5 * MINUTE)]))
        return real(key, version)

    monkeypatch.setattr(other.mirror, "end_of", end_of)
    assert other.covered("KRW-BTC", "1m") == Spans([(0, 5 * MINUTE)])


@pytest.mark.parametrize(
    ("content", "error"), [(b"rot", CorruptFile), (b"PAR1rot!\x04\x00\x00\x00PAR1", CorruptFile)]
)
def test_an_object_that_is_no_chunk_spoils_its_series_alone(filled, content, error):
    key = BTC.path("1970-02")
    filled.objects.put(key, content, None)
    with pytest.raises(error, match="1970-02"):
        filled.covered("KRW-BTC", "1m")
    assert filled.covered("KRW-ETH", "1m")
    assert list(filled.select(None, "1m").failures) == ["KRW-BTC 1m"]


def test_objects_of_other_names_are_no_chunks(filled):
    for name in ("2024-99.parquet", "notes.txt", "1970-02.parquet/more"):
        filled.objects.put(f"{BTC.folder}/{name}", b"?", None)
    assert len(filled.index.entries(BTC)) == 1


def test_a_lake_of_a_later_marketkit_is_refused(filled, on_bucket):
    _, version = filled.objects.read("lake.json")
    filled.objects.put("lake.json", b'{"format": 99}', version)
    for call in (lambda lake: lake.read("KRW-BTC", "1m"), lambda lake: lake.require_writable()):
        with pytest.raises(NewerFormat, match="memory://team/upbit has format 99"):
            call(on_bucket("two"))


def test_what_is_brought_has_the_stamp_of_the_file(filled, on_bucket):
    other = on_bucket("two")
    (entry,) = other.index.entries(BTC)
    assert isinstance(entry, Away)
    ((_, here),) = bring([(BTC, entry)])
    stat = (other.root / BTC.path("1970-01")).stat()
    assert here.stamp == (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    assert bring([(BTC, here)]) == [(BTC, here)]


def test_a_page_waits_until_a_deletion_without_an_answer_is_over(
    filled, on_bucket, candles, monkeypatch, with_own, caplog
):
    def lost(_key):
        raise OSError("error sending request")

    bucket, waited = filled.objects, []
    with monkeypatch.context() as patch:
        patch.setattr(bucket._store, "delete", lost)
        filled.drop("KRW-BTC", "1m")
    placed = bucket._store.head(BTC.path("1970-01")).time
    monkeypatch.setattr(bucket, "now", lambda: placed + round(1000 * sum(waited)))
    with_own(pages, pages.time, sleep=waited.append)
    with_own(patience, patience.time, sleep=lambda _: None)
    filled.append("KRW-BTC", "1m", candles([0], close=3.0), Spans([(0, MINUTE)]))
    assert waited == [10.0] * 16 + [1.0]
    assert caplog.text.count("waiting, for at most 160 s: memory://team/upbit/candles/") == 1
    assert caplog.text.count("waiting") == 1
    assert on_bucket("two").read("KRW-BTC", "1m")["close"].to_list() == [3.0]


def test_a_page_that_meets_nothing_but_deletions_is_told_so(filled, candles, monkeypatch, with_own):
    with monkeypatch.context() as patch:
        patch.setattr(filled.objects._store, "delete", lambda _: None)
        filled.drop("KRW-BTC", "1m")
    monkeypatch.setattr(pages, "_TRIES", 2)
    with_own(pages, pages.time, sleep=lambda _: None)
    with_own(patience, patience.time, sleep=lambda _: None)
    with pytest.raises(
        NotWritable, match=r"was deleted, and the store has not said .*\n.*again in"
    ):
        filled.append("KRW-BTC", "1m", candles([0]), Spans([(0, MINUTE)]))
