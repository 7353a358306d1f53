"""Messages as websocket frames, encoded once for any number of connections."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from marketkit.sandbox.stream.grammar import Form

_BINARY: Final = 0x82  # FIN and opcode 2
_COMPRESSED: Final = 0x40  # RSV1
_SHORTEST: Final = 64  # below, compression costs more than it saves


def frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """Return a whole binary message of a server: one frame, unmasked."""
    return head(len(payload), _BINARY | (_COMPRESSED if compressed else 0)) + payload


def head(size: int, first: int = _BINARY) -> bytes:
    """Return the head of a frame of so many bytes; `first` has opcode and flags."""
    if size < 126:
        return bytes((first, size))
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)


def deflated(payload: bytes, bits: int) -> bytes:
    """Return a message compressed for itself, in a window of 2^bits.

    Without context from earlier messages the same bytes serve every connection.
    """
    if len(payload) < _SHORTEST:
        return frame(payload)
    packer = zlib.compressobj(1, zlib.DEFLATED, -bits)
    data = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(data[:-4], compressed=True)


class Message:
    """One event; `spell(simple)` returns the JSON object."""

    __slots__ = ("_frames", "_spell")

    def __init__(self, spell: Callable[[bool], str]) -> None:
        self._spell = spell
        self._frames: dict[tuple[Form, int], bytes] = {}

    def altered(self, alter: Callable[[str], str]) -> Message:
        """Return another event, of JSON that is altered."""
        return Message(lambda simple: alter(self._spell(simple)))

    def wire(self, form: Form, bits: int) -> bytes:
        """Return the frame in a format; `bits` of 0 is uncompressed."""
        known = self._frames.get((form, bits))
        if known is None:
            payload = self._payload(form)
            known = deflated(payload, bits) if bits else frame(payload)
            self._frames[form, bits] = known
        return known

    def _payload(self, form: Form) -> bytes:
        text = self._spell(form.startswith("SIMPLE"))
        return (f"[{text}]" if form.endswith("LIST") else text).encode()
