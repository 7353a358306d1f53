"""Moto's server, with one request at a time: `python moto_server.py -p 0`, by moto's own Python.

By itself it looks at a condition in one step and puts in the next, so that of two requests that
name the same ETag both may come through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from moto import server

_ALONE = threading.Lock()
_serve = server.run_simple


def _serve_alone(host: str, port: int, app: Callable[..., Any], **options: object) -> None:
    def alone(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        with _ALONE:
            return app(environ, start)

    _serve(host, port, alone, **options)


if __name__ == "__main__":
    server.run_simple = _serve_alone
    server.main()
