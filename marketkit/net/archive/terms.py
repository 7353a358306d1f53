"""Consent to the archive's terms: shown once, asked for in a terminal, remembered."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from marketkit.disk import make_folder, write_atomic
from marketkit.errors import InputError, warn
from marketkit.exchange.upbit.archive.terms import TERMS
from marketkit.net.exchange_clock import machine_time
from marketkit.settings import settings_dir
from marketkit.timeframe import iso

VARIABLE = "MARKETKIT_ARCHIVE_TERMS"
_ACCEPTED = "accepted"
_LARGEST = 4096  # bytes of the file; it has some hundred
_QUESTION = "Do you accept these terms? [yes/no] "


def consent(ask: TextIO | None = None, tell: TextIO | None = None) -> None:
    """Make sure that somebody accepted the terms: now, or at an earlier use.

    The first use shows them in the terminal and asks; a yes is remembered in the settings folder.
    Raises `InputError` for any other answer, and without a terminal unless
    `MARKETKIT_ARCHIVE_TERMS=accepted`.
    """
    if is_accepted():
        return
    source, shown = ask or sys.stdin, tell or sys.stderr
    if not (_is_terminal(source) and _is_terminal(shown)):
        raise _not_accepted()
    shown.write(f"{TERMS}{_QUESTION}")
    shown.flush()
    if source.readline().strip().lower() not in {"y", "yes"}:
        raise InputError("the terms of the archive were not accepted: nothing is fetched from it")
    _remember()


def check_consent() -> None:
    """Raise `InputError` where nobody has accepted the terms; nothing is asked."""
    if not is_accepted():
        raise _not_accepted()


def is_accepted() -> bool:
    """Say whether the terms were accepted. Raises `InputError` for a variable of another value."""
    said = os.environ.get(VARIABLE, "").strip()
    if said and said.lower() != _ACCEPTED:
        raise InputError(f"{VARIABLE}={said!r}: the only value is {_ACCEPTED!r}")
    return bool(said) or _remembered()


def remembered_at() -> Path:
    """Give the file that remembers."""
    return settings_dir() / "archive-terms.json"


def _remembered() -> bool:
    """Say whether the file has these very terms; others are shown anew."""
    try:
        with remembered_at().open("rb") as file:
            said = json.loads(file.read(_LARGEST))
        return bool(said["accepted"] == _mark())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _remember() -> None:
    # machine's clock: for people who look into the file
    text = json.dumps({"accepted": _mark(), "at": iso(machine_time()), "terms": TERMS}, indent=1)
    path = remembered_at()
    try:
        make_folder(path.parent)
        write_atomic(path, lambda file: file.write(text.encode()))
    except OSError as error:
        warn(f"{path} cannot be written ({error.strerror}): the terms will be shown again")


def _mark() -> str:
    return hashlib.sha256(TERMS.encode()).hexdigest()[:16]


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def _not_accepted() -> InputError:
    return InputError(
        "the archive is for personal, non-commercial use, without redistribution; to download is"
        f" to consent:\naccept that in a terminal, or with {VARIABLE}={_ACCEPTED}"
    )
