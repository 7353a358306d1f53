"""Wrong arguments of a call, answered with the right ones."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, TypeVar, cast

from marketkit.errors import WrongArgument, nearest

T = TypeVar("T", bound=type[Any])
C = TypeVar("C", bound=Callable[..., Any])

# Words of other libraries for an argument, and ours; the first that the call has is meant.
_OTHERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("ticker", "tickers", "symbol", "market", "markets", "code"), ("symbols",)),
    **dict.fromkeys(("interval", "unit", "period", "resolution"), ("timeframe",)),
    **dict.fromkeys(("to", "until", "to_date"), ("end",)),
    **dict.fromkeys(("since", "from_", "fromDatetime", "from_date", "begin"), ("start",)),
    **dict.fromkeys(("limit", "n", "days_ago", "size"), ("count",)),
    **dict.fromkeys(("timezone", "zone", "time_zone"), ("tz",)),
    **dict.fromkeys(("format", "output", "as_"), ("frame",)),
    "fiat": ("quote",),
    "channels": ("channel",),
}
# What stands in place of an argument that is missing.
_SUCH_AS = {
    "symbols": "'KRW-BTC'",
    "timeframe": "'1m'",
    "channel": "'ticker'",
    "channels": "'trade'",
    "start": "start='-30d'",
    "to": "to='folder'",
}


def explained(kind: T) -> T:
    """Have the public calls of a class, and the constructor, raise `WrongArgument`."""
    for name, member in list(vars(kind).items()):
        if isinstance(member, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(kind, name, explaining(member, kind.__name__ if name == "__init__" else name))
    return kind


def explaining(function: C, name: str = "") -> C:
    """Make a function that raises `WrongArgument` for arguments that do not fit."""
    name = name or function.__name__
    is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
    made = _awaited(function, name) if is_async else _called(function, name)
    return cast("C", functools.update_wrapper(made, function))


def _called(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:  # only then: nothing is looked at while all is well
            check(function, name, args, kwargs)
            raise

    return call


def _awaited(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        check(function, name, args, kwargs)  # an async function would raise when it is awaited
        return function(*args, **kwargs)

    return call


def check(
    function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Raise `WrongArgument` for arguments that a function does not take."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        taken = list(signature.parameters.values())
        own = taken[1:] if taken and taken[0].name == "self" else taken
        given = args[len(taken) - len(own) :]
        said = next(_faults(own, given, kwargs), "cannot be called so")
        raise WrongArgument(f"{name}() {said}") from None


def _faults(
    own: list[inspect.Parameter], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[str]:
    """Name the faults, the plainest first."""
    names = [each.name for each in own]
    by_place = [each.name for each in own if each.kind is each.POSITIONAL_OR_KEYWORD]
    for key in kwargs:
        if key not in names:
            yield f"got an unexpected keyword {key!r}{_meant(key, names)}"
    if len(args) > len(by_place):
        places = ", ".join(by_place) or "nothing"
        yield f"takes {places} by position: write {_named(args[len(by_place)], names)}"
    for twice in set(by_place[: len(args)]) & set(kwargs):
        yield f"got {twice!r} twice, by position and by name"
    for each in own:
        needed = each.default is each.empty and each.kind is not each.VAR_KEYWORD
        if needed and each.name not in {*by_place[: len(args)], *kwargs}:
            such = f", such as {_SUCH_AS[each.name]}" if each.name in _SUCH_AS else ""
            yield f"needs {each.name}{such}"


def _meant(key: str, names: list[str]) -> str:
    for ours in _OTHERS.get(key, ()):
        if ours in names:
            return f", did you mean {ours!r}?"
    hint = nearest(key, names)
    return f",{hint[1:]}" if hint else f" (it takes {', '.join(names)})"


def _named(value: object, names: list[str]) -> str:
    """Guess the name that a value too many by position should have."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    for name in ("count", "depth") if whole else ("start", "frame"):
        if name in names:
            return f"{name}={value!r}"
    return f"{value!r} with its name (one of {' '.join(names)})"
