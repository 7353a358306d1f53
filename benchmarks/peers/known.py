"""All stores that are compared; the first is ours as programs meet it."""

from __future__ import annotations

from benchmarks.peers.apart import Feather, Lance, Vortex
from benchmarks.peers.arctic import Arctic, ArcticPolars
from benchmarks.peers.nautilus import Nautilus
from benchmarks.peers.stores import (
    Marketkit,
    MarketkitFiles,
    MarketkitNew,
    MarketkitPandas,
    Store,
)
from benchmarks.peers.tables import Delta, Duck

STORES: tuple[type[Store], ...] = (
    *(Marketkit, MarketkitNew, MarketkitFiles, MarketkitPandas),
    *(Arctic, ArcticPolars, Duck, Delta, Feather, Vortex, Lance, Nautilus),
)
