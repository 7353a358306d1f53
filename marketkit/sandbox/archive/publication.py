"""Published files of the archive, right and wrong ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from marketkit.sandbox.archive.zips import Member, member, zipped
from marketkit.sandbox.faulty.sending import MB, deflated_with_blanks
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.spelling import iso

_TRADE: Final = ("seq", "timestamp", "volume", "price", "ask_bid")
_ANOTHER_DAY: Final = 86_400_000  # ms later, when it is published again


@dataclass(frozen=True, slots=True)
class Publication:
    """One file as published: the members' names and bytes, and all that is said of the zip.

    `size` is that of the zip where it can be known before, `modified` ms UTC.
    """

    name: str
    content: bytes
    size: int
    modified: int
    end: int  # of the period, ms UTC: the first row that is none of it would be then
    others: tuple[tuple[str, bytes], ...] = ()
    bomb_mb: int = 0
    is_cut: bool = False
    is_wrong: bool = False
    is_listed: bool = True

    def packed(self) -> bytes:
        """Return the zip."""
        first = member(self.name, self.content)
        if self.bomb_mb:
            first = _bomb(first.name, self.content, self.bomb_mb)
        whole = zipped([first, *(member(*each) for each in self.others)], self.size)
        return whole[: len(whole) // 2] if self.is_cut else whole


def published(publication: Publication, faults: Iterable[Fault]) -> Publication:
    """Return a publication with faults, one after the other."""
    for fault in faults:
        publication = _FILES[fault.kind](publication, fault)
    return publication


def _second_member(of: Publication, fault: Fault) -> Publication:
    return replace(of, others=(*of.others, (fault.value, of.content)))


def _header_only(of: Publication, _: Fault) -> Publication:
    header = of.content.partition(b"\n")[0]
    return replace(of, content=header + b"\n")


def _wrong_header(of: Publication, fault: Fault) -> Publication:
    rest = of.content.partition(b"\n")[2]
    return replace(of, content=fault.value.encode() + b"\n" + rest)


def _republished(of: Publication, fault: Fault) -> Publication:
    """Multiply the prices of the middle row, on another day; the size is another, too."""
    lines = of.content.split(b"\n")
    middle = len(lines) // 2
    if len(lines) > 2:  # more than the header and the end
        lines[middle] = _dearer(lines[middle], fault.number)
    return replace(
        of, content=b"\n".join(lines), size=of.size + 64, modified=of.modified + _ANOTHER_DAY
    )


def _dearer(row: bytes, times: float) -> bytes:
    fields = row.split(b",")
    for place in (3,) if len(fields) == len(_TRADE) else (1, 2, 3, 4):
        fields[place] = f"{float(fields[place]) * times:.8f}".encode()
    return b",".join(fields)


def _rows_outside(of: Publication, _: Fault) -> Publication:
    """Put the last row once more at the end, dated to the moment when the period is over."""
    rows = of.content.split(b"\n")
    fields = rows[-2].split(b",")
    place = 0 if len(fields) > len(_TRADE) else 1
    fields[place] = (str(of.end) if place else iso(of.end)).encode()
    return replace(of, content=b"\n".join([*rows[:-1], b",".join(fields), b""]))


def _bomb(name: bytes, content: bytes, mb: int) -> Member:
    """Return a member that is the right bytes and so many MB of blanks."""
    crc = zlib.crc32(content)
    for _ in range(mb):
        crc = zlib.crc32(b" " * MB, crc)
    packed = b"".join(deflated_with_blanks(content, mb, b""))
    return Member(name, packed, crc, len(content) + mb * MB)


# What each kind makes of a file.
_FILES: Final[dict[str, Callable[[Publication, Fault], Publication]]] = {
    "wrong-checksum": lambda of, _: replace(of, is_wrong=True),
    "truncated-zip": lambda of, _: replace(of, is_cut=True),
    "second-member": _second_member,
    "renamed-member": lambda of, fault: replace(of, name=fault.value),
    "header-only": _header_only,
    "wrong-header": _wrong_header,
    "rows-outside": _rows_outside,
    "zip-bomb": lambda of, fault: replace(of, bomb_mb=int(fault.number)),
    "republished": _republished,
    "unlisted": lambda of, _: replace(of, is_listed=False),
}
FILE_KINDS: Final = tuple(_FILES)
FILE_VALUES: Final = {
    "second-member": "second.csv",
    "renamed-member": "../member.csv",
    "wrong-header": "date_time_utc,open,high,low,close,acc_trade_volume,acc_trade_price",
    "zip-bomb": "64",
    "republished": "1.01",
}
FILE_NUMBERS: Final = ("zip-bomb", "republished")
