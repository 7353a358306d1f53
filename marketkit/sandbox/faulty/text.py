"""Text that does harm where shown unescaped: terminal commands, lines, turned directions."""

from __future__ import annotations

import json
import re
from typing import Final

# Clears a screen, sets a title, fakes a line, ends a string, turns what follows, hides a letter.
HOSTILE: Final = (
    "\x1b[2J\x1b]0;pwned\x07\r\n2026-01-01 ERROR all is well\n"
    "\x9b31m\x00\u2028\u202egnorw\u2066\u200b"
)
_NAMES: Final = re.compile(r'("(?:korean|english)_name":")')
_STAMPS: Final = re.compile(r'("(?:timestamp|tms|trade_timestamp|ttms)":)(\d+)')


def error_body(text: str) -> bytes:
    """Return the JSON of an error whose name and message are a text."""
    return json.dumps({"error": {"name": text, "message": text}}).encode()


def named(row: str, text: str) -> str:
    """Put a text before the names of a market's row."""
    safe = json.dumps(text)[1:-1]
    return _NAMES.sub(lambda found: found[1] + safe, row)


def ahead(text: str, ms: int) -> str:
    """Move the time stamps of a frame's JSON."""
    return _STAMPS.sub(lambda found: f"{found[1]}{int(found[2]) + ms}", text)
