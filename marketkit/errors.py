"""Every error marketkit raises, drawn as one tree.

MarketkitError
├── InputError (ValueError)            the call was wrong; nothing was sent or written
│   ├── UnknownSymbol (LookupError)    no such market; the nearest ones are named
│   ├── UnknownTimeframe               no such candle width
│   ├── NotPicklable (TypeError)       work of this process, not something to be sent
│   ├── WrongArgument (TypeError)      an argument that the call does not have, or one missing
│   ├── UnknownName (AttributeError)   no such call; the one that is meant is named
│   └── InvalidRange                   start, end or count make no sense
├── NetworkError (ConnectionError)     no usable answer came back
│   ├── Offline                        nothing may be sent, and nothing kept answers
│   ├── Unreachable                    nobody listens, or the name does not resolve
│   └── TimedOut (TimeoutError)        the answer did not come in time
├── ExchangeError                      the exchange answered, but not with data
│   ├── RateLimited                    429: too many requests
│   ├── Banned                         418, or a 429 for over a minute: blocked until a stated time
│   ├── ServerFailed                   5xx: maintenance or a fault over there
│   ├── Refused                        any other 4xx
│   └── BadResponse (ValueError)       a body that is not what it should be
│       └── LeftOut                    no row of a listed market: it does not trade yet
├── LakeError                          the candle lake on disk
│   ├── NotCovered (LookupError)       slots nobody has asked the exchange about
│   ├── NotWritable (PermissionError)  the lake root refuses writes
│   ├── NewerFormat                    written by a later marketkit
│   └── CorruptFile                    a file that is not a marketkit candle file
├── FeedOverflow                       a consumer of a feed read too slowly; events were lost
├── PartialResult                      some of many symbols failed; carries what was got
├── MissingExtra (ImportError)         an optional package is not installed
└── EngineClosed (RuntimeError)        a sync call where it would deadlock, or after close

`warn` is for what is no error: it names the caller's own line. `Incomplete` is the kind for an
answer that lacks a part.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from datetime import date
    from types import FrameType, TracebackType

    import polars as pl

F = TypeVar("F", bound=BaseException)


class MarketkitError(Exception):
    """Base of every error that marketkit raises on purpose."""

    def __str__(self) -> str:
        """Give the message, of which nothing can move a cursor, whoever brought the words."""
        return "\n".join(map(plain, super().__str__().split("\n")))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle message and attributes, for any constructor of a subclass."""
        return _rebuilt, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Have IPython show two lines: the message, and the line of the caller.

        The whole traceback comes with `%tb Verbose`, with `%xmode Verbose`, or with
        `MARKETKIT_TRACEBACK=full` in the environment.
        """
        shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if _in_full(shell):
            shown = shell.InteractiveTB.structured_traceback
            lines: list[str] = shown(type(self), self, self.__traceback__)
            return lines
        said = " ".join(str(self).splitlines())
        return [f"{type(self).__name__}: {said}", _place(self.__traceback__, shell)]


class InputError(MarketkitError, ValueError):
    """The arguments of a call are wrong; nothing was sent or written."""


class UnknownSymbol(InputError, LookupError):
    """A symbol that the exchange does not list.

    `last_listed` is the day of the last market list in the lake that has it, if any does, and
    `successor` the code that the market went on under, if the lists show one.
    """

    def __init__(
        self,
        symbol: str,
        known: Iterable[str] = (),
        *,
        last_listed: date | None = None,
        successor: str | None = None,
        hint: str = "",
    ) -> None:
        said = hint or nearest_market(symbol, known)
        if last_listed is not None:
            said = f": not listed any more, last on {last_listed}"
            said += "" if successor is None else f"; it goes on as {successor!r}"
        super().__init__(f"unknown symbol {symbol!r}{said}")
        self.symbol = symbol
        self.last_listed = last_listed
        self.successor = successor


class UnknownTimeframe(InputError):
    """A candle width that the exchange does not offer."""


class NotPicklable(InputError, TypeError):
    """A feed, series, recording or job, whose work goes on in this process and no other.

    Of another thing, such as a function for workers, the `reason` says why it cannot travel.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(
            f"{name} cannot be pickled: {reason};"
            "\ntake a function of a module, and give it what it needs as arguments"
            if reason
            else f"a {name} cannot be pickled: its work goes on in this process alone;"
            "\nsend its frame, or the arguments, and begin anew over there"
        )


