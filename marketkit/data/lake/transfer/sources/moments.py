"""The forms in which texts say a moment, found from one text and read for all."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from marketkit.schema import TIME

DIGITS = re.compile(r"\d+(?:\.0*)?")
_OF_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")
_DAY = re.compile(r"\d{8}")
_SAID = re.compile(
    r"\d{4}(?P<sign>[-/.])(?P<gap> ?)\d{1,2}(?P=sign)(?P=gap)\d{1,2}(?P<dot>\.?)"
    r"(?:(?P<between>[T ])(?P<half>(?:오전|오후|AM|PM) )?\d{1,2}:\d{2}(?P<seconds>:\d{2})?"
    r"(?P<part>\.\d+)?(?P<late> (?:AM|PM))?(?P<room> ?)"
    r"(?P<zone>Z|UTC|KST|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_NAMED = {"Z": "UTC", "UTC": "UTC", "GMT": "UTC", "KST": "Asia/Seoul"}
_AT_ONCE = 1_000  # rows in which the first that says anything is looked for
_MOST = 8  # forms in one column: more than any program mixes


@dataclass(frozen=True, slots=True)
class Form:
    """A form of moments: the pattern, and the zone that each text names."""

    pattern: str
    zone: str | None = None
    korean: bool = False

    def read(self, column: pl.Series) -> pl.Series:
        """Give days, naive moments or moments in UTC; null for texts of another form."""
        if self.korean:
            column = column.str.replace("오전", "AM", literal=True)
            column = column.str.replace("오후", "PM", literal=True)
        if self.pattern.endswith("%z"):  # databases write +09 for +09:00
            column = column.str.replace(r"([+-]\d{2})$", "${1}:00")
        if "%H" not in self.pattern and "%I" not in self.pattern:
            return column.str.to_date(self.pattern, strict=False)
        times = column.str.to_datetime(self.pattern, time_unit="us", strict=False)
        if self.zone is not None:
            times = times.dt.replace_time_zone(self.zone)
        return times


def form_of(text: str) -> Form | None:
    """Give the form of a moment, or None for a text that is none.

    >>> form_of("2024-01-01T09:00:00Z")
    Form(pattern='%Y-%m-%dT%H:%M:%SZ', zone='UTC', korean=False)
    """
    found = _SAID.fullmatch(text)
    if found is None:
        return None
    joint = found["sign"] + found["gap"]
    day = f"%Y{joint}%m{joint}%d{found['dot']}"
    if found["between"] is None:
        return Form(day)
    early, late = bool(found["half"]), bool(found["late"])
    hours = ("%p " if early else "") + ("%I" if early or late else "%H")
    seconds = (":%S" if found["seconds"] else "") + ("%.f" if found["part"] else "")
    zone = found["zone"] or ""
    end = found["room"] + (zone if zone in _NAMED else "%z" if zone else "")
    pattern = f"{day}{found['between']}{hours}:%M{seconds}{' %p' if late else ''}{end}"
    return Form(pattern, _NAMED.get(zone), korean=(found["half"] or "").strip() in {"오전", "오후"})


def with_days(times: pl.Series, days: pl.Series) -> pl.Series:
    """Give moments of days and times of day in two columns, unless the times need no days.

    `09:01` of `2024-01-01`, or 901 of 20240101.
    """
    time, day = (_first(column) for column in (times, days))
    if time is None or day is None:
        return times
    if _OF_DAY.fullmatch(time):
        return (days + " " + times).alias(times.name)
    if time.isdecimal() and len(time) <= len("HHMMSS") and _DAY.fullmatch(day):
        short = bool((times.str.len_chars() <= len("HHMM")).all())
        return (days + times.str.zfill(len("HHMM" if short else "HHMMSS"))).alias(times.name)
    return times


def _first(column: pl.Series) -> str | None:
    at = first_said(column) if column.dtype == pl.String else None
    return None if at is None else str(column[at]).strip()


def read_moments(column: pl.Series) -> pl.Series:
    """Give days, naive moments or moments in UTC, null where a cell is empty or not understood.

    Programs mix forms: with and without a fraction, a day alone for its midnight. Moments with and
    without a zone do not mix.
    """
    times = column.clear().cast(pl.Date)
    for _ in range(_MOST):
        at = first_unread(column, times) if len(times) else first_said(column)
        form = None if at is None else form_of(column[at].strip())
        if at is None or form is None:
            break
        if len(times):
            column = column.str.strip_chars()
        found = form.read(column)
        joined = _joined(times, found) if len(times) else found
        if joined is None:
            break
        times = joined
    return times if len(times) else pl.Series(column.name, [None] * len(column), TIME)


def first_said(column: pl.Series) -> int | None:
    """Give the first row of texts with a cell that says anything, or None."""
    for start in range(0, len(column), _AT_ONCE):
        cells = column.slice(start, _AT_ONCE).str.strip_chars()
        said = (cells.is_not_null() & (cells != "")).arg_true()
        if len(said):
            return start + int(said[0])
    return None


def first_unread(column: pl.Series, times: pl.Series) -> int | None:
    """Give the first row with a cell that was not understood, or None."""
    if times.null_count() == column.null_count():
        return None
    wrong = column.is_not_null() & times.is_null()
    if column.dtype == pl.String:
        wrong &= column.str.strip_chars() != ""
    rows = wrong.arg_true()
    return rows[0] if len(rows) else None


def _joined(times: pl.Series, more: pl.Series) -> pl.Series | None:
    """Give the moments of two forms together; None where only one form has a zone."""
    naive = pl.Datetime("us")
    one, other = (each.cast(naive) if each.dtype == pl.Date else each for each in (times, more))
    zones = {one.dtype, other.dtype}
    if len({getattr(dtype, "time_zone", None) is None for dtype in zones}) > 1:
        return None
    if getattr(one.dtype, "time_zone", None) is not None:
        one, other = (each.dt.convert_time_zone("UTC") for each in (one, other))
    if times.dtype == more.dtype == pl.Date:
        one, other = times, more
    return one.zip_with(one.is_not_null(), other)
