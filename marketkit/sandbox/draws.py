"""Numbers that look random and are always the same: hashes of integers."""

from __future__ import annotations

import zlib
from typing import Final

import polars as pl

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF  # 64 bits


def key_of(text: str, seed: int = 0) -> int:
    """Return a 32-bit key of a name, the same in every process."""
    return zlib.crc32(f"{seed}/{text}".encode())


def mix(first: int, second: int = 0) -> int:
    """Return 64 well-mixed bits of two integers (the splitmix64 finaliser)."""
    bits = (first * 0x9E37_79B9_7F4A_7C15 + second * 0xD1B5_4A32_D192_ED03) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return bits ^ (bits >> 31)


def unit(first: int, second: int = 0) -> float:
    """Return a number in [0, 1)."""
    return (mix(first, second) >> 11) * 2.0**-53


def mix_column(first: pl.Series, second: pl.Series) -> pl.Series:
    """Return `mix` of two columns of 64 bits, which wrap of themselves."""
    bits = first * 0x9E37_79B9_7F4A_7C15 + second * 0xD1B5_4A32_D192_ED03
    bits = (bits ^ (bits // 2**30)) * 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits // 2**27)) * 0x94D0_49BB_1331_11EB
    return bits ^ (bits // 2**31)


def unit_column(first: pl.Series, second: pl.Series) -> pl.Series:
    """Return `unit` of two columns of 64 bits."""
    return (mix_column(first, second) // 2**11).cast(pl.Float64) * 2.0**-53
