"""Locks of files."""

from __future__ import annotations

import pytest

from marketkit.data.lake.places.locks import held
from marketkit.errors import LakeError


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    path = tmp_path / ".locks" / "1min" / "KRW-BTC.lock"
    with held(path, 1.0):
        words = r"another writer has held .*KRW-BTC.lock for 0s"
        with pytest.raises(LakeError, match=words), held(path, 0.0):
            pass
    with held(path, 0.0):
        assert path.exists()
