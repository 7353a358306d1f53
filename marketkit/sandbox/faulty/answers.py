"""Answers in place of data, and headers in place of the right ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from email.utils import formatdate
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from marketkit.sandbox.faulty.strikes import Fault, header
from marketkit.sandbox.faulty.text import error_body
from marketkit.sandbox.reply import (
    Header,
    LimitBody,
    Reply,
    failed,
    maintenance_page,
    refused,
)

REFUSALS: Final = ("429", "418", "retry-after", "ban")  # take no place in the rate window
_NAMES: Final = {"age": b"Age", "remaining-req": b"Remaining-Req"}


class Asked(NamedTuple):
    """The part of a request that answers in place of data depend on."""

    target: str  # path and query
    port: int
    remaining: str
    limit_body: LimitBody


def instead(faults: Iterable[Fault], asked: Asked) -> Reply | None:
    """Return the answer of the first fault that has an own one."""
    fault = next((each for each in faults if each.kind in _ANSWERS), None)
    return None if fault is None else _ANSWERS[fault.kind](fault, asked)


def _limited(fault: Fault, asked: Asked) -> Reply:
    return refused(int(fault.kind), asked.limit_body, asked.remaining)


def _retry_after(fault: Fault, asked: Asked) -> Reply:
    reply = refused(429, asked.limit_body, asked.remaining)
    return replace(reply, headers=((b"Retry-After", fault.value.encode("latin-1")),))


def _redirect(fault: Fault, asked: Asked) -> Reply:
    where = location(fault.value or f"http://localhost:{asked.port}", asked.target)
    return Reply(302, b"", remaining=asked.remaining, headers=((b"Location", where.encode()),))


_ANSWERS: Final[dict[str, Callable[[Fault, Asked], Reply]]] = {
    "429": _limited,
    "418": _limited,
    "retry-after": _retry_after,
    "ban": lambda fault, asked: refused(418, asked.limit_body, asked.remaining, fault.value),
    "500": lambda _, asked: failed(asked.remaining),
    "html": lambda _, asked: maintenance_page(asked.remaining),
    "redirect": _redirect,
    "hostile-error": lambda fault, asked: Reply(
        400, error_body(fault.value), remaining=asked.remaining
    ),
}


def location(address: str, target: str) -> str:
    """Return where a redirect leads: an address without a path keeps the target of the request."""
    return address if urlsplit(address).path else address + target


def headed(reply: Reply, faults: Iterable[Fault], now: int) -> Reply:
    """Return a reply with the headers that faults put in place of the right ones; `now` is ms."""
    headers = [header for fault in faults for header in _headers(fault, now)]
    return replace(reply, headers=(*reply.headers, *headers)) if headers else reply


def _headers(fault: Fault, now: int) -> list[Header]:
    if fault.kind == "date":
        return [(b"Date", _date(fault.value, now).encode("latin-1"))]
    if fault.kind == "header":
        name, value = header(fault.value)
        return [(name.encode(), value.encode("latin-1"))]
    name_of = _NAMES.get(fault.kind)
    return [] if name_of is None else [(name_of, fault.value.encode("latin-1"))]


def _date(value: str, now: int) -> str:
    """Return a Date header: so many seconds off the exchange's clock, or the text unchanged."""
    try:
        return formatdate(now / 1000 + float(value), usegmt=True)
    except (ValueError, OverflowError, OSError):
        return value
