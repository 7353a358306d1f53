"""Misfortunes of one REALTIME frame to one connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, repeat
from typing import Final, Protocol

from marketkit.sandbox.faulty.sending import BLANKS, MB, deflated_with_blanks
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.faulty.text import ahead, error_body
from marketkit.sandbox.stream.framing import Message, frame, head

_UNKNOWN: Final = Message(
    lambda simple: '{"ty":"announcement","id":7}' if simple else '{"type":"announcement","id":7}'
)
_ODD: Final = b'{"type":"ticker","trade_price":1.2.3'  # no JSON, and no market is named
_OPEN, _CLOSE = b'{"type":"announcement","text":"', b'"}'  # JSON around blanks
_TEXT, _CONTINUATION = 0x01, 0x00  # opcodes without FIN: another fragment follows
_CLAIM: Final = 1 << 62  # bytes, which no machine has


class Target(Protocol):
    """One connection, as misfortunes see connections."""

    def put(self, message: Message) -> None:
        """Send a message."""
        ...

    def send(self, data: bytes) -> None:
        """Send a frame."""
        ...

    def halve(self, message: Message) -> None:
        """Send half of a frame, and hang up."""
        ...

    def hush(self, seconds: float) -> None:
        """Lose all that is sent in so many seconds."""
        ...

    def reset(self, reason: str) -> None:
        """End the connection with a TCP reset."""
        ...

    def pour(self, reason: str, parts: Iterable[bytes]) -> None:
        """Send nothing any more but these bytes, as fast as read; hang up after the last."""
        ...

    def reset_all(self) -> None:
        """Reset every connection of the exchange."""
        ...


def strike(fault: Fault, target: Target, message: Message) -> Sequence[Message]:
    """Have a fault strike a connection; return the messages that still go out."""
    return _STRIKES[fault.kind](target, message, fault)


def _before(do: Callable[[Target, Fault], None]) -> Callable[..., Sequence[Message]]:
    """Return a misfortune before the frame, which goes out if that is possible still."""

    def struck(target: Target, message: Message, fault: Fault) -> Sequence[Message]:
        do(target, fault)
        return (message,)

    return struck


def _half(target: Target, message: Message, _: Fault) -> Sequence[Message]:
    target.halve(message)
    return ()


def _future(_: Target, message: Message, fault: Fault) -> Sequence[Message]:
    return (message.altered(lambda text: ahead(text, round(fault.number * 1000))),)


def _big(target: Target, fault: Fault) -> None:
    target.send(frame(_OPEN + BLANKS * int(fault.number) + _CLOSE))


def _bomb(target: Target, fault: Fault) -> None:
    parts = deflated_with_blanks(_OPEN, int(fault.number), _CLOSE, last=False)
    target.send(frame(b"".join(parts)[:-4], compressed=True))


def _fragments(fault: Fault) -> Iterator[bytes]:
    """Yield fragments of a message that has no last one, of a MB each."""
    pieces = count() if fault.value == "inf" else range(int(fault.number))
    yield head(len(_OPEN), _TEXT) + _OPEN
    yield from (head(MB, _CONTINUATION) + BLANKS for _ in pieces)


def _claim(target: Target, _: Fault) -> None:
    target.pour("claimed-frame", chain((head(_CLAIM),), repeat(BLANKS)))


_STRIKES: Final[dict[str, Callable[[Target, Message, Fault], Sequence[Message]]]] = {
    "drop": _before(lambda target, _: target.reset("drop")),
    "storm": _before(lambda target, _: target.reset_all()),
    "half-frame": _half,
    "silence": _before(lambda target, fault: target.hush(fault.number)),
    "duplicate-frame": lambda _target, message, _fault: (message, message),
    "out-of-order": lambda _target, message, _fault: (message,),  # one waits already
    "unknown-frame": _before(lambda target, _: target.put(_UNKNOWN)),
    "odd-frame": _before(lambda target, _: target.send(frame(_ODD))),
    "future-frame": _future,
    "hostile-frame": _before(lambda target, fault: target.send(frame(error_body(fault.value)))),
    "big-frame": _before(_big),
    "frame-bomb": _before(_bomb),
    "endless-frame": _before(lambda target, fault: target.pour(fault.kind, _fragments(fault))),
    "claimed-frame": _before(_claim),
}
