"""The sync twin of the provider: the same calls, waited for on one background loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from marketkit.api.address import Address, opened
from marketkit.api.backfill_calls import BackfillMethods
from marketkit.api.board import Steps, board_steps, take
from marketkit.api.calls import DataMethods
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.response import DataResponse
from marketkit.frames import DEFAULTS, Defaults, FrameKind
from marketkit.net.engine import engine
from marketkit.notebook.arguments import explained, explaining
from marketkit.notebook.card import Card, Shown
from marketkit.window import UTC_DAYS

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

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


def stepwise(
    method: Callable[Concatenate[AsyncSmartDataProvider, P], Coroutine[Any, Any, None]],
    steps: Callable[..., Steps],
) -> Callable[Concatenate[SmartDataProvider, P], None]:
    """Make the sync twin of a method that draws: the steps, taken in the caller's thread."""

    def call(self: SmartDataProvider, /, *args: P.args, **kwargs: P.kwargs) -> None:
        take(steps(self.twin, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


@explained
class SmartDataProvider(
    DataMethods["pl.DataFrame", "pd.DataFrame", "pa.Table"], BackfillMethods, Shown
):
    """Market data of one Upbit endpoint, with a lake behind; for scripts and notebooks alike.

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
        address: str | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        session: str = UTC_DAYS,
    ) -> None:
        self.twin = AsyncSmartDataProvider(
            endpoint=endpoint,
            region=region,
            lake=lake,
            limits=limits,
            settle=settle,
            timeout=timeout,
            offline=offline,
            address=address,
            frame=frame,
            tz=tz,
            session=session,
        )
        endpoints = self.twin.endpoints
        place = replace(self.twin.address, kind=type(self))
        super().__init__(endpoints, endpoints.frame, place, Defaults(frame, tz, session))
        self._backfills = endpoints.backfills

    close = blocking(AsyncSmartDataProvider.aclose)
    status = blocking(AsyncSmartDataProvider.status)
    doctor = blocking(AsyncSmartDataProvider.doctor)
    exchange_time = blocking(AsyncSmartDataProvider.exchange_time)
    watch = blocking(AsyncSmartDataProvider.watch)
    live = blocking(AsyncSmartDataProvider.live)
    record = blocking(AsyncSmartDataProvider.record)
    plan = blocking(AsyncSmartDataProvider.plan)
    board = stepwise(AsyncSmartDataProvider.board, board_steps)

    @property
    def with_response(
        self,
    ) -> DataMethods[
        DataResponse[pl.DataFrame], DataResponse[pd.DataFrame], DataResponse[pa.Table]
    ]:
        """The same calls, giving a `DataResponse`: a frame with sources, ages and failures.

        What would be a `PartialResult` is a response whose `success` is False.
        """
        endpoints = self.twin.endpoints
        return DataMethods(endpoints, endpoints.response, self.address, self._defaults)

    def adopt(self, defaults: Defaults) -> None:
        """Share defaults, and let these have the exchange's time."""
        self._defaults = defaults
        self.twin.adopt(defaults)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        is_default = default_provider.cache_info().currsize and default_provider() is self
        if is_default and not _configured and Defaults() == DEFAULTS:
            return default_provider, ()  # the one over there is the other process's own
        return opened, (self.address,)

    def __repr__(self) -> str:
        return repr(self.twin).removeprefix("Async")

    def _card(self) -> Card:
        return replace(self.twin._card(), title=type(self).__name__)  # noqa: SLF001 - of the twin


_configured: dict[str, Any] = {}  # the arguments of `configure` that make a provider


@functools.cache
def default_provider() -> SmartDataProvider:
    """Give the provider behind the module-level functions, made on first use."""
    provider = SmartDataProvider(**_configured)
    provider.adopt(DEFAULTS)
    return provider


@explaining
def configure(
    *,
    frame: FrameKind | None = None,
    tz: str | None = None,
    session: str | None = None,
    endpoint: str | None = None,
    region: str | None = None,
    lake: str | Path | None = None,
    limits: Mapping[str, tuple[int, float]] | None = None,
    settle: float | None = None,
    timeout: float | None = None,
    offline: bool | None = None,
    address: str | None = None,
) -> Defaults:
    """Set the defaults of the functions of the package once; give the ones in force.

    `frame`, `tz` and `session` are for all calls that do not say their own, `read_recording` among
    them; the others are those of `SmartDataProvider`. What is not given stays as it is, so that a
    cell may be run again. Functions that were imported by name follow; feeds, series and jobs that
    are open go on as they were opened. Raises `InputError` and changes nothing for a bad value.

    >>> configure(tz="Asia/Seoul").tz
    'Asia/Seoul'
    >>> configure(tz="UTC")
    Defaults(frame='polars', tz='UTC', session='00:00 UTC')
    """
    Defaults(DEFAULTS.frame_of(frame), DEFAULTS.tz_of(tz), DEFAULTS.session_of(session))
    given = {
        "endpoint": endpoint,
        "region": region,
        "lake": lake,
        "limits": limits,
        "settle": settle,
        "timeout": timeout,
        "offline": offline,
        "address": address,
    }
    _open_again({name: value for name, value in given.items() if value is not None})
    DEFAULTS.set(frame, tz, session)
    return replace(DEFAULTS)


def _open_again(given: Mapping[str, Any]) -> None:
    """Give the default provider new arguments, unless these are the same."""
    if not given:
        return
    wanted = {**_configured, **given}
    for name, other in (("region", "endpoint"), ("endpoint", "region")):
        if name in given and other not in given:
            wanted.pop(other, None)  # each is in place of the other
    fresh = SmartDataProvider(**wanted)
    _configured.clear()
    _configured.update(wanted)
    if default_provider.cache_info().currsize:
        provider = default_provider()
        if replace(fresh.address, **_shape(provider.address)) != provider.address:
            SmartDataProvider.__init__(provider, **wanted)  # the same object: calls stay bound
            provider.adopt(DEFAULTS)


def _shape(address: Address) -> dict[str, Any]:
    return {"frame": address.frame, "tz": address.tz, "session": address.session}
