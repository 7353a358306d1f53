"""Addresses of buckets, as `s3://bucket/folder`: no secret is in one, the environment has those."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from marketkit.errors import InputError

SCHEMES = ("s3", "gs", "az")

# Where a store other than the provider's own is told; the first that is set counts.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_FORM = re.compile(r"(\w+)://([^/]*)(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Address(NamedTuple):
    """The address of a lake in a bucket: the kind of store, the bucket, the folder in there."""

    scheme: str
    bucket: str
    folder: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL. Raises `InputError`, which repeats no part that may be a secret."""
        found = _FORM.fullmatch(url.strip())
        scheme = found[1].lower() if found else ""
        if found is None or scheme not in SCHEMES:
            raise InputError(
                f"{scheme or 'this'}:// is no bucket that a lake can be in;\n"
                "give s3://bucket/folder, gs://bucket/folder, or az://container/folder"
            )
        if re.search("[@?#:]", found[2] + found[3]):
            raise InputError(
                f"a {scheme}:// address with a user, password or parameter in it is not taken;\n"
                f"give {scheme}://bucket/folder, and credentials in the environment alone"
            )
        folder = found[3].strip("/")
        if not _NAME.fullmatch(found[2]) or not _is_plain(folder):
            raise InputError(
                f"{url!r} does not name a bucket and a folder;\ngive {scheme}://bucket/folder"
            )
        return cls(scheme, found[2], folder)

    @classmethod
    def free(cls, url: str) -> Address:
        """Take a URL of any kind apart, as one of a store that is in memory."""
        scheme, _, rest = url.partition("://")
        bucket, _, folder = rest.partition("/")
        return cls(scheme, bucket, folder.strip("/"))

    @property
    def url(self) -> str:
        """The address as text."""
        return f"{self.scheme}://{self.bucket}/{self.folder}".rstrip("/")


class Endpoint(NamedTuple):
    """An endpoint from the environment: its URL, None for the provider's own, and who told it."""

    url: str | None
    variable: str
    plain: bool  # without TLS, which only this machine may do

    @classmethod
    def of(cls, scheme: str) -> Endpoint:
        """Look into the environment. Raises `InputError` for one that would be read on the way."""
        for name in _ENDPOINTS[scheme]:
            if url := os.environ.get(name, "").strip():
                return cls(url, name, _is_plain_http(name, url))
        return cls(None, "", plain=False)


def _is_plain(folder: str) -> bool:
    parts = folder.split("/") if folder else []
    return folder.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in folder


def _is_plain_http(name: str, url: str) -> bool:
    """Whether a URL is of plain HTTP, which only a store on this machine may be."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query:
        raise InputError(f"{name} is no plain URL;\ngive it as https://host:port, without secrets")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InputError(
            f"{name} is http://{host}, where all on the way can read and change the lake;\n"
            "give an https:// URL; http:// is for a store on this machine"
        )
    return parts.scheme == "http"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
