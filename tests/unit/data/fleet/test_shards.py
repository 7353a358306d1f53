"""The shards of a list of markets: disjoint, complete, the same tomorrow."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.data.fleet.shards import Shard
from marketkit.errors import InputError
from tests.waiting import PATIENCE

SYMBOLS = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=60)
MARKETS = [
    f"KRW-{first}{second}" for first in "ABCDEFGHIJKLMNOPQ" for second in "ABCDEFGHIJKLMNOPQ"
]


@given(SYMBOLS, st.integers(1, 12))
def test_each_symbol_is_in_one_shard_and_in_the_same_whatever_else_is_listed(symbols, parts):
    shards = [Shard(number, parts).of(symbols) for number in range(1, parts + 1)]
    assert sorted(symbol for shard in shards for symbol in shard) == sorted(symbols)
    for number, shard in enumerate(shards, 1):
        assert Shard(number, parts).of(shard) == shard
        assert Shard(number, parts).of(symbols[1:]) == [s for s in shard if s != symbols[0]]
        assert [s for s in symbols if s in set(shard)] == shard  # their order


def test_another_process_has_the_same_shard():
    program = (
        "import sys; from marketkit.data.fleet.shards import Shard;"
        " print(*Shard.read('2/3').of(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *MARKETS[:20]]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert told.stdout.split() == Shard(2, 3).of(MARKETS[:20])


def test_shards_of_many_markets_are_of_like_size():
    sizes = [len(Shard(number, 10).of(MARKETS)) for number in range(1, 11)]
    assert min(sizes) > 15
    assert max(sizes) < 45


@pytest.mark.parametrize("text", ["1/1", "3/10", "10/10", " 3/10 ", "03/10"])
def test_a_shard_is_read_and_written_alike(text):
    assert Shard.read(str(Shard.read(text))) == Shard.read(text)


@pytest.mark.parametrize(
    "text",
    ["0/10", "11/10", "x", "", "3", "3/", "/10", "-1/10", "3/10/2", "3.0/10", "1/0", "\u0663/10"],
)
def test_what_is_no_shard_is_refused_with_an_example(text):
    with pytest.raises(InputError, match=r"write 3/10|of ten the first is 1/10"):
        Shard.read(text)
