"""The address of a provider: pickled in place of that, and opened anew in another process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from marketkit.frames import FrameKind
from marketkit.window import UTC_DAYS

_OPEN = 16  # addresses; a task that is sent a thousand times must not connect a thousand times


@dataclass(frozen=True, slots=True)
class Address:
    """The class of a provider, and all arguments, with nothing left to the environment.

    But for `own`, the machine's address if one was given: each machine says its own.
    """

    kind: Callable[..., Any]
    endpoint: str
    lake: str
    limits: tuple[tuple[str, tuple[int, float]], ...]
    settle: float
    timeout: float
    offline: bool
    frame: FrameKind = "polars"
    tz: str = "UTC"
    session: str = UTC_DAYS
    own: str | None = None


@functools.lru_cache(_OPEN)
def opened(address: Address) -> Any:
    """Give this process's provider at an address, made by the first call."""
    return address.kind(
        endpoint=address.endpoint,
        lake=address.lake,
        limits=dict(address.limits),
        settle=address.settle,
        timeout=address.timeout,
        offline=address.offline,
        frame=address.frame,
        tz=address.tz,
        session=address.session,
        address=address.own,
    )


def part_of(address: Address, path: str) -> Any:
    """Give a part of this process's provider at an address."""
    return attrgetter(path)(opened(address))
