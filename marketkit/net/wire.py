"""One request on the wire: the client that sends, and the moment of writing."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import struct
import sys
import textwrap
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from marketkit.clock import age_clock
from marketkit.errors import (
    InputError,
    MarketkitError,
    NetworkError,
    TimedOut,
    Unreachable,
    plain,
)
from marketkit.exchange.dialect import Request
from marketkit.net.budget.budget import Slot
from marketkit.settings import library_version

if TYPE_CHECKING:
    from http.cookiejar import CookieJar

    import httpx

# An abandoned request must not be delivered later by the kernel: closing resets the connection.
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_NO_PROXY = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
_ANYWHERE = ("192.0.2.1", "2001:db8::1")  # beyond every router: RFC 5737 and RFC 3849
_PORTS = {"http": 80, "https": 443}  # they go without saying
_CONNECTIONS = 20  # two seconds of a group's requests at the usual limit: more would only wait
_KEPT_ALIVE = 60.0  # seconds; a new connection costs two round trips and a TLS handshake


def client_for(endpoint: str, address: str | None = None) -> httpx.AsyncClient:
    """Make the client of an endpoint; the first requests open connections.

    With an `address` of this machine all connections leave from there, and by no proxy of the
    environment: the exchange would see the proxy's address.
    """
    import httpx  # noqa: PLC0415 - slow to import, and who reads the lake sends nothing

    limits = httpx.Limits(
        max_connections=_CONNECTIONS,
        max_keepalive_connections=_CONNECTIONS,
        keepalive_expiry=_KEPT_ALIVE,
    )
    trusted, bound = _certificates(endpoint), None
    if address is not None:
        bound = httpx.AsyncHTTPTransport(verify=trusted, limits=limits, local_address=address)
    client = httpx.AsyncClient(
        headers={"User-Agent": f"marketkit/{library_version()}", "Accept-Encoding": "gzip"},
        limits=limits,
        verify=trusted,
        transport=bound,
        mounts=_NO_PROXY,  # a company's proxy cannot reach a sandbox on this machine
        timeout=None,  # one bound for the whole attempt is kept outside  # noqa: S113
    )
    client.cookies.jar = _no_cookies()
    return client


def _no_cookies() -> CookieJar:
    """Give a jar that takes nothing in: looking for cookies takes longer than sending a request.

    Nobody is logged in; whatever is set would be kept and sent back, however much it is.
    """
    from http.cookiejar import CookieJar  # noqa: PLC0415 - slow to import, as is httpx

    class NoCookies(CookieJar):
        def extract_cookies(self, response: object, request: object) -> None:
            """Leave all cookies out."""

    return NoCookies()


def host_of(endpoint: str, address: str | None = None) -> str:
    """Name the host in a way that can be part of a file name: `api.upbit.com`, `127.0.0.1_8000`.

    All spellings of one host give one name, and this machine has one, however it is called:
    what counts our requests knows nothing of names. The exchange counts by the client's `address`:
    one that requests would not leave from anyway is a part of the name.
    """
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise InputError(f"endpoint {endpoint!r} is not a URL: {error}") from None
    if not host:
        raise InputError(f"endpoint {endpoint!r} names no host")
    name = _one_spelling(host)
    host = name.replace(":", "_")
    host = host if port in {None, _PORTS.get(url.scheme)} else f"{host}_{port}"
    if address is None or address == usual_address(name, address):
        return host
    return f"{host}-from-{address.replace(':', '_')}"


def _one_spelling(host: str) -> str:
    """Give one spelling of a host for all that lead there, such as `127.1` and `LOCALHOST.`."""
    name = host.rstrip(".")
    addresses = _addresses(name)
    if addresses and all(each.is_loopback or each.is_unspecified for each in addresses):
        return "127.0.0.1"
    return str(addresses[0]) if addresses else name


def usual_address(host: str, like: str) -> str | None:
    """Give the address of this machine that packets to a host leave from, if nobody says another.

    Of the family of `like`. A connected datagram socket only looks the way up: nothing is sent.
    """
    six = ":" in like
    there = _ANYWHERE[six]
    with contextlib.suppress(ValueError):  # a name: nobody is asked what it stands for
        there = host if (ip_address(host).version == 6) == six else there
    if host == "127.0.0.1":
        there = "::1" if six else host
    family = socket.AF_INET6 if six else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
        way.connect((there, 9))
        return str(way.getsockname()[0])
    return None


def _addresses(name: str) -> list[IPv4Address | IPv6Address]:
    """Give the address written as a host, and the addresses of a name of this network.

    A name with a dot in it is the same for everybody, so nobody is asked what it stands for.
    """
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return [ip_address("127.0.0.1")]
    with contextlib.suppress(OSError, ValueError):
        return [_plain(ip_address(name) if ":" in name else ip_address(socket.inet_aton(name)))]
    with contextlib.suppress(OSError, ValueError):
        found = socket.getaddrinfo(name, None) if "." not in name else []
        here = [_plain(ip_address(each[4][0])) for each in found]
        return here if all(each.is_loopback for each in here) else []
    return []


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the IPv4 address inside of one of IPv6, if there is one."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


async def let_go(answer: httpx.Response) -> None:
    """Close an answer, and leave nothing of it to the collector.

    Its stream knows the answer: a cycle of fifty objects for each request. Some are old enough by
    then to lie there until the collector looks at all there is, which it does every few minutes.
    """
    await answer.aclose()
    del answer.stream


def about(request: Request) -> str:
    """Name the subject of a request in short."""
    if not request.params:
        return ""
    name, value = request.params[0]
    return f" ({name}={textwrap.shorten(value.replace(',', ', '), 40, placeholder=' ...')})"


def in_all(failure: TimedOut, attempts: int, seconds: float) -> TimedOut:
    """Add to a failure the duration of all attempts, waits for turns included."""
    many = f"{attempts} attempts" if attempts > 1 else "the attempt"
    said = f"{failure}; {many} took {seconds:.1f}s in all"
    return TimedOut(f"{said}: try again, or give a longer timeout")


def failure_of(error: httpx.HTTPError, endpoint: str, address: str | None = None) -> MarketkitError:
    """Give our error for one of httpx; `address` is one of this machine that was to be used."""
    import httpx  # noqa: PLC0415 - as above

    detail = plain(str(error) or type(error).__name__, 200)  # letters; some quote what came
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        way = endpoint if address is None else f"{endpoint} from {address}"
        return Unreachable(f"cannot connect to {way} ({detail}); check the address and the network")
    return NetworkError(f"the connection to {endpoint} broke ({detail}); try again")


# What is waited for once an event of httpx began, by the end of its name; the first is before any.
_AWAITED = {
    "": "one of its connections to be free",
    "connect_tcp": "the connection",
    "start_tls": "the encryption of the connection",
    "send_request_headers": "the request to be taken",
    "receive_response_headers": "the first byte of the answer",
    "receive_response_body": "the rest of the answer",
}


class Wire:
    """One request of httpx under watch: bytes written, times, and the present wait."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.written = False
        self.started = 0.0
        self.sent = 0
        self.awaited = _AWAITED[""]

    def build(self, client: httpx.AsyncClient, endpoint: str, request: Request) -> httpx.Request:
        """Give a request in the form of httpx: the client takes twice as long to make the same.

        For it would look for cookies, parameters and headers to add, all of which we know.
        """
        import httpx  # noqa: PLC0415 - as above

        query = f"?{urlencode(request.params)}" if request.params else ""
        url, watched = f"{endpoint}{request.path}{query}", {"trace": self.trace}
        return httpx.Request("GET", url, headers=client.headers, extensions=watched)

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow the events of httpx; refuse to write once the slot is not held any more."""
        step, _, state = event.rpartition(".")
        if state == "started":
            self.awaited = _AWAITED.get(step.rpartition(".")[2], self.awaited)
        if event == "connection.connect_tcp.complete":
            connection = info["return_value"].get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        elif event.endswith(".send_request_headers.started"):
            # Connecting may have taken long, and the process may have been stopped meanwhile.
            if not self.slot.held():
                raise TurnPassed
            self.written = True
            self.started = time.monotonic()
            self.sent = age_clock()


class TurnPassed(Exception):
    """The slot grew too old before the request could be written."""


@functools.cache
def _certificates(endpoint: str) -> ssl.SSLContext:
    """Give the one context of an endpoint; loading the authorities takes longer than a request.

    Where nothing is encrypted it trusts nobody.
    """
    if endpoint.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import httpx  # noqa: PLC0415 - as above

    return httpx.create_ssl_context()
