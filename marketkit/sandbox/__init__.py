"""An Upbit-compatible exchange on loopback, which never imports the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketkit.sandbox.command import add_arguments, run
    from marketkit.sandbox.server import Sandbox
    from marketkit.sandbox.stream.rules import StreamRules

__all__ = ["Sandbox", "StreamRules", "add_arguments", "run"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use: polars and uvicorn are not cheap."""
    if name == "Sandbox":
        from marketkit.sandbox.server import Sandbox  # noqa: PLC0415

        return Sandbox
    if name == "StreamRules":
        from marketkit.sandbox.stream.rules import StreamRules  # noqa: PLC0415

        return StreamRules
    if name in {"add_arguments", "run"}:
        from marketkit.sandbox import command  # noqa: PLC0415

        return getattr(command, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
