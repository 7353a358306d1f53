"""One client of the websocket: limits, messages, subscriptions, faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Protocol

from websockets.frames import CloseCode

from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.limits import Visitors, Window
from marketkit.sandbox.stream.doorstep import met
from marketkit.sandbox.stream.faults import AT_CONNECT, AT_FRAME, StreamFaults
from marketkit.sandbox.stream.framing import Message, frame
from marketkit.sandbox.stream.grammar import (
    Form,
    Key,
    Part,
    Request,
    StreamError,
    Wish,
    listing,
    parse,
)
from marketkit.sandbox.stream.ledger import Ledger
from marketkit.sandbox.stream.misfortune import strike
from marketkit.sandbox.stream.rules import StreamRules
from marketkit.sandbox.stream.switches import Switches
from marketkit.sandbox.stream.wire import Admission, Wire

_PATH: Final = "/websocket/v1"
_UP: Final = b'{"status":"UP"}'
_FIRST_UP, _NEXT_UP = 7_000, 10_000  # ms after PING, and from one to the next


class Exchange(Protocol):
    """All connections of one exchange, as each connection sees the whole."""

    limits: Visitors
    faults: StreamFaults
    rules: StreamRules
    ledger: Ledger
    switches: Switches
    dirty: dict[Connection, None]

    @property
    def moment(self) -> int:
        """The time of the present action (ms UTC of the sandbox)."""
        ...

    def message_windows(self) -> list[Window]:
        """Return the message limits of one connection."""
        ...

    def soon(self, delay: int, action: Callable[[], None]) -> None:
        """Do something after so many ms, at once while the clock stands."""
        ...

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Do something after so many ms."""
        ...

    def join(self, connection: Connection) -> None:
        """Count a connection in."""
        ...

    def leave(self, connection: Connection) -> None:
        """Count a connection out."""
        ...

    def subscribe(self, connection: Connection, request: Request) -> None:
        """Put a request in place of a connection's subscriptions."""
        ...

    def reset_all(self) -> None:
        """Reset every connection at once."""
        ...


