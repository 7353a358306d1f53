"""The values at both ends of a frame: of Polars, pandas or Arrow, without an import of these."""

from __future__ import annotations

from typing import Any


def values_of(frame: Any, most: int) -> tuple[int, dict[str, list[Any]]]:
    """Give the height of a frame, and by column the values of the first and last rows.

    Of a pandas frame the columns of the index come first, if these have names, before them the
    symbol where `attrs` has it.
    """
    if hasattr(frame, "iloc"):
        return len(frame), _of_pandas(frame, most)
    if hasattr(frame, "to_pydict"):
        return frame.num_rows, _of_arrow(frame, most)
    parts = [frame.slice(start, count) for start, count in _ends(frame.height, most)]
    names = frame.columns
    return frame.height, {
        name: [each for part in parts for each in part[name].to_list()] for name in names
    }


def _of_arrow(frame: Any, most: int) -> dict[str, list[Any]]:
    parts = [frame.slice(start, count) for start, count in _ends(frame.num_rows, most)]
    return {
        name: [each for part in parts for each in part.column(name).to_pylist()]
        for name in frame.column_names
    }


def _of_pandas(frame: Any, most: int) -> dict[str, list[Any]]:
    rows = [row for start, count in _ends(len(frame), most) for row in range(start, start + count)]
    shown = frame.iloc[rows]
    levels = [
        (str(name), shown.index.get_level_values(at).tolist())
        for at, name in enumerate(shown.index.names)
        if name is not None
    ]
    if "symbol" in frame.attrs:
        levels.insert(0, ("symbol", [frame.attrs["symbol"]] * len(shown)))
    columns = [(_name(name), shown.iloc[:, at].tolist()) for at, name in enumerate(shown.columns)]
    return dict([*levels, *columns])


def _name(name: object) -> str:
    return " ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name)


def _ends(height: int, most: int) -> list[tuple[int, int]]:
    """Give first row and number of rows of the parts that are shown."""
    if height <= most:
        return [(0, height)]
    return [(0, most - most // 2), (height - most // 2, most // 2)]
