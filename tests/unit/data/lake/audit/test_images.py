"""Faults of images."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.audit import images
from marketkit.data.lake.tier import tier
from marketkit.data.lake.tier.folder import every
from marketkit.data.lake.tier.folder import images as folder

MINUTE = 60_000


@pytest.fixture
def image(lake, candles, january):
    """The one image there is."""
    tier.drop_maps()
    page = candles(range(january, january + 50 * MINUTE, MINUTE))
    lake.append("KRW-BTC", "1m", page, Spans([(january, january + 50 * MINUTE)]))
    assert lake.warm() == 1
    (found,) = folder().rglob("*.arrow")
    return found


def test_sound_images_have_no_fault(lake, image):
    assert list(images.look()) == []
    assert lake.audit(tier=True).is_empty()


@pytest.mark.parametrize("at", [400, 1000, 2400])
def test_a_flipped_bit_is_found_and_changes_nothing(lake, image, at):
    content = bytearray(image.read_bytes())
    content[at] ^= 4
    image.unlink()
    image.write_bytes(content)
    assert lake.audit().is_empty()
    found = lake.audit(tier=True).rows(named=True)
    assert [(each["path"], each["symbol"], each["finding"]) for each in found] == [
        (str(image), "KRW-BTC", "image")
    ]
    assert "delete the file" in found[0]["detail"]
    assert image.read_bytes() == content


def test_an_image_under_the_name_of_another_is_found(image):
    other = image.with_name("2024-02." + image.name.partition(".")[2])
    image.rename(other)
    (found,) = images.look()
    assert "is that of" in found[-1]
    assert every(folder()) == [str(other)]


def test_without_images_there_is_nothing_to_look_at(monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "off")
    assert list(images.look()) == []
