"""The parameters of the seven rules, each with the reason."""

from __future__ import annotations

from dataclasses import dataclass, fields

from marketkit.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The numbers of the seven rules; rates are shares of a price (0.01 is one percent).

    Sizes are in units of the first purchase of a position. Raises `InputError` for a number with
    which a rule makes no sense.
    """

    rsi_period: int = 14  # Wilder's own
    oversold: float = 30.0  # Wilder's own
    warm_up: int = 250  # candles: what came before them weighs less than 1e-8 in Wilder's mean
    silence: int = 30  # minutes without a candle after which indicators begin anew

    add_step: float = 0.005  # above the last purchase: five times both fees (0.05 % each)
    add_size: float = 0.5  # half, so that the average price stays near the first one
    add_times: int = 2  # a position of two units at most while winning

    profits: tuple[tuple[float, float], ...] = (
        (0.01, 0.5),  # half of the position, at twice the first step of adding
        (0.02, 1.0),  # the rest
    )

    trail_from: float = 0.006  # gain over the average price from which the stop trails
    trail: float = 0.004  # below the highest close: inside of `trail_from`, so in profit

    down_step: float = 0.01  # below the last purchase: further off than adding, which costs less
    down_size: float = 1.0  # a whole unit, or the average price hardly moves
    down_times: int = 2  # no more: a fall that goes on must not take all money there is

    crash: float = 0.01  # in a minute: thirty standard deviations of KRW-BTC in September 2025
    surge: float = 0.01  # the same upwards
    surge_hold: int = 10  # minutes in which a surge mostly goes on or comes back

    def __post_init__(self) -> None:
        """Check the numbers."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in {"add_times", "down_times"} and not value >= 0:
                raise InputError(f"{each.name}={value!r}: give a number, or 0 for never")
            if each.name not in {"add_times", "down_times", "profits"} and not value > 0:
                raise InputError(f"{each.name}={value!r}: give a number above 0")
        if not 2 <= self.rsi_period < self.warm_up:
            raise InputError(
                f"rsi_period={self.rsi_period}: give 2 or more, but less than the"
                f" warm_up={self.warm_up}"
            )
        gains = [gain for gain, _ in self.profits]
        if gains != sorted(set(gains)) or not all(0 < share <= 1 for _, share in self.profits):
            raise InputError(
                f"profits={self.profits!r}: give pairs of a gain and the share to sell (up to 1),"
                " the lowest gain first"
            )
