"""The names that files give to the columns of candles, in English and Korean, and their order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from marketkit.data.lake.transfer.sources.markets import market_of
from marketkit.errors import InputError, nearest, plain

# Names in circulation, as `_plain` spells them; the most telling first, for files with the fields
# of the wire also have a `timestamp`, which is that of the last trade.
_SPELLINGS = {
    "time": (
        *("candledatetimeutc", "candledatetime", "candledatetimekst", "datetimeutc", "datetimekst"),
        *(
            "timeutc",
            "timekst",
            "dateutc",
            "datekst",
            "일시",
            "캔들시각",
            "캔들시간",
            "기준일시",
            "기준시각",
        ),
        *(
            "체결시간",
            "체결시각",
            "체결일시",
            "시각",
            "시간",
            "opentime",
            "time",
            "datetime",
            "unix",
        ),
        *("timestamp", "epoch", "date", "날짜", "일자", "거래일", "거래일자", "기준일", "영업일자"),
        *("indexlevel0", "index", ""),
    ),
    "open": ("open", "openingprice", "openprice", "시가", "시초가", "시작가"),
    "high": ("high", "highprice", "고가", "최고가"),
    "low": ("low", "lowprice", "저가", "최저가"),
    "close": (
        "close",
        "tradeprice",
        "closeprice",
        "closingprice",
        "종가",
        "현재가",
        "체결가",
        "마감가",
    ),
    "volume": (
        *("volume", "candleacctradevolume", "acctradevolume", "basevolume", "vol", "거래량"),
        *("누적거래량", "체결량"),
    ),
    "value": (
        *("value", "candleacctradeprice", "acctradeprice", "turnover", "quotevolume"),
        *("quoteassetvolume", "거래대금", "누적거래대금", "거래금액", "거래액"),
    ),
    "symbol": (
        *("symbol", "market", "code", "ticker", "pair", "마켓", "종목", "종목코드", "심볼", "코드"),
        *("마켓코드", "시장"),
    ),
    "state": ("state",),
}
_OPTIONAL = ("value", "symbol", "state")
_DAYS = ("date", "날짜", "일자", "거래일", "거래일자")  # beside a column of times of day
_ZONES = {"utc": "UTC", "kst": "Asia/Seoul"}  # what the end of a column's name says
_SIGNS = re.compile(r"[\s_\-()\[\]<>./\"'\ufeff]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_UNIT = re.compile(r"[(\[].*[)\]]")
_CURRENCY = re.compile(r"volume([a-z0-9]{2,6})")
_TELLING = 3  # known names in a line that make it the header

Given = Mapping[str, str | None]  # the caller's names of our columns; None: the file has none


def check_given(given: Given) -> None:
    """Raise `InputError` for names of columns that no candle has, or cannot do without."""
    for ours, theirs in given.items():
        if ours not in _SPELLINGS:
            known = " ".join(_SPELLINGS)
            raise InputError(f"columns: a candle has no {ours!r} (one of {known})")
        if theirs is None and ours not in _OPTIONAL:
            raise InputError(f"columns: no candle goes without {ours!r}; name its column")


def is_header(names: Sequence[str], given: Given) -> bool:
    """Say whether the cells of a line are the names of columns of candles."""
    meant = {name for name in given.values() if name}
    known = {_plain(name) for name in names if name} & _KNOWN
    return len(known) + len(meant & set(names)) >= _TELLING


def find(available: Sequence[str], given: Given, tz: str | None) -> dict[str, str]:
    """Find the file's name of each column of ours; of times that say a zone the one of `tz`.

    Raises `InputError` for one that is given and not there, and for one that is not known.
    """
    names = {
        ours: _of(theirs, ours, available) for ours, theirs in given.items() if theirs is not None
    }
    spelt = _spelt(available)
    for ours, spellings in _SPELLINGS.items():
        if ours in given:
            continue
        found = [spelt[each] for each in spellings if each in spelt]
        if found:
            names[ours] = _in_zone(found, tz) if ours == "time" else found[0]
        elif ours not in _OPTIONAL:
            raise InputError(_unknown(ours, available))
    return names


def others(available: Sequence[str], taken: str) -> list[str]:
    """Give the columns that may hold the time where the one taken has none."""
    spelt = _spelt(available)
    found = [spelt[each] for each in _SPELLINGS["time"] if each in spelt]
    return found[found.index(taken) + 1 :] if taken in found else []


def day_of(available: Sequence[str], time: str) -> str | None:
    """Give the column that holds the days of a column of times of day, or None."""
    spelt = _spelt(available)
    return next((spelt[each] for each in _DAYS if each in spelt and spelt[each] != time), None)


def zone_in(name: str) -> str | None:
    """Give the time zone that the name of a column says, or None.

    >>> zone_in("candle_date_time_kst"), zone_in("일시(UTC)"), zone_in("time")
    ('Asia/Seoul', 'UTC', None)
    """
    spelt = _plain(name)
    return next((zone for end, zone in _ZONES.items() if spelt.endswith(end)), None)


def listed(names: Sequence[str]) -> str:
    """Write the names of columns for a message: the first ones, none too long."""
    most = 20  # what two lines of a terminal hold
    shown = ", ".join(plain(name, 40) or "''" for name in names[:most])
    return f"{shown}, ..." if len(names) > most else shown


def _unknown(ours: str, available: Sequence[str]) -> str:
    if any(_NUMBER.fullmatch(name) for name in available):
        return (
            "names no columns: write a line above the rows, such as time,open,high,low,close,volume"
            f" (it begins with {listed(available)})"
        )
    return (
        f"has no column that is known to be the {ours}; say columns={{{ours!r}: ...}}"
        f" (it has {listed(available)})"
    )


def _of(theirs: str, ours: str, available: Sequence[str]) -> str:
    if theirs in available:
        return theirs
    alike = [name for name in available if _plain(name) == _plain(theirs)]
    if len(alike) == 1:
        return alike[0]
    raise InputError(
        f"has no column {theirs!r} for {ours}{nearest(theirs, available)}"
        f" (it has {listed(available)})"
    )


def _spelt(available: Sequence[str]) -> dict[str, str]:
    """Give the file's names by their plain spelling; of two of one spelling the first."""
    spelt: dict[str, str] = {}
    for name in reversed(available):
        spelt[_plain(_UNIT.sub("", name))] = name
    for name in reversed(available):
        spelt[_plain(name)] = name
    for zone in _ZONES:
        spelt |= {
            key.removesuffix(zone): name
            for key, name in spelt.items()
            if key.endswith(zone) and key.removesuffix(zone) not in spelt
        }
    return _volumes(spelt) | spelt


def _volumes(spelt: Mapping[str, str]) -> dict[str, str]:
    """Tell a volume in the base currency from one in the quote currency, as `Volume KRW`."""
    of = {found[1].upper(): name for key, name in spelt.items() if (found := _currency(key))}
    if len(of) != 2 or (market := market_of("_".join(of))) is None:
        return {}
    quote, _, base = market.partition("-")
    return {"volume": of[base], "value": of[quote]}


def _currency(key: str) -> re.Match[str] | None:
    return _CURRENCY.fullmatch(key)


def _in_zone(found: Sequence[str], tz: str | None) -> str:
    """Take the first name, or of the same kind the one that says the zone asked for."""
    zoned = [name for name in found if zone_in(name) is not None]
    if tz is not None and found[0] in zoned:
        return next((name for name in zoned if zone_in(name) == tz), found[0])
    return found[0]


def _plain(name: str) -> str:
    """Spell a column's name without the signs that people set differently."""
    return _SIGNS.sub("", name.lower())


_KNOWN: frozenset[str] = frozenset(each for names in _SPELLINGS.values() for each in names if each)
