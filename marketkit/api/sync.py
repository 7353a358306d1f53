"""The sync twin of the provider: the same calls, waited for on one background loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from marketkit.api.address import opened
from marketkit.api.backfills import BackfillMethods
from marketkit.api.board import board_steps, take
from marketkit.api.calls import DataMethods
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.query import Symbols
from marketkit.api.response import DataResponse
from marketkit.exchange.dialect import Priority
from marketkit.net.engine import engine
from marketkit.notebook.card import Card, Shown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

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


class SmartDataProvider(DataMethods["pl.DataFrame", "pd.DataFrame"], BackfillMethods, Shown):
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
        offline: bool | None = None,
    ) -> None:
        self.twin = AsyncSmartDataProvider(
            endpoint=endpoint,
            region=region,
            lake=lake,
            limits=limits,
            settle=settle,
            timeout=timeout,
            offline=offline,
        )
        endpoints = self.twin.endpoints
        super().__init__(endpoints, endpoints.frame, replace(self.twin.address, kind=type(self)))
        self._backfills = endpoints.backfills

    close = blocking(AsyncSmartDataProvider.aclose)
    status = blocking(AsyncSmartDataProvider.status)
    doctor = blocking(AsyncSmartDataProvider.doctor)
    exchange_time = blocking(AsyncSmartDataProvider.exchange_time)
    watch = blocking(AsyncSmartDataProvider.watch)
    live = blocking(AsyncSmartDataProvider.live)
    record = blocking(AsyncSmartDataProvider.record)
    plan = blocking(AsyncSmartDataProvider.plan)

    @functools.wraps(AsyncSmartDataProvider.board)
    def board(  # noqa: D102 - as its twin
        self,
        symbols: Symbols = "KRW-*",
        *,
        rows: int | None = 30,
        seconds: float | None = None,
        new_listings: bool | None = None,
        tz: str | None = None,
        priority: Priority = "normal",
    ) -> None:
        options = {"new_listings": new_listings, "tz": tz, "priority": priority}
        take(board_steps(self.twin, symbols, rows, seconds, **options))

    @property
    def with_response(
        self,
    ) -> DataMethods[DataResponse[pl.DataFrame], DataResponse[pd.DataFrame]]:
        """The same calls, giving a `DataResponse`: the frame with its sources, ages and failures.

        What would be a `PartialResult` is a response whose `success` is False.
        """
        endpoints = self.twin.endpoints
        return DataMethods(endpoints, endpoints.response, self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if default_provider.cache_info().currsize and default_provider() is self:
            return default_provider, ()  # the one over there is the other process's own
        return opened, (self.address,)

    def __repr__(self) -> str:
        return repr(self.twin).removeprefix("Async")

    def _card(self) -> Card:
        return replace(self.twin._card(), title=type(self).__name__)  # noqa: SLF001 - of the twin


@functools.cache
def default_provider() -> SmartDataProvider:
    """Give the provider behind the module-level functions, made on first use."""
    return SmartDataProvider()
