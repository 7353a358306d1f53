"""The websocket's treatment of clients where the exchange's way is unknown or too slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from marketkit.errors import InputError
from marketkit.sandbox.limits import Rate

OverLimit = Literal["count", "close"]
_MESSAGES: Final[tuple[Rate, ...]] = ((5, 1.0), (100, 60.0))


@dataclass(frozen=True, slots=True)
class StreamRules:
    """`messages` limits one connection in real seconds; `idle_s` is sandbox time.

    What the exchange does above the message limits is recorded nowhere: by default the message
    counts as a violation and is served; "close" ends the connection with code 1008.
    `stray_frames` old streams send once more after a new request replaced them (0 to 2 were
    seen). `deflate=False` declines compression.
    """

    messages: tuple[Rate, ...] = _MESSAGES
    over_limit: OverLimit = "count"
    idle_s: float = 60.5
    stray_frames: int = 0
    deflate: bool = True

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.over_limit not in {"count", "close"}:
            raise InputError(f"over_limit {self.over_limit!r} is neither count nor close")
        if self.idle_s <= 0 or self.stray_frames < 0:
            raise InputError("idle_s is above 0 and stray_frames not below")
