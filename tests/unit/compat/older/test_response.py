"""A response is a mapping, a list, a truth value and something to await."""

from __future__ import annotations

import asyncio
import json

import pandas as pd
import polars as pl
import pytest

from marketkit.compat.older.models import DataSourceType, StreamType
from marketkit.compat.older.response import DataResponse, ResponseMetadata, Rows
from marketkit.errors import UnknownSymbol

ROWS = [{"market": "KRW-BTC", "trade_price": 2.0}, {"market": "KRW-ETH", "trade_price": 1.0}]


@pytest.fixture
def listed():
    found = {row["market"]: row for row in ROWS}
    return DataResponse(success=True, data=Rows(ROWS, found))


def test_a_list_is_a_list_and_is_found_under_the_older_key(listed):
    rows = listed.data
    assert rows == rows["_list_data"] == rows.get("_list_data") == ROWS
    assert rows[0] == rows["KRW-BTC"] == ROWS[0]
    assert rows[-1:] == ROWS[1:]
    assert "_list_data" in rows
    assert "KRW-ETH" in rows
    assert ROWS[0] in rows
    assert "KRW-XRP" not in rows
    assert rows.get("KRW-XRP") is None
    assert dict(rows).keys() == {"_list_data", "KRW-BTC", "KRW-ETH"}


def test_frames_and_json_see_a_list(listed):
    assert pd.DataFrame(listed.data)["market"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert pl.DataFrame(listed.data)["market"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert json.loads(json.dumps(listed.data)) == ROWS


def test_the_helpers_give_one_all_or_a_list(listed):
    assert listed.get_list() == listed.get_all() == ROWS
    assert listed.get_single() == ROWS[0]
    assert listed.get_single("KRW-ETH") == ROWS[1]
    assert listed.get_single("KRW-XRP") is None
    one = DataResponse(success=True, data=ROWS[0])
    assert one.get_list() == [ROWS[0]]
    assert one.get_single() == one.get_all() == ROWS[0]
    nothing = DataResponse(success=False)
    assert nothing.get_list() == []
    assert nothing.get_single() is nothing.get("market") is None


def test_keys_of_the_payload_are_keys_of_the_response(listed):
    one = DataResponse(success=True, data=ROWS[0])
    assert one["trade_price"] == 2.0
    assert "trade_price" in one
    assert dict(one) == ROWS[0]
    assert len(one) == 2
    assert one.get("nothing", 3) == 3
    assert [row["market"] for row in listed] == ["KRW-BTC", "KRW-ETH"]
    assert listed["_list_data"] == ROWS
    assert list(DataResponse(success=False)) == []


def test_a_response_is_true_where_it_delivered(listed):
    assert listed
    assert not DataResponse(success=False)


def test_the_error_is_told_under_both_names_and_raised_on_request():
    failed = DataResponse(
        success=False, error_message="no such market", exception=UnknownSymbol("KRW-NO")
    )
    assert failed.error == failed.error_message == "no such market"
    with pytest.raises(UnknownSymbol):
        failed.raise_for_error()
    fine = DataResponse(success=True)
    assert fine.raise_for_error() is fine


def test_metadata_has_keys_and_attributes():
    metadata = ResponseMetadata(source="cache")
    assert metadata["source"] == metadata.source == "cache"
    with pytest.raises(AttributeError, match="nothing"):
        _ = metadata.nothing


def test_a_dictionary_of_it_goes_into_json(listed):
    told = DataResponse(
        success=True,
        data=listed.data,
        data_source_type=DataSourceType.CACHE,
        stream_type=StreamType.TICKER,
        failures={"KRW-NO": UnknownSymbol("KRW-NO")},
    ).to_dict()
    read = json.loads(json.dumps(told))
    assert read["data_source_type"] == read["data_source"] == "cache"
    assert read["stream_type"] == "ticker"
    assert "KRW-NO" in read["failures"]
    assert read["data"] == ROWS


def test_it_prints_in_a_line_and_not_its_data(listed):
    assert repr(listed) == "DataResponse(2 objects from error in 0.0 ms)"
    one = DataResponse(success=True, data=ROWS[0], data_source_type=DataSourceType.CACHE)
    assert repr(one) == "DataResponse(1 object from cache in 0.0 ms)"
    partial = DataResponse(success=True, data=Rows(), error_message="KRW-NO: unknown")
    assert repr(partial).endswith("; KRW-NO: unknown)")
    failed = DataResponse(success=False, error_message="no such market")
    assert repr(failed) == "DataResponse(failed: no such market)"


def test_it_can_be_awaited(listed):
    async def wait():
        return await listed

    assert asyncio.run(wait()) is listed
