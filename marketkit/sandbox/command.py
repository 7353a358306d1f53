"""`marketkit sandbox`: flags in, a serving exchange out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from marketkit.errors import InputError, MarketkitError
from marketkit.sandbox.control import number
from marketkit.sandbox.faults import KINDS
from marketkit.sandbox.limits import GROUPS, Rate, WindowKind, rates
from marketkit.sandbox.stream.faults import STREAM_KINDS

_WINDOWS: Final[tuple[WindowKind, ...]] = ("first-call", "sliding", "clock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's flags to a parser."""
    add = parser.add_argument
    said = "CSV or Parquet of one market, repeatable; or a directory of them; or a candle lake."
    add("--history", action="append", metavar="KRW-DOGE:1m=PATH|DIR", help=said)
    add("--lake", metavar="DIR", help="Serve the history of this candle lake.")
    add("--seed", type=int, default=1, help="Make markets up from this number; 1 if none is given.")
    said = "Where the clock starts; 5 minutes after the history, or real time, if not given."
    add("--now", metavar="ISO", help=said)
    said = "Seconds of the sandbox in a real second; 0 stands still."
    add("--speed", type=float, default=1.0, help=said)
    add("--latency-ms", type=float, default=0.0, help="How long a whole round trip takes.")
    said = "The mean of an exponential that is added each way."
    add("--jitter-ms", type=float, default=0.0, help=said)
    said = "How numbers are written: as on the wire, or always with a fraction."
    add("--spelling", choices=("wire", "fraction"), default="wire", help=said)
    said = f"The limit of all groups, or of one of {', '.join(GROUPS)}; 10/1 if none is given."
    add("--limit", action="append", metavar="[GROUP=]N/SECONDS", help=said)
    said = "How the second of a limit is counted."
    add("--limit-window", choices=_WINDOWS, default="first-call", help=said)
    add("--limit-body", choices=("text", "json"), default="text", help="The body of 429 and 418.")
    said = "Answer 418 after so many 429s in 10s; never if not given."
    add("--ban-after", type=int, default=0, metavar="N", help=said)
    said = f"{' '.join((*KINDS, *STREAM_KINDS))}, with a probability; repeatable."
    add("--fault", action="append", metavar="KIND=P", help=said)
    add("--port", type=int, help="Where it listens; a free port if none is given.")
    add("--endpoint", metavar="URL", help="The same as a URL, such as http://127.0.0.1:8765.")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code (2 for flags that make no sense).

    Prints one JSON line with `endpoint` and `pid` once it listens.
    """
    try:
        serve(args, _announce)
    except MarketkitError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, InputError) else 1
    return 0


def serve(args: argparse.Namespace, announce: Callable[..., None]) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is given `endpoint` and `pid` once it listens."""
    from marketkit.sandbox.server import Sandbox  # noqa: PLC0415  # uvicorn is optional

    _refuse_twice(args)
    sandbox = Sandbox(
        _history(args.history) if args.lake is None else args.lake,
        seed=args.seed,
        now=args.now,
        speed=args.speed,
        latency_ms=args.latency_ms,
        jitter_ms=args.jitter_ms,
        spelling=args.spelling,
        limit=_limit(args.limit or []),
        limit_window=args.limit_window,
        limit_body=args.limit_body,
        ban_after=args.ban_after,
        faults={kind: number(value) for kind, value in _pairs(args.fault or [], "KIND=P")},
        port=args.port or 0 if args.endpoint is None else _port(args.endpoint),
    )
    sandbox.serve(lambda endpoint: announce(endpoint=endpoint, pid=os.getpid()))


def _refuse_twice(args: argparse.Namespace) -> None:
    """Refuse a second word on the same thing, which would be passed over."""
    for one, other in (("lake", "history"), ("port", "endpoint")):
        if getattr(args, one) is not None and getattr(args, other) is not None:
            raise InputError(f"--{one} and --{other} say the same: leave one of them out")


def _announce(**where: object) -> None:
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()


def _history(values: Sequence[str] | None) -> dict[str, str] | str | None:
    if values is None:
        return None
    if len(values) == 1 and ":" not in values[0].partition("=")[0]:
        return values[0]
    return dict(_pairs(values, "KRW-DOGE:1m=PATH"))


def _port(endpoint: str) -> int:
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    if host not in {"127.0.0.1", "localhost"} or not port.isdigit():
        raise InputError(f"endpoint {endpoint!r} should look like http://127.0.0.1:8765")
    return int(port)


def _limit(values: Sequence[str]) -> dict[str, Rate]:
    limits: dict[str, Rate] = {}
    for value in values:
        group, _, text = value.rpartition("=")
        count, _, seconds = text.partition("/")
        rate = (int(number(count)), number(seconds or "1"))
        limits |= {group: rate} if group else rates(rate)
    return limits


def _pairs(values: Sequence[str], form: str) -> list[tuple[str, str]]:
    for value in values:
        if "=" not in value:
            raise InputError(f"{value!r} should look like {form}")
    return [(name, rest) for name, _, rest in (value.partition("=") for value in values)]
