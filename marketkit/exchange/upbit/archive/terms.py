"""The known terms of the archive: two readers of the exchange's notice agree.

To download is to consent, so nothing is fetched before somebody has read them.
"""

from __future__ import annotations

PAGE = "https://www.upbit.com/historical_data/main"
TERMS = f"""\
Upbit's archive of candles and trades has terms of its own, as far as they are known:
- personal and non-commercial use only: own strategies, backtests, copies on one's own machine;
- no commercial use, no redistribution, no sale, no processing for others, and no service that
  helps others decide;
- to download is to consent.
The exchange's own words decide: {PAGE}
"""
