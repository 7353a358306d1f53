"""The sandbox as a running server: in a thread for tests, in the foreground for the shell."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from marketkit.disk.system import interrupt, interrupt_main_alone, on_ending
from marketkit.sandbox.app import App
from marketkit.sandbox.archive.counter import Counter as ArchiveCounter
from marketkit.sandbox.clock import Clock
from marketkit.sandbox.control import moment, numbers
from marketkit.sandbox.desk import Desk
from marketkit.sandbox.faults import Faults, of_requests, of_streams
from marketkit.sandbox.faulty.strikes import Strike
from marketkit.sandbox.history import markets_of
from marketkit.sandbox.limits import DEFAULT_RATE, Rate, Visitors, WindowKind, rates
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.odd import Odd, Rule
from marketkit.sandbox.reply import LimitBody
from marketkit.sandbox.serving import ExchangeServer, listen, server
from marketkit.sandbox.spelling import Spelling
from marketkit.sandbox.stream.faults import StreamFaults
from marketkit.sandbox.stream.hub import Hub
from marketkit.sandbox.stream.line import Showcase
from marketkit.sandbox.stream.rules import StreamRules
from marketkit.sandbox.stream.switches import Setting
from marketkit.sandbox.truth import closed_candles

if TYPE_CHECKING:
    import polars as pl


class Sandbox:
    """An Upbit-compatible exchange on 127.0.0.1.

    `history` is a mapping like {"KRW-DOGE:1m": path}, a directory of such files or the root of a
    candle lake; without it the markets come from `seed`. The clock starts at `now` (ISO text, UTC
    without offset; an aware datetime; or ms), by default five minutes after the newest history
    file, so that all of it is final, or at the machine's time for a seed; it runs `speed` times
    as fast as real time, 0 stands still. `limit` is (requests, seconds) for every group, or a
    mapping by the wire's group names; windows, `latency_ms` and `jitter_ms` run in real time.
    `faults` gives probabilities by kind, of requests (`Faults`) and of websockets (`StreamFaults`).
    `archive` is the address of zip files of the same history, as published by the clock.

    The websocket is at the endpoint's /websocket/v1. It streams the history that REST answers
    from, in the order of the sandbox clock: idle time, heartbeats and snapshots run at its speed,
    the limits of handshakes (group "websocket") and messages in real time; `stream` has the rest
    of its rules. While the clock stands only snapshots, lists and errors are sent; `advance` and
    `set_clock` return when all that became due has been written to the sockets.

    Use it as a context manager: the server runs in a thread of its own.

    Raises `InputError` for arguments that make no sense and for unreadable history.
    """

    def __init__(
        self,
        history: Mapping[str, str | Path] | str | Path | None = None,
        *,
        seed: int = 1,
        now: str | int | datetime | None = None,
        speed: float = 1.0,
        latency_ms: float = 0.0,
        jitter_ms: float = 0.0,
        spelling: Spelling = "wire",
        limit: Rate | Mapping[str, Rate] = DEFAULT_RATE,
        limit_window: WindowKind = "first-call",
        limit_body: LimitBody = "text",
        ban_after: int = 0,
        faults: Mapping[str, float] | None = None,
        stream: StreamRules | None = None,
        port: int = 0,
    ) -> None:
        numbers(speed=speed, latency_ms=latency_ms, jitter_ms=jitter_ms, ban_after=ban_after)
        sources, start = markets_of(history, seed)
        self._markets = Markets(sources, seed)
        desk = Desk(self._markets, spelling)
        clock = Clock(start if now is None else moment(now), speed)
        odd = Odd()
        limits = Visitors(rates(limit), limit_window, ban_after)
        self._app = App(
            desk,
            clock,
            limits,
            Faults(of_requests(faults or {}), seed),
            Hub(
                self._markets,
                showcase=Showcase(spelling, desk.tickers, odd),
                clock=clock,
                limits=limits,
                faults=StreamFaults(of_streams(faults or {}), seed),
                rules=stream or StreamRules(),
            ),
            odd,
            ArchiveCounter(self._markets),
            latency_ms / 1000,
            jitter_ms / 1000,
            limit_body,
        )
        self._port = port
        self._server: ExchangeServer | None = None
        self._thread: threading.Thread | None = None
        self.endpoint = ""

    def __enter__(self) -> Self:
        interrupt_main_alone()  # else Ctrl-C meets the server's thread, too
        listener, listening = self._listen(), threading.Event()
        self._server = server(self._app, self._app.hub.protocol, listening.set)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="marketkit-sandbox", daemon=True
        )
        self._thread.start()
        listening.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server; answers still under way are given up after a second."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None

    def serve(self, ready: Callable[[str], None]) -> None:
        """Run in the foreground until SIGINT or SIGTERM; call `ready(endpoint)` once listening."""
        listener = self._listen()
        # The server raises the signal again when it has shut down: both then end quietly.
        with suppress(KeyboardInterrupt), on_ending(interrupt):
            server(self._app, self._app.hub.protocol, lambda: ready(self.endpoint)).run([listener])

    def _listen(self) -> socket.socket:
        listener = listen(self._port)
        self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return listener

    @property
    def archive(self) -> str:
        """Return the address of the archive of zip files of this history."""
        return f"{self.endpoint}/archive"

    def now(self) -> int:
        """Return the sandbox's time (ms UTC)."""
        return self._app.clock.now()

    def set_clock(
        self, now: str | int | datetime | None = None, speed: float | None = None
    ) -> None:
        """Jump to `now` and go on at `speed`; None leaves either unchanged.

        Returns when all that is due on websockets by then has been written to them.
        """
        self._app.clock.set(None if now is None else moment(now), speed)
        self._await(self._app.hub.settle)

    def advance(self, seconds: float) -> None:
        """Let so much sandbox time pass at once; as `set_clock`, all that is due is written."""
        self.set_clock(self.now() + round(seconds * 1000))

    def replay(self, messages: Sequence[bytes]) -> None:
        """Send recorded or made-up messages to every open websocket, as fast as clients read.

        They go out as they are, one binary frame each, uncompressed, past subscriptions, faults
        and counts: for benchmarks and recorded sessions.
        """
        self._await(partial(self._app.hub.replay, messages))

    def _do(self, work: Callable[[], None]) -> None:
        """Do something in the server's loop, if there is one, and send all that became due."""
        if self._server is None or self._server.loop is None:
            work()
            return

        async def done() -> None:
            work()
            await self._app.hub.settle()

        self._await(done)

    def _await(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine in the server's loop, if there is one, and wait for the end."""
        loop = self._server.loop if self._server is not None else None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(work(), loop).result()

    def stats(self) -> dict[str, Any]:
        """Return the counts that /sandbox/stats answers with."""
        return self._app.stats()

    def reset_stats(self) -> None:
        """Set all counts to zero; rate windows go on."""
        self._app.reset_stats()

    def set_faults(self, faults: Mapping[str, float]) -> None:
        """Put another table of faults in place of the old one."""
        self._app.set_faults(faults)

    def strike(
        self,
        kind: str,
        times: int | None = 1,
        seconds: float | None = None,
        *,
        value: str | float | None = None,
        path: str | None = None,
        symbol: str | None = None,
        after: int = 0,
    ) -> None:
        """Let a fault strike at the next so many chances, None for all; the first `after` pass.

        See `Faults` and `StreamFaults` for the kinds and their values; `seconds` is another name
        for that of a silence. `path` ("market", "ticker", "orderbook", "candles", "trades",
        "archive") and `symbol` (for the archive also the name of a file, "listing", "zip" or
        "checksum") narrow a fault of requests: all strike that one meets; `none` forgets.

        Raises `InputError` for an unknown kind or path, and for a value that makes no sense.
        """
        value = seconds if value is None else value
        text = None if value is None else str(value)
        self._app.strike(Strike(kind, times, text, path, symbol, after))

    def set_market(
        self,
        symbol: str,
        event: str,
        *,
        at: str | int | datetime | None = None,
        to: str | None = None,
    ) -> None:
        """Have something happen to a market at a moment of the sandbox's clock, by default now.

        Events: `list` (a market begins to exist: no history before), `end` (it leaves the list,
        its code is a 404, its streams fall silent after a DELISTED ticker), `rename` (the code
        ends, and `to`, a new one, goes on with the history), `pause` (PREVIEW: listed, without
        trades, order book and ticker), `resume`, and `warn` (market_event.warning is true, and
        `to`, an ISO date, is the delisting_date of tickers on websockets).

        Raises `InputError` for an unknown event or market, and for a code that makes no sense.
        """
        when = self.now() if at is None else moment(at)
        self._do(partial(self._app.set_market, Order(symbol, event, when, to)))

    def set_odd(self, kind: str, symbol: str | None = None, *, path: str | None = None) -> None:
        """Have a market's row be odd in every body, from now on; see `Odd` for the kinds.

        Without `symbol` it is the middle row of each body. `path` narrows it as in `strike`, or to
        "stream". `odd-code` adds `symbol` to the markets, say "KRW-BRK.B" or "USDT-币安人生".
        `none` forgets all that was set for the symbol, or for all without one.

        Raises `InputError` for an unknown kind or path, and for a code that makes no sense.
        """
        self._do(partial(self._app.set_odd, Rule(kind, symbol, path)))

    def set_stream(
        self,
        symbol: str | None = None,
        *,
        silent: bool | None = None,
        break_every: float | None = None,
        opens: bool | None = None,
    ) -> None:
        """Turn switches of the websockets; None leaves one alone.

        `silent` stops the frames of a market, without `symbol` of all; `break_every` resets every
        connection so many real seconds after it was made, 0 never; with `opens=False` handshakes
        get no answer. Raises `InputError` for breaks in less than no time.
        """
        self._do(partial(self._app.set_stream, Setting(symbol, silent, break_every, opens)))

    def connections(self) -> list[dict[str, Any]]:
        """Return every websocket, oldest first: messages, violations, subscriptions, end."""
        return self._app.hub.rows()

    def requests(self) -> list[dict[str, Any]]:
        """Return the latest routed requests, oldest first; one being answered has no status yet."""
        return list(self._app.requests)

    def candles(self, symbol: str, timeframe: str, start: int, end: int) -> pl.DataFrame:
        """Return the exchange's own truth: candles that start in [start, end) and are over.

        Straight from the history: `time` (ms UTC), open, high, low, close, volume, value.
        """
        return closed_candles(
            self._markets.sources(), symbol, timeframe, start=start, end=end, now=self.now()
        )