class WrongArgument(InputError, TypeError):
    """An argument that the call does not have, has twice, or lacks."""


class UnknownName(InputError, AttributeError):
    """No call of marketkit has this name."""


class InvalidRange(InputError):
    """A start, end or count that cannot be answered."""


class NetworkError(MarketkitError, ConnectionError):
    """No usable answer came back from the endpoint."""


class Offline(NetworkError):
    """The provider sends nothing (`offline=True`), and nothing that is kept answers the call."""


class Unreachable(NetworkError):
    """Nobody answers at the endpoint."""


class TimedOut(NetworkError, TimeoutError):
    """The endpoint did not answer in time."""


class ExchangeError(MarketkitError):
    """The exchange answered, but not with the data asked for."""


class RateLimited(ExchangeError):
    """The exchange answered 429 although requests were paced and retried."""


class Banned(ExchangeError):
    """The exchange blocks this address (418), or asks for more than a minute of silence (429)."""


class ServerFailed(ExchangeError):
    """The exchange answered 5xx: maintenance or an internal fault."""


class Refused(ExchangeError):
    """The exchange answered with a 4xx status that no retry can mend."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class BadResponse(ExchangeError, ValueError):
    """A body that is not the documented answer: HTML, cut JSON, nulls in key columns."""


class LeftOut(BadResponse):
    """A listed market has no row in an answer about many, as in PREVIEW, before trading."""


class LakeError(MarketkitError):
    """Something about the candle lake on disk."""


class NotCovered(LakeError, LookupError):
    """Slots were asked from the lake that nobody has asked the exchange about."""


class NotWritable(LakeError, PermissionError):
    """The lake root cannot be written."""


class NewerFormat(LakeError):
    """A lake or file written by a later marketkit than this one."""


class CorruptFile(LakeError):
    """A file inside the lake that is not a marketkit candle file."""


class Incomplete(UserWarning):
    """An answer about many lacks a part; the message names the missing ones."""


class FeedOverflow(MarketkitError):
    """A consumer of a feed read too slowly: `lost` events did not fit into the buffer."""

    def __init__(self, lost: int) -> None:
        super().__init__(f"{lost} events were lost: the consumer reads slower than they come")
        self.lost = lost


class PartialResult(MarketkitError):
    """Some symbols of a call failed; `frame` has the others, `failures` the errors by symbol."""

    def __init__(self, frame: pl.DataFrame, failures: Mapping[str, MarketkitError]) -> None:
        first = next(iter(failures))
        more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
        super().__init__(f"{first}: {failures[first]}{more}; .frame has the symbols that were got")
        self.frame = frame
        self.failures = dict(failures)


class MissingExtra(MarketkitError, ImportError):
    """An optional package is missing; the message names the extra, or another way."""

    def __init__(self, package: str, extra: str, remedy: str | None = None) -> None:
        told = f"pip install 'marketkit-upbit[{extra}]'" if remedy is None else remedy
        super().__init__(f"{package} is not installed: {told}")


class EngineClosed(MarketkitError, RuntimeError):
    """A sync call on marketkit's own event loop, or a call after the provider was closed."""


def _rebuilt(
    kind: type[MarketkitError], args: tuple[object, ...], attributes: Mapping[str, object]
) -> MarketkitError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


def _in_full(shell: Any) -> bool:
    """Say whether the person at an IPython shell wants whole tracebacks."""
    if shell is None:
        return False
    said = os.environ.get("MARKETKIT_TRACEBACK", "").strip().lower()
    return said == "full" or str(shell.InteractiveTB.mode) == "Verbose"


def _place(trace: TracebackType | None, shell: Any) -> str:
    """Name the caller's own line, the last before the code of this package."""
    file, line = "", 0
    for frame, number in traceback.walk_tb(trace):
        if str(frame.f_globals.get("__name__")).partition(".")[0] == "marketkit":
            break
        file, line = frame.f_code.co_filename, number
    named = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(file)
    where = " ".join(named) if named else file
    return f"{where}, line {line} (%tb Verbose shows the whole traceback)"


