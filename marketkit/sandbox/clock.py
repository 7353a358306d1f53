"""The sandbox's own time, which can be set, frozen and sped up."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Milliseconds UTC that run `speed` times as fast as the machine's; 0 stands still."""

    def __init__(
        self, now: int, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._start = (now, monotonic(), speed)

    def now(self) -> int:
        """Return the sandbox's time in ms."""
        origin, since, speed = self._start
        return origin + int((self._monotonic() - since) * 1000 * speed)

    @property
    def speed(self) -> float:
        """How many sandbox seconds pass in one real second."""
        return self._start[2]

    def set(self, now: int | None = None, speed: float | None = None) -> None:
        """Jump to `now` and go on at `speed`; None leaves either unchanged."""
        self._start = (
            self.now() if now is None else now,
            self._monotonic(),
            self.speed if speed is None else speed,
        )
