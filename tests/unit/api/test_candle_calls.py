"""The words of `get_candle`, handed on as they are or as the provider's defaults say."""

from __future__ import annotations

import inspect
from typing import Any

from marketkit.api.candle_calls import CandleMethods
from marketkit.api.candles import CandleCall
from marketkit.frames import Defaults


class Candles(CandleMethods[Any, Any, Any]):
    """The call of a provider that gives back what it is asked."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._candles: Any = type("", (), {"candles": None})
        self._answer = lambda _, *words: words


def test_every_word_of_the_call_is_handed_on():
    words = {
        "start": "-30d", "end": "-1d", "count": 5, "forming": True, "fill": "null",
        "session": "09:00 Asia/Seoul", "derive": False, "source": "lake", "as_of": "then",
        "rename": {"KRW-A": "KRW-B"}, "wide": "close",
    }  # fmt: skip
    symbols, call, options = Candles(Defaults()).get_candle(
        "KRW-BTC", ["1m", "1h"], **words, frame="arrow", tz="Asia/Seoul",
        precision="decimal", priority="low", on_error="skip",
    )  # fmt: skip
    assert symbols == "KRW-BTC"
    assert call == CandleCall(["1m", "1h"], **words)
    assert options == ("arrow", "Asia/Seoul", "decimal", "low", "skip")


def test_what_the_call_leaves_open_is_as_the_provider_says():
    seoul = Defaults("pandas", "Asia/Seoul", "00:00 Asia/Seoul")
    _, call, options = Candles(seoul).get_candle("KRW-BTC", "1d")
    assert call == CandleCall("1d", default_session="00:00 Asia/Seoul")
    assert call.session is None
    assert options[:2] == ("pandas", "Asia/Seoul")


def test_the_call_has_a_word_for_each_of_a_candle_call():
    taken = set(inspect.signature(CandleMethods.get_candle).parameters)
    assert set(CandleCall.__dataclass_fields__) - taken == {"default_session"}
