"""Faults of requests: drawn from a seed, so that a run can be repeated, or ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from random import Random
from typing import Final

from marketkit.errors import InputError
from marketkit.sandbox.archive.publication import FILE_KINDS, FILE_NUMBERS, FILE_VALUES
from marketkit.sandbox.faulty.strikes import Defaults, Fault, Strike, Strikes
from marketkit.sandbox.faulty.text import HOSTILE
from marketkit.sandbox.stream.faults import STREAM_KINDS

_DEFAULTS: Final = Defaults(
    {
        "gzip-bomb": "1024", "endless-body": "inf", "drip": "1", "endless-head": "0",
        "retry-after": "86400", "ban": "86400", "date": "3600", "age": "9" * 5_000,
        "remaining-req": "group=default; min=1800; sec=" + "9" * 4_000,
        "header": "X-Odd: header", "stale-page": "3600",
        "hostile-error": HOSTILE, "hostile-names": HOSTILE, "slow": "20000",
    } | FILE_VALUES,
    numbers=(
        "gzip-bomb", "endless-body", "drip", "endless-head", "short-page", "holed-page",
        "stale-page", "slow", *FILE_NUMBERS,
    ),
    lines=("redirect", "retry-after", "date", "age", "remaining-req"),
)  # fmt: skip
ARCHIVE_KINDS: Final = ("403", "404", "no-ranges", *FILE_KINDS)
KINDS: Final = (
    "429", "418", "500", "reset", "truncate", "badjson", "html", "duplicate",
    "gzip-bomb", "endless-body", "drip", "endless-head", "redirect", "retry-after", "ban",
    "date", "age", "remaining-req", "header",
    "empty-page", "short-page", "holed-page", "stale-page", "hostile-error", "hostile-names",
    "slow", *ARCHIVE_KINDS,
)  # fmt: skip
_ONLY: Final = {
    "duplicate": "candles",
    "hostile-names": "market",
    **dict.fromkeys(ARCHIVE_KINDS, "archive"),
}


class Faults:
    """A table of kinds and probabilities, of which at most one strikes a request, and orders.

    Orders strike by count, all that a request meets, and have a value (in brackets the default):

    - in place of data: `429`, `418`, `500`, `html`; `redirect` (302; where to, an address without
      a path keeps the request's; the same server as localhost), `retry-after` (429; the header,
      86400), `ban` (418; the seconds that the body names, 86400), `hostile-error` (400; a name
      and message with terminal commands, lines, turned directions);
    - pages: `duplicate` (a row twice), `empty-page`, `short-page` (rows that are left, half),
      `holed-page` (rows missing in the middle, a third), `stale-page` (the age in seconds, 3600),
      `hostile-names` (of markets), `badjson` (half of the body);
    - headers: `date` (seconds off the clock, 3600, or a text), `age` (5,000 digits),
      `remaining-req` (4,000 digits), `header` (any, as "Name: text");
    - the sending: `reset`, `truncate`, `gzip-bomb` (the right body and blanks; MB unpacked, 1024),
      `endless-body` (the right body and blanks; MB until it breaks off, without end), `drip`
      (seconds from byte to byte, 1), `slow` (bytes a second, 20000), `endless-head` (seconds from
      header to header, 0);
    - requests to the archive: `403`, `404`, `no-ranges` (no `Accept-Ranges`, and all of the file);
    - files of the archive, which stay so until `none`: `wrong-checksum`, `truncated-zip` (half of
      it, with its own checksum), `second-member` (the name), `renamed-member` (the name),
      `wrong-header` (the line), `rows-outside` (a row more, when the period is over), `zip-bomb`
      (MB unpacked, 64), `header-only`, `republished` (the prices of one row times 1.01, and a new
      size and date), `unlisted` (404, and not in the listing). `times` counts files.

    `429`, `418`, `retry-after` and `ban` take no place in the rate window and are not among a
    group's `rejected`; the others are answers gone wrong and do take one. A request that the
    limits refuse suffers no fault; `duplicate` strikes candle pages only.
    """

    def __init__(self, table: Mapping[str, float], seed: int = 1) -> None:
        self._draw = Random(seed)
        self.counts: Counter[str] = Counter()
        self.table = checked(table)
        self.strikes = Strikes(_DEFAULTS)

    def replace(self, table: Mapping[str, float]) -> None:
        """Put another table in place of the old one."""
        self.table = checked(table)

    def draw(self, path: str, query: Collection[str] = ()) -> list[Strike]:
        """Return the faults, ordered or drawn, that a request meets; `strike` has them take effect.

        `path` is one of `PATHS`; `query` has the values of the request's query, one by one.
        """
        kinds = [kind for kind in KINDS if _ONLY.get(kind, path) == path]
        drawn = self._drawn()
        return self.strikes.met(kinds, path, query) + [Strike(drawn)] * (drawn in kinds)

    def strike(self, drawn: Iterable[Strike]) -> list[Fault]:
        """Return the faults that strike, counted."""
        struck = self.strikes.use(drawn)
        self.counts.update(fault.kind for fault in struck)
        return struck

    def _drawn(self) -> str:
        """Return the kind that the seed draws, or nothing."""
        chance = self._draw.random() if self.table else 1.0
        for kind, probability in self.table.items():
            chance -= probability
            if chance < 0:
                return kind
        return ""

    def stats(self) -> dict[str, int]:
        """Return how often each kind struck."""
        return {kind: self.counts[kind] for kind in KINDS}


def checked(table: Mapping[str, float]) -> dict[str, float]:
    """Return the table; raise InputError for an unknown kind or a value that is no probability."""
    for kind, probability in table.items():
        if kind not in KINDS:
            known = ", ".join((*KINDS, *STREAM_KINDS))
            raise InputError(f"unknown fault {kind!r}; there are {known}")
        if not 0 <= probability <= 1:
            raise InputError(f"fault {kind}={probability} is not a probability")
    if sum(table.values()) > 1:
        raise InputError("the probabilities of all faults sum to more than 1")
    return dict(table)


def of_requests(table: Mapping[str, float]) -> dict[str, float]:
    """Return the faults of requests in a table, with unknown kinds, which `checked` refuses."""
    return {kind: chance for kind, chance in table.items() if kind not in STREAM_KINDS}


def of_streams(table: Mapping[str, float]) -> dict[str, float]:
    """Return the faults of websockets in a table."""
    return {kind: chance for kind, chance in table.items() if kind in STREAM_KINDS}
