"""The words of `bars`, handed on as they are or as the provider's defaults say."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from marketkit.api.bar_calls import BarMethods
from marketkit.api.bars import BarCall
from marketkit.frames import Defaults


class Bars(BarMethods[Any, Any, Any]):
    """The call of a provider that gives back what it is asked."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._bars: Any = type("", (), {"bars": None})
        self._answer = lambda _, *words: words


def test_every_word_of_the_call_is_handed_on():
    words = {
        "tick": 5, "volume": 2.5, "value": 7.5, "start": "-3d", "end": "-1d",
        "session": "09:00 UTC", "forming": True, "fill": "null",
    }  # fmt: skip
    symbols, call, options = Bars(Defaults()).bars(
        "KRW-BTC", "imbalance", **words, recording="tapes", frame="arrow", tz="Asia/Seoul",
        precision="decimal", priority="low", on_error="skip",
    )  # fmt: skip
    assert symbols == "KRW-BTC"
    assert call == BarCall("imbalance", **words, recording=Path("tapes"))
    assert options == ("arrow", "Asia/Seoul", "decimal", "low", "skip")


def test_what_the_call_leaves_open_is_as_the_provider_says():
    seoul = Defaults("pandas", "Asia/Seoul", "00:00 Asia/Seoul")
    _, call, options = Bars(seoul).bars("KRW-BTC", "1d", start="-1d")
    assert call == BarCall("1d", start="-1d", default_session="00:00 Asia/Seoul")
    assert options[:2] == ("pandas", "Asia/Seoul")


def test_the_call_has_a_word_for_each_of_its_words():
    taken = set(inspect.signature(BarMethods.bars).parameters)
    assert set(BarCall.__dataclass_fields__) - taken == {"default_session", "name"}
