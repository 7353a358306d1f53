"""An environment that may change while libraries read it: a C library frees what they read.

Variables of the process are C's, and glibc up to 2.40 moves all of them when a name is added.
polars asks for some twenty in each of its calls, without Python's lock: on a busy machine a thread
that lost its turn there went on in memory that was freed. Programs change their environment before
they compute; tests do so hundreds of times, beside threads of earlier ones.
"""

from __future__ import annotations

import ctypes
import os
import sys

ROOM = 8192  # variables; Linux itself allows programs to start with some thousands


class Still:
    """The variables in a place of their own, which never moves; a text that was there stays."""

    def __init__(self) -> None:
        self._slots = (ctypes.c_char_p * ROOM)()
        self._kept: dict[bytes, bytes] = {}
        self._names: list[bytes] = []
        self._texts: list[bytes] = []
        for name, value in os.environb.items():
            self.put(name, value)
        ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ").value = ctypes.addressof(self._slots)

    def put(self, name: str | bytes, value: str | bytes) -> None:
        """Give a variable its value."""
        name, text = os.fsencode(name), os.fsencode(name) + b"=" + os.fsencode(value)
        text = self._kept.setdefault(text, text)
        if name in self._names:
            at = self._names.index(name)
            self._slots[at] = self._texts[at] = text
        elif len(self._names) + 1 == ROOM:
            raise OSError(f"more than {ROOM - 1} variables")
        else:
            self._slots[len(self._names)] = text
            self._names.append(name)
            self._texts.append(text)

    def unset(self, name: str | bytes) -> None:
        """Take a variable away, if there is one; the last one gets the place."""
        name = os.fsencode(name)
        if name in self._names:
            at, last = self._names.index(name), len(self._names) - 1
            self._names[at], self._texts[at] = self._names[last], self._texts[last]
            self._slots[at] = self._texts[at]
            self._slots[last] = None
            self._names.pop()
            self._texts.pop()


def keep_still() -> None:
    """Have all that changes `os.environ` from now on leave the variables where they are."""
    if sys.platform == "linux" and not isinstance(getattr(os.putenv, "__self__", None), Still):
        still = Still()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(still))  # libraries read beyond Python's end
        os.putenv, os.unsetenv = still.put, still.unset
