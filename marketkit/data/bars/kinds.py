"""The kinds of bars, as callers name kinds. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Literal

from marketkit.errors import InputError
from marketkit.timeframe import EVERY, Timeframe, parse_timeframe
from marketkit.window import Session

Measure = Literal["tick", "volume", "value"]
Amount = float | Decimal

IMBALANCE = "imbalance"
_USUAL = Decimal(100)  # trades more of one side than of the other, where nothing else is given
# A trade is whole, a volume has eight places, and so has the price that a value is the product of.
_PLACES: dict[Measure, int] = {"tick": 0, "volume": 8, "value": 16}


@dataclass(frozen=True, slots=True)
class TimeBars:
    """Bars of the slots of a width, which begin as the exchange's do or as `session` says."""

    width: Timeframe
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class AmountBars:
    """Bars that end with the trade by which an amount is reached.

    That is a number of trades, a volume, or a value; with `imbalance` so much more of it bought
    than sold by takers, or sold than bought. No trade is split, and the next bar begins at zero.
    """

    measure: Measure
    amount: Decimal
    imbalance: bool = False

    @property
    def units(self) -> int:
        """The amount in the smallest units there are, of which all sums are exact."""
        scaled = self.amount.scaleb(_PLACES[self.measure])
        return int(scaled.to_integral_value(ROUND_CEILING))


Bars = TimeBars | AmountBars


def read_amount(
    name: str | None, *, tick: int | None, volume: Amount | None, value: Amount | None
) -> AmountBars | None:
    """Give the bars of an amount that a caller names, None for bars of a width.

    Raises `InputError` for none, for several, and for an amount that is not above zero.
    """
    given: dict[Measure, object] = {"tick": tick, "volume": volume, "value": value}
    amounts = {key: each for key, each in given.items() if each is not None}
    if name not in {None, IMBALANCE} and not amounts:
        return None
    if name not in {None, IMBALANCE} or len(amounts) > 1:
        words = [repr(name)] if name not in {None, IMBALANCE} else []
        named = " and ".join([*words, *(f"{key}=" for key in amounts)])
        raise InputError(f"{named}: bars are of one kind, so give one of them")
    if not amounts and name is None:
        widths = " ".join(each.name for each in EVERY)
        raise InputError(
            f"bars of what? Give a width ({widths}), tick=, volume=, value=, or 'imbalance'"
        )
    for measure, each in amounts.items():
        return AmountBars(measure, _amount(measure, each), imbalance=name == IMBALANCE)
    return AmountBars("tick", _USUAL, imbalance=True)


def width_of(name: str | Timeframe) -> Timeframe:
    """Give the width of bars of time. Raises `UnknownTimeframe`."""
    return parse_timeframe(name, made=True)


def _amount(measure: Measure, given: object) -> Decimal:
    """Give an amount without a loss: of a float the shortest decimal that means the same."""
    said = f"{measure}={given!r}"
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise InputError(f"{said}: give a number above zero")
    try:
        amount = Decimal(repr(given) if isinstance(given, float) else given)
    except InvalidOperation:
        raise InputError(f"{said}: give a number above zero") from None
    if not math.isfinite(amount) or amount <= 0:
        raise InputError(f"{said}: give a number above zero")
    if measure == "tick" and amount != int(amount):
        raise InputError(f"{said}: trades are counted, give a whole number")
    return amount
