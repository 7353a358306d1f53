"""Files are judged market by market where their rows are too many to be held at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.data.lake.transfer import batches
from marketkit.data.lake.transfer.batches import Batches
from marketkit.errors import InputError
from tests.unit.data.lake.conftest import make_candles
from tests.unit.data.lake.transfer.tables import table

MINUTE = 60_000


def of(*tables, one=False):
    """Batch tables in place of files, and count how often each is read."""
    files = [Path(str(number)) for number in range(len(tables))]
    reads = []

    def read(paths):
        for path in paths:
            reads.append(int(path.name))
            yield tables[int(path.name)]

    return Batches(files, read, one), reads


BTC, ETH = table([0, 1], symbol="KRW-BTC"), table([0, 1, 2], symbol="KRW-ETH")
BOTH = table([5, 5], symbol=["KRW-BTC", "KRW-ETH"])
NAMED = table([9], market="KRW-ETH")


def test_what_can_be_held_is_read_once_and_is_one_batch():
    found, reads = of(BTC, InputError("bad"), ETH)
    assert [type(each) for each in found.survey()] == [type(BTC), InputError, type(ETH)]
    assert found.numbers() == [[0, 2]]
    assert [each.rows.height for _, each in found.load([0, 2])] == [2, 3]
    assert reads == [0, 1, 2]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ((BTC, ETH, BTC), [[1], [0, 2]]),
        ((BTC, ETH, NAMED), [[0], [1, 2]]),
        ((BTC, ETH, BOTH), [[0, 1, 2]]),
    ],
)
def test_files_that_share_a_market_are_in_one_batch_and_read_again(monkeypatch, tables, expected):
    monkeypatch.setattr(batches, "_HELD", 4)
    found, reads = of(*tables)
    list(found.survey())
    assert found.numbers() == expected
    assert [each.rows.height for _, each in found.load([1])] == [3]
    assert reads == [0, 1, 2, 1]


def test_one_market_is_one_batch_however_many_rows(monkeypatch):
    monkeypatch.setattr(batches, "_HELD", 1)
    found, _ = of(BTC, BTC, one=True)
    list(found.survey())
    assert found.numbers() == [[0, 1]]


def test_an_import_in_batches_comes_to_the_same_and_writes_nothing_for_a_bad_file(
    lake, tmp_path, monkeypatch
):
    monkeypatch.setattr(batches, "_HELD", 4)
    told = {"timeframe": "1m", "settled": True, "tz": "UTC"}
    start = 1_704_067_200_000
    for name in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
        rows = make_candles(range(start, start + 3 * MINUTE, MINUTE), name)
        rows.write_parquet(tmp_path / f"{name}.parquet")
    rows.with_columns(low=-1.0).write_parquet(tmp_path / "KRW-XRP.parquet")
    with pytest.raises(InputError, match=r"KRW-XRP.parquet: 3 rows refused"):
        lake.import_(sorted(tmp_path.glob("*.parquet")), **told)
    assert not lake.root.exists()
    came = lake.import_(sorted(tmp_path.glob("*.parquet")), **told, on_error="skip")
    assert [(each.symbol, each.changed, each.files) for each in came] == [
        ("KRW-BTC", 3, 1),
        ("KRW-ETH", 3, 1),
    ]
    assert len(came.failures) == 1