class Connection:
    """One client's subscriptions, and the messages to and from the client."""

    def __init__(self, hub: Exchange, number: int, of_server: set[Any]) -> None:
        self.wire = Wire(self, of_server, deflate=hub.rules.deflate)
        self.parts: tuple[Part, ...] = ()
        self.wishes: dict[Key, Wish] = {}
        self.ended: str | None = None
        self._hub, self._number = hub, number
        self._form: Form = "DEFAULT"
        self._messages = self._violations = self._frames = self._bytes = 0
        self._opened = self._traffic = hub.moment
        self._silent_until = 0
        self._heartbeat = False
        self._doomed = False
        self._held: Message | None = None
        self._outbox: list[bytes] = []
        self._windows: list[Window] = hub.message_windows()

    def admit(self, path: str, *, origin: bool) -> Admission | None:
        """Say whether the client may come in: the switch, the path, the limits, then the faults."""
        if not self._hub.switches.opens:
            return None
        if path != _PATH:
            return Admission(404, "no Route matched with those values")
        limits = self._hub.limits.of(self.wire.address)
        group = limits.groups["origin" if origin else "websocket"]
        now = time.monotonic()
        fault = self._hub.faults.draw(AT_CONNECT)
        uncounted = fault is not None and fault.kind == "refuse"
        status = 200 if uncounted else limits.admit(group.name, now)
        admission = met(fault, status, self.wire.port)
        self._doomed = fault is not None and fault.kind == "accept-close"
        self._hub.ledger.refused += admission.status != HTTPStatus.SWITCHING_PROTOCOLS
        return admission._replace(remaining=group.remaining(now))

    def begin(self) -> None:
        """Join the others."""
        self._hub.join(self)
        if self._doomed:
            self.cut("accept-close")

    def touch(self) -> None:
        """Put off the end for want of traffic."""
        self._traffic = self._hub.moment

    def lost(self, reason: str) -> None:
        """Leave the others."""
        self._end(reason)
        self._hub.leave(self)

    def receive(self, message: bytes) -> None:
        """Act on one message of the client."""
        self._messages += 1
        if self._too_many():
            self._violations += 1
            if self._hub.rules.over_limit == "close":
                self._close(CloseCode.POLICY_VIOLATION, "message limit")
                return
        if message.strip() == b"PING":
            self._start_heartbeat()
            return
        try:
            self._obey(parse(message))
        except StreamError as error:
            self._fail(error)

    def _too_many(self) -> bool:
        now = time.monotonic()
        # Each counts the message, also when another refuses it.
        admitted = [window.admit(now) for window in self._windows]
        return not all(admitted)

    def _obey(self, request: Request) -> None:
        self._form = request.form
        if request.parts:
            self._hub.subscribe(self, request)
            return
        answer = Message(lambda simple: listing(request, self.parts, simple=simple))
        self._hub.soon(20, lambda: self.put(answer))

    def _fail(self, error: StreamError) -> None:
        self.send(frame(error.body.encode()))
        reason = f"error {error.name}"
        self._hub.soon(150, lambda: self._close(CloseCode.NORMAL_CLOSURE, reason))

    def _start_heartbeat(self) -> None:
        if not self._heartbeat:
            self._heartbeat = True
            self._hub.later(_FIRST_UP, self._beat)

    def _beat(self) -> None:
        if self.ended is None:
            self.send(frame(_UP))
            self._hub.later(_NEXT_UP, self._beat)

    def restart_timers(self) -> None:
        """Begin waiting anew, after the clock was set back."""
        self._silent_until = 0
        self.touch()
        self.watch_idle()
        if self._heartbeat:
            self._hub.later(_NEXT_UP, self._beat)

    def watch_idle(self) -> None:
        """End the connection once nothing has come or gone for long; look again otherwise."""
        if self.ended is not None:
            return
        left = self._traffic + round(self._hub.rules.idle_s * 1000) - self._hub.moment
        if left <= 0:
            self.cut("idle")
        else:
            self._hub.later(left, self.watch_idle)

    def publish(self, message: Message) -> None:
        """Send one REALTIME message, unless a fault strikes."""
        if self.ended is not None:
            return
        fault = self._hub.faults.draw(AT_FRAME)
        if fault is None and self._held is None:
            self.put(message)
        else:
            self._strike(fault, message)

    def _strike(self, fault: Fault | None, message: Message) -> None:
        held, self._held = self._held, None
        if fault is not None and fault.kind == "out-of-order" and held is None:
            self._held = message
            return
        messages = strike(fault, self, message) if fault else (message,)
        for later in (*messages, held):
            if later is not None:
                self.put(later)

    def halve(self, message: Message) -> None:
        """Send half of a frame, and hang up."""
        whole = message.wire(self._form, self.wire.bits)
        self._outbox.append(whole[: len(whole) // 2])
        self.cut("half-frame")

    def hush(self, seconds: float) -> None:
        """Lose all that is sent in so many seconds of sandbox time."""
        self._silent_until = self._hub.moment + round(seconds * 1000)

    def reset_all(self) -> None:
        """Reset every connection of the exchange."""
        self._hub.reset_all()

    def pour(self, reason: str, parts: Iterable[bytes]) -> None:
        """Send nothing any more but these bytes, as fast as read; hang up after the last."""
        self.flush()
        self._end(reason)
        self.wire.pour(parts)

    def put(self, message: Message) -> None:
        """Send one message in this connection's format."""
        self.send(message.wire(self._form, self.wire.bits))

    def send(self, data: bytes) -> None:
        """Queue a frame; the hub writes all queued frames together."""
        if self.ended is not None:
            return
        self.touch()
        if self._hub.moment < self._silent_until:
            return
        self._frames += 1
        self._bytes += len(data)
        self._outbox.append(data)
        self._hub.dirty[self] = None

    def replay(self, data: bytes) -> None:
        """Write frames that were encoded elsewhere."""
        self.flush()
        self.wire.write(data)

    def flush(self) -> None:
        """Write the queued frames."""
        if self._outbox:
            self.wire.write(b"".join(self._outbox))
            self._outbox.clear()

    def cut(self, reason: str) -> None:
        """Hang up after the queued frames, without a close frame."""
        self.flush()
        self.wire.cut()
        self._end(reason)

    def reset(self, reason: str) -> None:
        """End the connection with a TCP reset."""
        self.flush()
        self.wire.reset()
        self._end(reason)

    def _close(self, code: CloseCode, reason: str) -> None:
        if self.ended is None:
            self.wire.close(code)
        self._end(reason)

    def _end(self, reason: str) -> None:
        """Note the reason of the end, the first one only."""
        if self.ended is None:
            self.ended = reason

    def stats(self) -> dict[str, Any]:
        """Return the counts and the state of a connection, for tests."""
        return {
            "number": self._number,
            "opened": self._opened,
            "format": self._form,
            "compressed": self.wire.bits > 0,
            "messages": self._messages,
            "violations": self._violations,
            "frames": self._frames,
            "bytes": self._bytes,
            "subscriptions": [
                {"type": part.channel, "codes": list(part.codes)} for part in self.parts
            ],
            "ended": self.ended,
        }
