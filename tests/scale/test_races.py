"""Writers of many processes at one object of a store that fails now and then: none is lost."""

from __future__ import annotations

import json

import pytest

from marketkit.data.lake.places.bucket import Bucket
from tests.scale.proxy import by_chance
from tests.scale.racing import KEY, race


@pytest.mark.slow
def test_of_500_races_on_one_object_through_a_faulty_network_none_is_lost(moto, faulty):
    proxy = faulty(moto, by_chance(seed=1, share=0.2))
    url = f"s3://{moto.bucket()}/lake"
    conflicts = race(url, processes=8, each=63)
    proxy.script = by_chance(seed=1, share=0)
    numbers = json.loads(Bucket(url).read(KEY)[0])
    assert sorted(numbers) == list(range(504))
    assert conflicts > 0


@pytest.mark.slow
def test_of_races_at_a_real_gateway_none_is_lost(ceph_url):
    assert race(ceph_url, processes=4, each=20) > 0
    assert sorted(json.loads(Bucket(ceph_url).read(KEY)[0])) == list(range(80))