def plain(text: str, most: int | None = None) -> str:
    r"""Spell out letters that would move a cursor, change colours or turn the way of reading.

    Whatever an exchange or a file says is shown so, and of what may be long at `most` so many
    letters.

    >>> plain("a\x1b[2Jb"), plain("up\u202edown\n"), plain("too long", 3)
    ('a\\x1b[2Jb', 'up\\u202edown\\n', 'too…')
    """
    if most is not None and len(text) > most:
        return f"{plain(text[:most])}…"
    if text.isprintable():
        return text
    return "".join(map(_plain, text))


def _plain(letter: str) -> str:
    if letter.isprintable():
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    return letter.encode("unicode_escape").decode("ascii")


def without_frames(failure: F) -> F:
    """Let go of the frames of a failure that is kept, and of all that led to it.

    Their variables are a hundred objects of a request that broke, the failure itself among them.
    """
    led, known = list[BaseException | None]([failure]), set[int]()
    while led:
        each = led.pop()
        if each is not None and id(each) not in known:
            known.add(id(each))  # a cause is the context, too, and may be the failure itself
            each.__traceback__ = None
            led += [each.__cause__, each.__context__]
    return failure


def is_gone(failure: MarketkitError) -> bool:
    """Say whether an error is of a market that was listed once and is not any more."""
    return isinstance(failure, UnknownSymbol) and failure.last_listed is not None


def nearest(value: str, known: Iterable[str]) -> str:
    """Say which known values come closest to `value`, as the tail of a message.

    >>> nearest("KRW-BCT", ["KRW-BTC", "KRW-ETH"])
    "; did you mean 'KRW-BTC' or 'KRW-ETH'?"
    >>> nearest("nothing like it", ["KRW-BTC"])
    ''
    """
    close = difflib.get_close_matches(value, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def nearest_market(symbol: str, known: Iterable[str]) -> str:
    """Say which known market is meant, as `nearest` does; other spellings of one come first.

    >>> nearest_market("BTCKRW", ["KRW-BTC", "USDT-BTC"])
    "; did you mean 'KRW-BTC'?"
    >>> nearest_market("btc", ["USDT-BTC", "KRW-BTC"])
    "; did you mean 'KRW-BTC' or 'USDT-BTC'?"
    """
    codes, letters = list(known), _letters(symbol)
    same = [code for code in codes if letters and letters in _spellings(code)]
    # The won markets first: they are what nearly everybody means.
    same.sort(key=lambda code: (not code.startswith("KRW-"), code))
    if not same:
        return nearest(symbol.upper(), codes)
    return f"; did you mean {' or '.join(map(repr, same[:3]))}?"


def _spellings(code: str) -> set[str]:
    quote, _, base = code.partition("-")
    return {_letters(quote + base), _letters(base + quote), _letters(base)}


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.upper()))


class _Line(NamedTuple):
    """A line of somebody's program, and the global names of the module."""

    file: str
    number: int
    names: dict[str, Any]


# Whoever else is on the stack of a call only hands it on.
_CARRIERS = frozenset(
    {"marketkit", "asyncio", "concurrent", "contextlib", "functools", "threading"}
)
_CALLER: ContextVar[_Line | None] = ContextVar("marketkit_caller", default=None)


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn with the line of the program behind a call of marketkit, on whatever thread."""
    line = _outside() or _CALLER.get()
    if line is None:
        warnings.warn(text, kind, stacklevel=2)
        return
    seen = line.names.setdefault("__warningregistry__", {})
    module = line.names.get("__name__")
    warnings.warn_explicit(text, kind, line.file, line.number, module, seen)


@contextmanager
def remembering_caller() -> Iterator[None]:
    """Give our caller's line to the warnings of work started here for another thread."""
    token = _CALLER.set(_outside() or _CALLER.get())
    try:
        yield
    finally:
        _CALLER.reset(token)


def _outside() -> _Line | None:
    """Find the innermost line on this stack that is neither ours nor of a carrier."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as `warnings` does; `inspect` reads files
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _CARRIERS:
            return _Line(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
        frame = frame.f_back
    return None
