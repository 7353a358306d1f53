"""Grouped order books: which levels a market has is said where the exchange gave no book."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from marketkit.api.instruments import Instruments
from marketkit.errors import InputError, MarketkitError, Refused
from marketkit.exchange.dialect import Priority

T = TypeVar("T")


async def ask_grouped(
    instruments: Instruments,
    names: Sequence[str],
    level: float,
    send: Callable[[Sequence[str]], Awaitable[Mapping[str, T | MarketkitError]]],
    priority: Priority,
) -> dict[str, T | MarketkitError]:
    """Ask for books of some symbols; a failure for want of this level names the levels.

    Of a level that it does not have the exchange says nothing, or (the region sites) refuses all.
    """
    refusal: Refused | None = None
    parts: dict[str, T | MarketkitError] = {}
    try:
        parts |= await send(names)
    except Refused as failure:
        if failure.status != 400:
            raise
        refusal = failure
    missing = [name for name in names if name not in parts]
    if not missing:
        return parts
    unfit = await unfit_for(instruments, missing, level, priority)
    fit = [name for name in missing if name not in unfit]
    if fit and unfit:
        parts |= await send(fit)
    elif refusal is not None and fit:
        raise refusal
    return {**parts, **unfit}


async def unfit_for(
    instruments: Instruments, names: Sequence[str], level: float, priority: Priority
) -> dict[str, InputError]:
    """Give the errors of the symbols that are known not to have a level."""
    told, _ = await instruments.of(names, priority)
    levels = dict(zip(told["symbol"], told["supported_levels"].to_list(), strict=True))
    return {
        name: InputError(f"level={level!r}: the levels of {name} are {', '.join(levels[name])}")
        for name in names
        if levels.get(name) and level not in map(float, levels[name])
    }
