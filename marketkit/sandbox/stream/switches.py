"""Switches of the websockets: markets that fall silent, links that break, doors that stay shut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from marketkit.errors import InputError


class Breakable(Protocol):
    """A connection as seen by the switches."""

    def reset(self, reason: str) -> None:
        """End the connection with a TCP reset."""
        ...


class Setting(NamedTuple):
    """What is to change; None leaves a switch as it is."""

    symbol: str | None = None
    silent: bool | None = None
    break_every: float | None = None
    opens: bool | None = None


class Switches:
    """The switches of one exchange.

    Of a `silent` market no frame is sent, no snapshot either, while all others go on. Every
    connection is reset `break_every` real seconds after it was made (0 is never), the open ones
    so long after the switch was set. Handshakes get no answer at all while `opens` is false.
    """

    def __init__(self) -> None:
        self.opens = True
        self._break_every = 0.0
        self._silent: set[str | None] = set()  # None stands for every market
        self._timers: dict[Breakable, asyncio.TimerHandle] = {}

    def apply(self, setting: Setting, connections: Iterable[Breakable]) -> None:
        """Change what a setting names, for the open connections too; in the loop they live in.

        Raises `InputError` for breaks in less than no time.
        """
        if setting.break_every is not None:
            if setting.break_every < 0:
                raise InputError(f"break_every {setting.break_every} is not 0 or more seconds")
            self._break_every = setting.break_every
            for connection in connections:
                self.watch(connection)
        if setting.opens is not None:
            self.opens = setting.opens
        if setting.silent is not None:
            self._hush(setting.symbol, silent=setting.silent)

    def _hush(self, symbol: str | None, *, silent: bool) -> None:
        if silent:
            self._silent.add(symbol)
        elif symbol is None:
            self._silent.clear()
        else:
            self._silent.discard(symbol)

    def is_silent(self, symbol: str) -> bool:
        """Whether no frame of a market is sent."""
        return not self._silent.isdisjoint((symbol, None))

    def watch(self, connection: Breakable) -> None:
        """Have a connection break in time, counted from now."""
        self.forget(connection)
        if self._break_every:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._break_every, connection.reset, "break")
            self._timers[connection] = timer

    def forget(self, connection: Breakable) -> None:
        """Let go of a connection."""
        timer = self._timers.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def state(self) -> dict[str, Any]:
        """Return every switch; a silent None is every market."""
        silent = sorted(self._silent, key=str)
        return {"silent": silent, "break_every": self._break_every, "opens": self.opens}
