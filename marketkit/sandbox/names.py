"""The markets of the seeded exchange, and the names of coins."""

from __future__ import annotations

from typing import Final

# code: (Korean name, English name); the most traded first
COINS: Final = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "XRP": ("엑스알피(리플)", "XRP"),
    "SOL": ("솔라나", "Solana"),
    "DOGE": ("도지코인", "Dogecoin"),
    "USDT": ("테더", "Tether"),
    "ADA": ("에이다", "Ada"),
    "SUI": ("수이", "Sui"),
    "LINK": ("체인링크", "Chainlink"),
    "XLM": ("스텔라루멘", "Lumen"),
    "TRX": ("트론", "TRON"),
    "AVAX": ("아발란체", "Avalanche"),
    "BCH": ("비트코인캐시", "Bitcoin Cash"),
    "DOT": ("폴카닷", "Polkadot"),
    "ETC": ("이더리움클래식", "Ethereum Classic"),
    "HBAR": ("헤데라", "Hedera"),
    "SHIB": ("시바이누", "Shiba Inu"),
    "NEAR": ("니어프로토콜", "NEAR Protocol"),
    "PEPE": ("페페", "Pepe"),
    "UNI": ("유니스왑", "Uniswap"),
    "AAVE": ("에이브", "Aave"),
    "APT": ("앱토스", "Aptos"),
    "ONDO": ("온도파이낸스", "Ondo Finance"),
    "WLD": ("월드코인", "Worldcoin"),
    "POL": ("폴리곤에코시스템토큰", "POL"),
    "ATOM": ("코스모스", "Cosmos"),
    "ARB": ("아비트럼", "Arbitrum"),
    "SEI": ("세이", "Sei"),
    "VET": ("비체인", "VeChain"),
    "ALGO": ("알고랜드", "Algorand"),
    "STX": ("스택스", "Stacks"),
    "IMX": ("이뮤터블엑스", "Immutable X"),
    "GRT": ("더그래프", "The Graph"),
    "SAND": ("샌드박스", "The Sandbox"),
    "MANA": ("디센트럴랜드", "Decentraland"),
    "AXS": ("엑시인피니티", "Axie Infinity"),
    "THETA": ("쎄타토큰", "Theta Token"),
    "XTZ": ("테조스", "Tezos"),
    "NEO": ("네오", "NEO"),
    "QTUM": ("퀀텀", "Qtum"),
    "IOTA": ("아이오타", "IOTA"),
    "BAT": ("베이직어텐션토큰", "Basic Attention Token"),
    "CHZ": ("칠리즈", "Chiliz"),
    "ZRX": ("제로엑스", "0x Protocol"),
    "ICX": ("아이콘", "ICON"),
    "WAXP": ("왁스", "WAX"),
    "MASK": ("마스크네트워크", "Mask Network"),
    "A": ("볼타", "Vaulta"),
    "2Z": ("더블제로", "DoubleZero"),
}
QUOTES: Final = {"KRW": 289, "BTC": 328, "USDT": 238}  # with the number of their markets


def coin_names(code: str) -> tuple[str, str]:
    """Return the Korean and the English name of a coin."""
    return COINS.get(code, (f"가상코인{code}", f"Made-up {code}"))


def seeded_symbols() -> list[tuple[str, int]]:
    """Return the markets of the seeded exchange with their rank in trading, busiest 0."""
    made_up = [f"MK{number:03d}" for number in range(1, 340)]
    ranked = []
    for quote, most in QUOTES.items():
        bases = [base for base in (*COINS, *made_up) if base != quote and _listed(base, quote)]
        ranked += [(f"{quote}-{base}", rank) for rank, base in enumerate(bases[:most])]
    return ranked


def _listed(base: str, quote: str) -> bool:
    return not (quote == "BTC" and base == "USDT")
