"""Bytes become text: in the encoding that is given, or in the one that shows."""

from __future__ import annotations

import pytest

from marketkit.data.lake.transfer.sources.encodings import in_utf8
from marketkit.errors import InputError

TEXT = "일시,시가\n1,2\n"


@pytest.mark.parametrize(
    "code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949", "euc-kr"]
)
def test_the_encodings_in_use_are_found(code):
    assert in_utf8(TEXT.encode(code), None).decode() == TEXT


def test_plain_letters_stay_as_they_are():
    content = b"time,open"
    assert in_utf8(content, None) is content


def test_an_encoding_that_is_given_is_believed():
    assert in_utf8("시가".encode("utf-16-be"), "utf-16-be").decode() == "시가"
    assert in_utf8(b"\xef\xbb\xbfa", "utf-8") == b"a"


@pytest.mark.parametrize(
    ("content", "encoding", "match"),
    [
        (b"\xb0", "utf-8", "no text in encoding='utf-8': say which"),
        (b"a", "utf-99", "unknown encoding='utf-99' .one such as"),
        (b"\xff\xff\x80\x80", None, "in no encoding we know: say which it is, as in encoding="),
        (b"a", "base64", "no text in encoding|unknown encoding"),
    ],
)
def test_bytes_of_no_encoding_are_refused_with_our_own_option(content, encoding, match):
    with pytest.raises(InputError, match=match):
        in_utf8(content, encoding)
