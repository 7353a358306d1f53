"""The answer of the older provider: payload, source, age and error in one object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from marketkit.compat.older.models import DataSourceType, StreamType
from marketkit.errors import MarketkitError

LIST = "_list_data"  # the key that lists were wrapped under


class Rows(list[dict[str, Any]]):
    """A list of the exchange's objects that is asked by key, too.

    `rows["_list_data"]` is the list; the rows of one symbol, or those under another older name, are
    found as `rows["KRW-BTC"]`, `rows["candles"]`.
    """

    def __init__(
        self, rows: Iterable[dict[str, Any]] = (), labels: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(rows)
        self._labels = labels or {}

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        return self if key == LIST else self._labels[key]

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return item == LIST or item in self._labels
        return super().__contains__(item)

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value under a key, or `default`."""
        return self if key == LIST else self._labels.get(key, default)

    def keys(self) -> list[str]:
        """List the keys."""
        return [LIST, *self._labels]


class ResponseMetadata(dict[str, Any]):
    """The story of an answer, as keys and as attributes.

    `source response_time_ms cache_hit records_count timestamp priority_used`.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True, eq=False, repr=False)
class DataResponse:
    """The answer to one call; true with something delivered.

    `data` is one object of the exchange, or a list of them (`Rows`). What could not be delivered is
    named in `error` (`error_message`), and `failures` has the errors by symbol; `raise_for_error`
    raises. Keys of the payload are keys of the response.

    `response_time_ms` is what the call took, `age_seconds` how old the answer is at most,
    `data_timestamp` the newest time in it, and `server_timestamp` when the exchange made it, which
    it says of tickers only.
    """

    success: bool
    data: Any = None
    error_message: str | None = None
    cache_hit: bool = False
    response_time_ms: float = 0.0
    data_source_type: DataSourceType = DataSourceType.ERROR
    stream_type: StreamType | None = None
    is_realtime: bool = False
    data_timestamp: datetime | None = None
    server_timestamp: datetime | None = None
    age_seconds: float | None = None
    metadata: ResponseMetadata = field(default_factory=ResponseMetadata)
    failures: Mapping[str, MarketkitError] = field(default_factory=dict)
    exception: MarketkitError | None = None

    @property
    def error(self) -> str | None:
        """The message about missing symbols; None where nothing is missing."""
        return self.error_message

    @property
    def data_source(self) -> str:
        """The source in a word."""
        return self.data_source_type.value

    def raise_for_error(self) -> DataResponse:
        """Raise the error of missing symbols, as `raise_errors=True` does; else the response."""
        if self.exception is not None:
            raise self.exception
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """Give a field of the payload, or `default`."""
        return default if self.data is None else self.data.get(key, default)

    def get_single(self, symbol: str | None = None) -> dict[str, Any] | None:
        """Give the one object, or of a list the first, or the one of a symbol."""
        rows = self.get_list()
        if symbol is not None:
            rows = [row for row in rows if row.get("market") == symbol]
        return rows[0] if rows else None

    def get_all(self) -> Any:
        """Give the whole payload."""
        return self.data

    def get_list(self) -> list[dict[str, Any]]:
        """Give the objects as a list, of one object, too."""
        if self.data is None:
            return []
        return self.data if isinstance(self.data, list) else [self.data]

    def to_dict(self) -> dict[str, Any]:
        """Give all fields as plain values, for JSON."""
        told = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}
        told["failures"] = {symbol: str(failure) for symbol, failure in self.failures.items()}
        told["exception"] = None if self.exception is None else type(self.exception).__name__
        told["metadata"] = {name: _plain(value) for name, value in self.metadata.items()}
        return told | {"error": self.error, "data_source": self.data_source}

    def keys(self) -> Iterable[str]:
        """Give the keys of the payload."""
        return [] if self.data is None else self.data.keys()

    def __getitem__(self, key: Any) -> Any:
        return (self.data or {})[key]

    def __contains__(self, key: object) -> bool:
        return self.data is not None and key in self.data

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data or ())

    def __len__(self) -> int:
        return len(self.data or ())

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        if not self.success:
            return f"DataResponse(failed: {self.error})"
        number = len(self.get_list())
        told = f"{number:,} object{'s' if number != 1 else ''} from {self.data_source}"
        missing = "" if self.error is None else f"; {self.error}"
        return f"DataResponse({told} in {self.response_time_ms:.1f} ms{missing})"

    async def _itself(self) -> DataResponse:
        return self

    def __await__(self) -> Any:
        """Be awaited at once: programs of the async time wait for an answer that is there."""
        return self._itself().__await__()


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value.value, int) else value.value
    return value.isoformat() if isinstance(value, datetime) else value
