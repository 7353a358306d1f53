"""The file of a backfill as TOML: the keys that there are, and the form of each value."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from marketkit.errors import InputError, nearest, plain

_SHOWN = 60  # letters of a wrong value


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a value: the words against another form, the check, and an example in TOML."""

    other: str
    fits: Callable[[Any], bool]
    such: str


def _text(such: str) -> Form:
    return Form("is no text in quotes", _is_text, f'"{such}"')


def _texts(such: str) -> Form:
    return Form("is no list of texts", _are_texts, f'["{such}"]')


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _are_texts(value: object) -> bool:
    """Say whether a value is a list of texts, or the one text of such a list."""
    return all(map(_is_text, value if isinstance(value, list) else [value]))


_FLAG = Form("is neither true nor false", lambda value: isinstance(value, bool), "true")
_TABLE = Form("is no table", lambda value: isinstance(value, dict), '{ 1m = "2y", 1h = "listing" }')
OF_FILE: Mapping[str, Form] = {
    "lake": _text("~/candles"),
    "endpoint": _text("https://api.upbit.com"),
    "region": _text("sg"),
    "order": _text("newest"),
    "verify": _text("7d"),
    "patience": _text("12h"),
    "max_time": _text("50m"),
    "rescue": _FLAG,
    "archive": _FLAG,
}
OF_UNIVERSE: Mapping[str, Form] = {
    "symbols": _texts("KRW-*"),
    "quote": _text("KRW"),
    "exclude": _texts("KRW-USD*"),
    "warning": _FLAG,
    "update": _FLAG,
    "depth": _TABLE,
}


def read_keys(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the keys of a file and of each `[[universe]]`, all of the right form.

    Raises `InputError` that names key, value and what to write instead.
    """
    keys = _parsed(path)
    universes = _universes(keys.pop("universe", None), keys)
    _check(keys, OF_FILE, elsewhere=OF_UNIVERSE, place="below [[universe]]")
    for number, universe in enumerate(universes, 1):
        with_place = f"[[universe]] {number}: " if len(universes) > 1 else "[[universe]] "
        place = "above the first [[universe]]"
        _check(universe, OF_UNIVERSE, elsewhere=OF_FILE, place=place, prefix=with_place)
        if "depth" not in universe:
            raise InputError(f"{with_place}without depth: write depth = {_TABLE.such}")
    return keys, universes


def shown(value: object) -> str:
    """Write a value as in a file of TOML, in short.

    >>> shown("false"), shown(True), shown([5])
    ('"false"', 'true', '[5]')
    """
    if isinstance(value, date | time):  # TOML writes them without quotes
        return str(value)
    return plain(json.dumps(value, ensure_ascii=False, default=str), _SHOWN)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError("it is not written in UTF-8: save it as UTF-8") from error
    except RecursionError as error:
        raise InputError("it is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{error}") from error


def _universes(found: object, keys: Collection[str]) -> list[dict[str, Any]]:
    if isinstance(found, dict):
        raise InputError("universe is a single table: write [[universe]], with two brackets")
    if not isinstance(found, list) or not found:
        inside = [key for key in keys if key in OF_UNIVERSE]
        where = f" above {inside[0]}" if inside else f", and below it depth = {_TABLE.such}"
        raise InputError(f"there is no [[universe]]: write one{where}")
    for each in found:
        if not isinstance(each, dict):
            raise InputError(f"universe = {shown(found)} is no table: write [[universe]] on a line")
    return found


def _check(
    keys: Mapping[str, object],
    forms: Mapping[str, Form],
    *,
    elsewhere: Collection[str],
    place: str,
    prefix: str = "",
) -> None:
    """Refuse a key that there is not, and a value of another form."""
    for key, value in keys.items():
        if key not in forms:
            hint = nearest(key, forms)
            there = f": write it {place}" if key in elsewhere else hint
            said = plain(key, _SHOWN)
            raise InputError(f"{prefix}unknown key {said!r}{there} (one of {' '.join(forms)})")
        if not forms[key].fits(value):
            raise InputError(f"{prefix}{_wrong(key, value, forms[key])}")


def _wrong(key: str, value: object, form: Form) -> str:
    such, other = form.such, "is empty" if value == "" else form.other
    if form is _FLAG and str(value).lower() in {"true", "false"}:
        such = str(value).lower()
    return f"{key} = {shown(value)} {other}: write {key} = {such}"
