"""Forecasts of statsforecast's AutoETS, in an environment of its own: it needs an older pandas than ours.

Called by bench_fleet.py with a .npz of `sales` (series, days) and `ahead`; writes `said` (series, ahead) beside it and
prints the processor time per series. What is compiled and cached on first use is not counted.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from statsforecast.models import AutoETS

SEASON = 7


def main() -> None:
    """Fit and forecast one series after another."""
    path = Path(sys.argv[1])
    with np.load(path) as given:
        sales, ahead = given["sales"], int(given["ahead"])
    model = AutoETS(season_length=SEASON)
    model.forecast(sales[0], h=ahead)
    start = time.process_time()
    said = np.stack([np.maximum(model.forecast(row, h=ahead)["mean"], 0.0) for row in sales])
    cpu = 1e3 * (time.process_time() - start) / len(sales)
    np.savez(path.with_suffix(".said.npz"), said=said)
    print(json.dumps({"cpu_ms": round(cpu, 3)}))


if __name__ == "__main__":
    main()
