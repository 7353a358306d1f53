"""Columns of numbers over mapped memory, by Arrow's C data interface: nothing is copied.

A library would do the same, but who only reads loads none but polars: to load pyarrow takes longer
than to decode a market-year. The two structures are those of Arrow's specification, which promises
never to change them.
"""

from __future__ import annotations

import ctypes
import itertools
import struct
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, POINTER, PYFUNCTYPE, Structure, c_char_p, c_int, c_void_p, py_object
from typing import Any, ClassVar, NamedTuple

import polars as pl

from marketkit.schema import ROW

COLUMNS = tuple(name for name in ROW if name != "symbol")

_FORMATS = {"time": b"tsm:UTC"}  # Arrow's words: milliseconds in UTC; numbers are "g"
_NULLABLE = 2  # the flag of a column that may have nulls
_UNCOUNTED = -1  # in place of a number of nulls
# `ArrowArray`: length, nulls, offset, buffers, children; then the addresses of buffers, children,
# a dictionary, the callback and our own number. `ArrowSchema`: the addresses of format, name and
# metadata; flags, children; then as before.
_ARRAY, _SCHEMA = struct.Struct("@5q5P"), struct.Struct("@3P2q4P")
_WORD = struct.calcsize("P")
_SIZE = _ARRAY.size * (1 + len(COLUMNS)) + _WORD * (1 + 3 * len(COLUMNS))
_ARRAYS = ctypes.c_char * _SIZE  # one for all frames: a type of its own would be a cycle


class Place(NamedTuple):
    """Where the values of a column lie in a map, and the bits that tell nulls, if there are any."""

    values: int
    validity: int | None = None


class _Buffer(Structure):
    """Python's `Py_buffer`, of which the address is wanted."""

    _fields_: ClassVar = [("address", c_void_p), ("rest", c_void_p * 16)]


_new_capsule = PYFUNCTYPE(py_object, c_void_p, c_char_p, c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_get_buffer = PYFUNCTYPE(c_int, py_object, POINTER(_Buffer), c_int)(
    ("PyObject_GetBuffer", ctypes.pythonapi)
)
_release_buffer = PYFUNCTYPE(None, POINTER(_Buffer))(("PyBuffer_Release", ctypes.pythonapi))

_lent: dict[int, object] = {}  # by number, the memory behind arrays that polars has not released
_numbers = itertools.count(1)


def frame_over(memory: memoryview | bytes, rows: int, places: Sequence[Place]) -> pl.DataFrame:
    """Give the columns of a chunk but the symbol, as views into a map, or into bytes.

    The memory stays for as long as any column of the frame, or anything cut from one, does.
    `places` must lie inside, at multiples of eight: nothing is checked here.
    """
    return pl.DataFrame(_Lent(memory, rows, places))


class _Lent:
    """An array of the C data interface, on the way to polars."""

    def __init__(self, memory: memoryview | bytes, rows: int, places: Sequence[Place]) -> None:
        self._memory, self._rows, self._places = memory, rows, places

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        number = next(_numbers)
        whole = _array(_address(self._memory), self._rows, self._places, number)
        _lent[number] = self._memory, whole
        # Whoever takes a schema may mark it as taken, so that each is a copy.
        self._schema = ctypes.create_string_buffer(_WHOLE, len(_WHOLE))
        return _capsule(self._schema, b"arrow_schema"), _capsule(whole, b"arrow_array")


def _array(start: int, rows: int, places: Sequence[Place], number: int) -> Any:
    """Lay out the array of all columns, and behind that the array of each."""
    memory = _ARRAYS()
    at = ctypes.addressof(memory)
    columns = at + _ARRAY.size
    pointers = columns + _ARRAY.size * len(places)
    nothing = pointers + _WORD * len(places)  # the bits of nulls that the whole lacks
    buffers = nothing + _WORD
    release = _address_of(_release_array)
    sizes = rows, 0, 0, 1, len(places)
    _ARRAY.pack_into(memory, 0, *sizes, nothing, pointers, 0, release, number)
    for each, place in enumerate(places):
        mine, own = columns + _ARRAY.size * each, buffers + 2 * _WORD * each
        nulls, bits = (0, 0) if place.validity is None else (_UNCOUNTED, start + place.validity)
        sizes = rows, nulls, 0, 2, 0
        _ARRAY.pack_into(memory, mine - at, *sizes, own, 0, 0, _address_of(_release_part), 0)
        struct.pack_into("@2P", memory, own - at, bits, start + place.values)
        struct.pack_into("@P", memory, pointers - at + _WORD * each, mine)
    return memory


def _address(memory: memoryview | bytes) -> int:
    view = _Buffer()
    _get_buffer(memory, view, 0)
    try:
        return int(view.address)
    finally:
        _release_buffer(view)


def _capsule(structure: Any, name: bytes) -> object:
    return _new_capsule(ctypes.addressof(structure), name, None)


def _address_of(callback: Any) -> int:
    return ctypes.cast(callback, c_void_p).value or 0


def _releasing(field: int, forget: Callable[[int], object] = int) -> Any:
    """Make a callback that marks a structure as released; `field` is where the callback stands.

    The callback is kept beyond all modules, for frames may go after these, at the exit of the
    process, and from any thread.
    """

    def release(
        structure: int,
        field: int = field,
        word: Any = c_void_p.from_address,
        after: int = field + _WORD,
        forget: Callable[[int], object] = forget,
    ) -> None:
        number = word(structure + after).value or 0
        word(structure + field).value = None
        forget(number)

    callback = CFUNCTYPE(None, c_void_p)(release)
    ctypes.pythonapi.Py_IncRef(py_object(callback))
    return callback


def _forget(number: int, lent: dict[int, object] = _lent) -> None:
    lent.pop(number, None)


_release_array = _releasing(_ARRAY.size - 2 * _WORD, _forget)
_release_part = _releasing(_ARRAY.size - 2 * _WORD)  # the whole keeps the memory
_release_schema = _releasing(_SCHEMA.size - 2 * _WORD)  # which is there for ever


def _schemas() -> tuple[bytes, list[Any]]:
    """Lay out the schema of all columns, and all that this points to."""
    release = _address_of(_release_schema)
    words, columns = [ctypes.create_string_buffer(b"+s")], []
    for name in COLUMNS:
        words += map(ctypes.create_string_buffer, (_FORMATS.get(name, b"g"), name.encode()))
        form, named = map(ctypes.addressof, words[-2:])
        said = _SCHEMA.pack(form, named, 0, _NULLABLE, 0, 0, 0, release, 0)
        columns.append(ctypes.create_string_buffer(said, len(said)))
    pointers = (c_void_p * len(columns))(*map(ctypes.addressof, columns))
    form, named = ctypes.addressof(words[0]), ctypes.addressof(words[0]) + len(b"+s")
    sizes = 0, len(columns), ctypes.addressof(pointers)
    return _SCHEMA.pack(form, named, 0, *sizes, 0, release, 0), [*words, *columns, pointers]


_WHOLE, _POINTED_TO = _schemas()
