"""A report of `marketkit doctor` to paste into an issue: Markdown that names no person."""

from __future__ import annotations

import getpass
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_ADDRESS = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|\[?[0-9a-f]*(?::[0-9a-f]*){3,}\]?", re.IGNORECASE
)
_HOST = re.compile(r"\b(?:https?|wss?)://([^/\s'\"`,;)]+)")
_UPBIT = re.compile(r"(?:[a-z]+-)?api\.upbit\.com")


def markdown(found: pl.DataFrame) -> str:
    """Write findings as a page: a count of each state, then a table, the worst first."""
    counts = {state: found.filter(state=state).height for state in ("bad", "look", "note", "good")}
    said = ", ".join(f"{many} {state}" for state, many in counts.items())
    lines = [
        "## marketkit doctor",
        "",
        said,
        "",
        "| state | check | detail | to do |",
        "|---|---|---|---|",
    ]
    rows = found.sort("state", descending=True, maintain_order=True)
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows.iter_rows()]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return impersonal(text).replace("|", "\\|").replace("\n", " ")


def impersonal(text: str) -> str:
    """Leave out of a text the home, the user's name, addresses, and hosts that are not Upbit's."""
    from marketkit.settings import home  # noqa: PLC0415 - slow, `--help` needs none

    own = home()
    for folder in {str(own), str(own.resolve())} - {"/"}:
        text = text.replace(folder, "~")
    for name in _names(own.name):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "(user)", text)
    for host in set(_HOST.findall(text)):
        if not _UPBIT.fullmatch(host):
            text = text.replace(host, "(not-upbit)")
    return _ADDRESS.sub("(address)", text)


def _names(home: str) -> set[str]:
    """Give the user's names that may stand in paths; one is that of the home."""
    try:
        own = getpass.getuser()
    except (OSError, KeyError):  # nobody is called so here, as in some containers
        own = ""
    return {name for name in (own, home) if len(name) > 1}
