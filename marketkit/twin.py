"""The sync twin of the provider: one line a method, over one background loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from marketkit.net.engine import engine
from marketkit.provider import AsyncSmartDataProvider

P = ParamSpec("P")
T = TypeVar("T")


def blocking(
    method: Callable[Concatenate[AsyncSmartDataProvider, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SmartDataProvider, P], T]:
    """Make the sync twin of a method: the same call, waited for on the engine."""

    def call(self: SmartDataProvider, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return engine().run(method(self.twin, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def at_once(
    method: Callable[Concatenate[AsyncSmartDataProvider, P], T],
) -> Callable[Concatenate[SmartDataProvider, P], T]:
    """Give the sync provider a method that needs no waiting in either twin."""

    def call(self: SmartDataProvider, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return method(self.twin, *args, **kwargs)

    functools.update_wrapper(call, method)
    return call


class SmartDataProvider:
    """Market data of one Upbit endpoint, with a lake behind it; for scripts and notebooks alike.

    The sync twin of `AsyncSmartDataProvider`: the same arguments, methods and frames. It works
    inside a running event loop too, and Ctrl-C cancels the request, not only the wait.

    >>> SmartDataProvider(region="sg", lake="somewhere")
    SmartDataProvider(endpoint='https://sg-api.upbit.com', lake='somewhere')
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        lake: str | Path | None = None,
        limits: Mapping[str, tuple[int, float]] | None = None,
        settle: float = 60.0,
        timeout: float = 10.0,
    ) -> None:
        self.twin = AsyncSmartDataProvider(
            endpoint=endpoint,
            region=region,
            lake=lake,
            limits=limits,
            settle=settle,
            timeout=timeout,
        )

    get_market = blocking(AsyncSmartDataProvider.get_market)
    get_ticker = blocking(AsyncSmartDataProvider.get_ticker)
    get_orderbook = blocking(AsyncSmartDataProvider.get_orderbook)
    get_trade = blocking(AsyncSmartDataProvider.get_trade)
    get_candle = blocking(AsyncSmartDataProvider.get_candle)
    close = blocking(AsyncSmartDataProvider.aclose)
    backfill = at_once(AsyncSmartDataProvider.backfill)
    lake = at_once(AsyncSmartDataProvider.lake)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.twin).removeprefix("Async")


@functools.cache
def default_provider() -> SmartDataProvider:
    """Give the provider behind the module-level functions, made on first use."""
    return SmartDataProvider()
