"""The findings of a look at everything: how each thing is, and the remedy where one is needed."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from marketkit.errors import plain
from marketkit.schema import Schema

State = Literal["good", "note", "look", "bad"]
FINDINGS: Schema = {
    "state": pl.Enum(["good", "note", "look", "bad"]),
    "check": pl.String(),
    "detail": pl.String(),
    "do": pl.String(),
}


_NEW = "nothing to do; a line in an issue helps the next release"
_REPORT = "send this report to marketkit's issues"
_DO: dict[State, str] = {
    "note": _NEW,
    "look": _REPORT,
    "bad": f"{_REPORT}; until then do not trust this call",
}


class Finding(NamedTuple):
    """One thing looked at: `good`, to be known (`note`), to be looked at (`look`), or `bad`.

    `do` says what to do about it, and is empty where all is well.
    """

    state: State
    check: str
    detail: str
    do: str = ""


def of_exchange(state: State, check: str, detail: str) -> Finding:
    """Make a finding of a check against the exchange, with the remedy."""
    return Finding(state, f"live {check}", plain(detail), _DO.get(state, ""))
