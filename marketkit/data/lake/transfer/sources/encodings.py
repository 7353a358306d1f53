"""Text as UTF-8, from the encoding that a caller gives or that the bytes show."""

from __future__ import annotations

import codecs

from marketkit.errors import InputError, plain

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_KOREAN = "cp949"  # EUC-KR and what Windows adds to it
_HEAD = 1 << 16  # bytes in which zeros are looked for


def in_utf8(content: bytes, encoding: str | None) -> bytes:
    """Give a text as UTF-8 without a mark, from the encoding that is given or found.

    Raises `InputError` for an unknown encoding, and for bytes that are none of it.
    """
    if encoding is not None:
        try:
            known = codecs.lookup(encoding).name
        except LookupError:
            raise InputError(
                f"unknown encoding={plain(encoding, 40)!r} (one such as utf-8, utf-16, cp949)"
            ) from None
        content = content.removeprefix(codecs.BOM_UTF8) if known == "utf-8" else content
        return _decoded(content, known, given=True)
    mark = next((name for bom, name in _BOMS.items() if content.startswith(bom)), None)
    if mark is None and content.isascii() and b"\0" not in content[:_HEAD]:
        return content
    return _decoded(content, mark or _guess(content), given=False)


def _guess(content: bytes) -> str:
    """Guess an encoding without a mark."""
    head = content[:_HEAD]
    if b"\0" in head:  # every other byte of plain letters, and of no other text
        return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
    try:
        content.decode()
    except UnicodeDecodeError:
        return _KOREAN
    return "utf-8"


def _decoded(content: bytes, encoding: str, *, given: bool) -> bytes:
    try:
        return content.decode(encoding).encode()
    except (UnicodeError, LookupError, TypeError):
        said = f"is no text in encoding={encoding!r}" if given else "is text in no encoding we know"
        raise InputError(
            f"{said}: say which it is, as in encoding='utf-8' or encoding='cp949'"
        ) from None
