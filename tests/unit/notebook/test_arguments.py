"""Wrong arguments are answered with what to write."""

from __future__ import annotations

import inspect

import pytest

from marketkit.errors import InputError, WrongArgument
from marketkit.notebook.arguments import explained, explaining


@explained
class Shop:
    """Calls of all kinds."""

    def __init__(self, *, region=None):
        self.region = region

    def get_candle(self, symbols, timeframe, *, start=None, end=None, count=None, tz=None):
        """Give candles."""
        return symbols, timeframe, start, end, count, tz

    async def watch(self, symbols, channel, *, depth=None):
        """Watch."""
        return symbols, channel, depth

    def broken(self, value):
        """Raise a `TypeError` of its own."""
        return value + 1

    @property
    def size(self):
        """Give a number."""
        return 1

    def _hidden(self, value):
        return value


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda s: s.get_candle("KRW-BTC", "1m", cuont=5),
            "get_candle() got an unexpected keyword 'cuont', did you mean 'count'?",
        ),
        (
            lambda s: s.get_candle(ticker="KRW-BTC", interval="day"),
            "get_candle() got an unexpected keyword 'ticker', did you mean 'symbols'?",
        ),
        (lambda s: s.get_candle("KRW-BTC", interval="day"), "did you mean 'timeframe'?"),
        (lambda s: s.get_candle("KRW-BTC", "1m", to="2025-01-01"), "did you mean 'end'?"),
        (lambda s: s.get_candle("KRW-BTC", "1m", limit=5), "did you mean 'count'?"),
        (lambda s: s.get_candle("KRW-BTC", "1m", zzz=5), "'zzz' (it takes symbols, timeframe,"),
        (lambda s: s.get_candle("KRW-BTC"), "get_candle() needs timeframe, such as '1m'"),
        (lambda s: s.get_candle(timeframe="1m"), "get_candle() needs symbols, such as 'KRW-BTC'"),
        (
            lambda s: s.get_candle("KRW-BTC", "1m", 200),
            "get_candle() takes symbols, timeframe by position: write count=200",
        ),
        (lambda s: s.get_candle("KRW-BTC", "1m", "2025-01-01"), "write start='2025-01-01'"),
        (lambda s: s.get_candle("A", "1m", symbols="B"), "got 'symbols' twice"),
        (lambda s: s.watch("KRW-BTC"), "watch() needs channel, such as 'ticker'"),
        (lambda s: s.watch("KRW-BTC", "ticker", chanel="x"), "did you mean 'channel'?"),
        (lambda _: Shop(regoin="kr"), "Shop() got an unexpected keyword 'regoin', did you mean"),
        (lambda _: Shop("kr"), "Shop() takes nothing by position: write 'kr' with its name"),
    ],
)
def test_the_call_is_named_and_so_is_what_to_write(call, said):
    with pytest.raises(WrongArgument) as caught:
        call(Shop())
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InputError)


def test_an_async_call_is_refused_before_it_is_awaited():
    with pytest.raises(WrongArgument):
        Shop().watch()


def test_a_type_error_of_the_work_itself_stays_as_it_is():
    with pytest.raises(TypeError) as caught:
        Shop().broken("text")
    assert not isinstance(caught.value, WrongArgument)


def test_signature_name_and_doc_are_those_of_the_call():
    assert list(inspect.signature(Shop().get_candle).parameters)[:2] == ["symbols", "timeframe"]
    assert Shop.get_candle.__name__ == "get_candle"
    assert inspect.getdoc(Shop.get_candle) == "Give candles."
    assert Shop().size == 1
    assert Shop()._hidden(2) == 2


def test_a_function_alone_is_explained_by_its_name():
    @explaining
    def read(folder, channel=None):
        return folder, channel

    assert read("here") == ("here", None)
    with pytest.raises(WrongArgument, match=r"read\(\) needs folder"):
        read()
