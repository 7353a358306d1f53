"""Query strings, read as the exchange does, and the errors of answers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

_TO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_DAY_TIME: Final = re.compile(r"(\d\d):?(\d\d):?(\d\d)", re.ASCII)


class WireError(Exception):
    """An error the exchange answers with: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def body(self) -> bytes:
        """The documented envelope; `name` is the integer status."""
        return f'{{"error":{{"name":{self.status},"message":"{self}"}}}}'.encode()


def missing() -> WireError:
    """A required parameter is not there."""
    return WireError(400, "Missing request parameter error. Check the required parameters!")


def mistyped() -> WireError:
    """A parameter is of the wrong type."""
    return WireError(400, "Type mismatch error. Check the parameters type!")


def invalid() -> WireError:
    """A parameter has a value that makes no sense."""
    return WireError(400, "Invalid parameter. Check the given value!")


def unknown_code() -> WireError:
    """A market that is not listed, or never was."""
    return WireError(404, "Code not found")


class Query:
    """The parameters of one request; an empty value counts as absent."""

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(text):
            self._values.setdefault(name, []).append(value)

    def text(self, *names: str) -> str | None:
        """Return the first value under any of the names."""
        return next((self._values[name][0] for name in names if name in self._values), None)

    def required(self, name: str) -> str:
        """Return the value, which must be there."""
        value = self.text(name)
        if value is None:
            raise missing()
        return value

    def codes(self, name: str) -> list[str]:
        """Return a comma list, whose key may also be repeated, in upper case and once each."""
        self.required(name)
        parts = ",".join(self._values[name]).upper().split(",")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def whole(self, *names: str) -> int | None:
        """Return a whole number."""
        value = self.text(*names)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise mistyped() from None

    def number(self, name: str, default: float) -> float:
        """Return a number."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return float(value)
        except ValueError:
            raise mistyped() from None

    def count(self, default: int, most: int) -> int:
        """Return `count`: more than `most` is cut to `most` silently, less than 1 is refused.

        What the exchange does below 1 is not recorded; refusing is a guess.
        """
        number = self.whole("count")
        if number is None:
            return default
        if number < 1:
            raise invalid()
        return min(number, most)

    def flag(self, *names: str) -> bool:
        """Return a yes or no, by default no."""
        value = (self.text(*names) or "false").lower()
        if value not in {"true", "false"}:
            raise mistyped()
        return value == "true"

    def to(self) -> int | None:
        """Return the moment of `to`, cut to the second (ms UTC); texts without a zone are UTC."""
        value = self.text("to")
        if value is None:
            return None
        match = _TO.fullmatch(value)
        if match is None:
            raise invalid()
        date, time, zone = match.groups()
        try:
            moment = datetime.fromisoformat(f"{date}T{time}{zone or 'Z'}")
            return int(moment.timestamp()) * 1000
        except (ValueError, OverflowError):
            raise invalid() from None

    def time_of_day(self) -> int | None:
        """Return the time of day `to` names, HHmmss or HH:mm:ss, in ms."""
        value = self.text("to")
        if value is None:
            return None
        match = _DAY_TIME.fullmatch(value)
        if match is None:
            raise invalid()
        hour, minute, second = map(int, match.groups())
        if hour > 23 or minute > 59 or second > 59:
            raise invalid()
        return (hour * 3600 + minute * 60 + second) * 1000


def values(query: str) -> set[str]:
    """Return every value of a query, the values of comma lists one by one."""
    return {part for _, value in parse_qsl(query) for part in value.upper().split(",")}
