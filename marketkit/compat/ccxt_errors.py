"""Errors in the words of ccxt: real classes where ccxt is installed, else look-alikes."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
from collections.abc import Iterator

from marketkit import errors
from marketkit.errors import MarketkitError

# The part of ccxt's tree that reading public data can raise: a class and its base.
BASES = {
    "BaseError": "Exception",
    "ExchangeError": "BaseError",
    "ArgumentsRequired": "ExchangeError",
    "AuthenticationError": "ExchangeError",
    "BadRequest": "ExchangeError",
    "BadSymbol": "BadRequest",
    "NotSupported": "ExchangeError",
    "OperationFailed": "BaseError",
    "BadResponse": "OperationFailed",
    "NetworkError": "OperationFailed",
    "DDoSProtection": "NetworkError",
    "ExchangeNotAvailable": "NetworkError",
    "OnMaintenance": "ExchangeNotAvailable",
    "RateLimitExceeded": "NetworkError",
    "RequestTimeout": "NetworkError",
}
# The first that fits, so leaves come before their bases.
_MEANINGS: tuple[tuple[type[MarketkitError], str], ...] = (
    (errors.UnknownSymbol, "BadSymbol"),
    (errors.InputError, "BadRequest"),
    (errors.TimedOut, "RequestTimeout"),
    (errors.NetworkError, "NetworkError"),
    (errors.RateLimited, "RateLimitExceeded"),
    (errors.Banned, "DDoSProtection"),
    (errors.ServerFailed, "ExchangeNotAvailable"),
    (errors.BadResponse, "BadResponse"),
    (MarketkitError, "ExchangeError"),
)


@functools.cache
def error_class(name: str) -> type[Exception]:
    """Give a class of ccxt's errors by name. Raises `KeyError` for unknown names.

    Where ccxt is installed, it is imported by the first call, which takes seconds.
    """
    base = BASES[name]
    if importlib.util.find_spec("ccxt") is not None:
        found: type[Exception] = getattr(importlib.import_module("ccxt"), name)
        return found
    bases = (Exception if base == "Exception" else error_class(base),)
    return type(name, bases, {"__module__": "marketkit.compat.ccxt", "__doc__": f"As ccxt.{name}."})


def translated(error: MarketkitError) -> Exception:
    """Give the error that ccxt would raise, with the message of ours behind the exchange's name."""
    name = next(name for kind, name in _MEANINGS if isinstance(error, kind))
    return error_class(name)(f"upbit {error}")


@contextlib.contextmanager
def in_its_words() -> Iterator[None]:
    """Raise ccxt's errors for ours, which are their cause."""
    try:
        yield
    except MarketkitError as error:
        raise translated(error) from error
