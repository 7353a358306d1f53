"""Failures of stores: what each kind means for a call, and the words of it for people.

The library tells them by the class for a few, and by the text of the answer for all others.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from marketkit.errors import LakeError, NotWritable, plain

_LONGEST = 160  # letters of a store's own words that a message shows


class Kind(Enum):
    """The kinds of failures, by what a call does next."""

    MISSING = auto()  # there is no such object
    CHANGED = auto()  # a condition does not hold: the object is of another version
    BUSY = auto()  # may pass: another request is under way, an overload, a lost answer
    AWAY = auto()  # nobody listens at the endpoint
    FINAL = auto()  # asking again would not help


class _Word(NamedTuple):
    """The pattern in the text of a failure, and the words for it: what is wrong, what to do."""

    pattern: re.Pattern[str]
    wrong: str
    remedy: str


def _word(pattern: str, wrong: str, remedy: str) -> _Word:
    return _Word(re.compile(pattern), wrong, remedy)


_SECRETS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_CODE = re.compile(r"<Code>\s*(\w+)")
_STATUS = re.compile(r"status code: (\d+)")
_FINAL = (
    _word(
        r"169\.254\.|metadata\.google|Missing(AccessKeyId|SecretAccessKey)|/latest/api/token|"
        r"NoSigningKey|MissingAccount|instance metadata|OpenCredentials",
        "there are no credentials in the environment",
        "set {secrets}, and ask again",
    ),
    _word(
        "NoSuchBucket|ContainerNotFound|BucketNotFound",
        "the bucket is not there",
        "make it first, or mend its name: marketkit makes no buckets",
    ),
    _word(
        "RequestTimeTooSkewed|RequestExpired",
        "the store refuses this machine's clock, which is wrong by minutes",
        "set the clock, as by `timedatectl set-ntp true`, and ask again",
    ),
    _word(
        "AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint|"
        "redirect without LOCATION|BareRedirect|status code: 30",
        "the bucket lies in another region",
        "set AWS_REGION to the region of the bucket{region}",
    ),
    _word(
        "InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|AuthenticationFailed",
        "the store does not know these credentials",
        "look after {secrets}",
    ),
    _word(
        "AccessDenied|AllAccessDisabled|AuthorizationPermissionMismatch|status code: 40[13]",
        "these credentials may not do that",
        "let its owner allow reading, listing, writing and deleting below this address",
    ),
)
_AWAY = re.compile("kind: Connect|tcp connect error|dns error")
_BROKEN = re.compile(
    "error sending request|kind: (Timeout|Request|Interrupted|Decode|Body|Unknown)|timed out|"
    "error decoding|connection closed|IncompleteMessage"
)
_CONDITIONS = {"AlreadyExistsError", "PreconditionError", "NotModifiedError"}
# Answers after which the same request may be taken, as those of 500 and more.
_PASSING = {408, 409, 425, 429}
_PASSING_CODES = {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown"}
# Codes by which a store says that it has begun nothing. A status alone does not: proxies before a
# store have 503 for a connection that broke half-way, too.
_REFUSALS = {"SlowDown", "ServerBusy"}
_TOO_MANY = 429  # the status of an answer that says the same
_REGION = re.compile(r"expecting '([\w-]+)'|<Region>([\w-]+)")


def kind_of(error: Exception) -> Kind:
    """Say what kind of failure an error of the library is."""
    text = str(error)
    if any(each.pattern.search(text) for each in _FINAL[:3]):
        return Kind.FINAL
    status = _status(text)
    if status in _PASSING or status >= 500 or _code(text) in _PASSING_CODES:
        return Kind.BUSY
    if isinstance(error, FileNotFoundError):
        return Kind.MISSING
    if type(error).__name__ in _CONDITIONS:
        return Kind.CHANGED
    return Kind.FINAL if status else _unanswered(text)


def _unanswered(text: str) -> Kind:
    """Say what kind of failure one is that came without an answer of the store."""
    if _AWAY.search(text):
        return Kind.AWAY
    return Kind.BUSY if _BROKEN.search(text) else Kind.FINAL


def is_undone(error: Exception) -> bool:
    """Whether the request surely changed nothing, and never will: it did not reach the store."""
    text = str(error)
    if kind_of(error) is Kind.AWAY:
        return True
    return _code(text) in _REFUSALS or _status(text) == _TOO_MANY


def told(error: Exception, url: str, *, writing: bool = False) -> LakeError:
    """Give the error of the house for a failure that stays, in two lines.

    One that asking again would not mend is `NotWritable` where something was to be written.
    """
    kind, (wrong, remedy) = kind_of(error), _words(str(error), url.partition(":")[0])
    if kind is Kind.AWAY:
        return LakeError(
            f"nobody answers for {url}{_at(str(error))};\n"
            "is the endpoint in the environment right, and this machine online?"
        )
    if kind is Kind.BUSY:
        return LakeError(
            f"{url}: the store goes on failing: {_said(str(error))};\n"
            "what was put before is safe; ask again later"
        )
    return (NotWritable if writing else LakeError)(f"{url}: {wrong};\n{remedy}")


def _words(text: str, scheme: str) -> tuple[str, str]:
    """Say what is wrong, and what to do."""
    for each in _FINAL:
        if each.pattern.search(text):
            secrets = _SECRETS.get(scheme, "them")
            return each.wrong, each.remedy.format(secrets=secrets, region=_region(text))
    return f"the store refuses: {_said(text)}", "mend that, and ask again"


def _status(text: str) -> int:
    found = _STATUS.search(text)
    return int(found[1]) if found else 0


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


def _said(text: str) -> str:
    """Give a store's own words: the status and code, or the beginning of the first line."""
    if status := _status(text):
        return f"{status} {_code(text)}".strip()
    if _BROKEN.search(text):
        return "its answers do not come, or break off"
    return plain(text.partition("\n")[0], _LONGEST)


def _region(text: str) -> str:
    found = _REGION.search(text)
    return f", {found[1] or found[2]}" if found else ""


def _at(text: str) -> str:
    found = re.search(r"https?://[^/\s]+", text)
    return f" at {found[0]}" if found else ""
