"""The place of a lake: a folder or a bucket, told alike."""

from __future__ import annotations

import pickle

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.places.disk import Disk
from marketkit.errors import CorruptFile, InputError, LakeError, NotWritable
from marketkit.schema import TRADE


def test_a_lake_in_a_folder_is_that_folder(lake):
    assert (lake.url, lake.local, lake.where) == (None, lake.root, str(lake.root))
    assert isinstance(lake.objects, Disk)
    assert not lake.is_away(LakeError("full"))


def test_a_lake_in_a_bucket_has_a_folder_of_each_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
    lake = Lake("s3://team/upbit/")
    assert (lake.url, lake.where) == ("s3://team/upbit", "s3://team/upbit")
    assert lake.local.parent == tmp_path / "cache" / "mirrors"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert Lake("s3://team/upbit").local != lake.local  # another store's
    assert not (tmp_path / "cache").exists()  # nothing is asked or made yet
    assert lake.is_away(LakeError("no network"))
    assert not lake.is_away(CorruptFile("one object"))


def test_a_lake_in_a_bucket_travels_by_its_address(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
    lake = pickle.loads(pickle.dumps(Lake("gs://team/upbit", source="upbit_sg")))  # noqa: S301 - our own bytes
    assert (lake.url, lake.source) == ("gs://team/upbit", "upbit_sg")


@pytest.mark.parametrize("url", ["s3://", "s3:///lake", "gs://team/../x"])
def test_an_address_that_names_no_folder_of_a_bucket_is_refused(url):
    with pytest.raises(InputError):
        Lake(url)


def test_trades_are_refused_in_a_bucket_in_two_lines(on_bucket):
    lake = on_bucket()
    lake.require_writable()
    with pytest.raises(NotWritable, match="memory://team/upbit is a bucket") as told:
        lake.trades.append("KRW-BTC", pl.DataFrame(schema=TRADE), Spans([(0, 60_000)]))
    assert len(str(told.value).splitlines()) == 2
    assert lake.trades.catalog().is_empty()
