"""Memory of forecasting a folder of parts: ten times the series in parts of the same size, beside one part.

Daily sales of two years with a price, in Parquet files of whole series; forecasts 28 days ahead with `ridge`, as
`fairfare forecast FOLDER` makes them. Each size runs in a process of its own, which says the largest resident size of
itself and of the processes it started. Prints one JSON line; `memory_ratio` is the larger size's peak over the
smaller's (1 is flat), and `peer_memory_mb` what reading all of the larger size's rows at once takes. Linux only.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from api.parts import fit_folder
from forecasting.fleet import Task

DAYS, AHEAD, PER_PART, SEED = 730, 28, 200, 0


def simulate(folder: Path, series: int) -> None:
    """Write so many series, `PER_PART` in a part: weekdays, a season, prices that move weekly."""
    rng, days = np.random.default_rng(SEED), np.arange(DAYS)
    dates = pd.date_range("2023-01-01", periods=DAYS)
    for first in range(0, series, PER_PART):
        count = min(PER_PART, series - first)
        price = np.exp(3 + np.repeat(0.12 * rng.normal(size=(count, DAYS // 7 + 1)), 7, axis=1)[:, :DAYS]).round(2)
        level = rng.uniform(np.log(5), np.log(100), (count, 1)) + 0.3 * np.sin(2 * np.pi * days / 365.25)
        mean = np.exp(level + 0.3 * rng.normal(size=(count, 7))[:, days % 7] - 1.5 * (np.log(price) - 3))
        rows = {
            "date": np.tile(dates, count),
            "product": np.repeat([f"product {first + k:06d}" for k in range(count)], DAYS),
            "quantity": rng.poisson(mean).ravel(),
            "price": price.ravel(),
        }
        pd.DataFrame(rows).to_parquet(folder / f"part-{first // PER_PART:05d}.parquet", index=False)


def peak() -> float:
    """Largest resident size so far, of this process or of one that it started [MB]."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def forecast(folder: Path, model: str) -> None:
    """Forecast a folder in this process and those it starts."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        parts = len(fit_folder(folder, Path(out), Task(horizon=AHEAD, model=model)))
    print(json.dumps({"parts": parts, "seconds": round(time.perf_counter() - start, 1), "peak_mb": round(peak(), 1)}))


def read(folder: Path) -> None:
    """Read every row of a folder at once, and no more."""
    rows = pd.read_parquet(folder)
    print(json.dumps({"rows": len(rows), "peak_mb": round(peak(), 1)}))


def alone(what: str, folder: Path, model: str) -> dict[str, float]:
    """Run one of the two above in a fresh process."""
    command = [sys.executable, __file__, "--run", what, "--folder", str(folder), "--model", model]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # this file
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def main() -> None:
    """Run both sizes and say what they took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--series", type=int, nargs=2, default=[400, 4_000], metavar=("FEW", "MANY"))
    parser.add_argument("--model", default="ridge")
    parser.add_argument("--run", choices=["forecast", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        (forecast(asked.folder, asked.model) if asked.run == "forecast" else read(asked.folder))
        return
    found = []
    with tempfile.TemporaryDirectory() as root:
        for series in asked.series:
            folder = Path(root) / str(series)
            folder.mkdir()
            simulate(folder, series)
            found.append({"series": series, **alone("forecast", folder, asked.model)})
        peer = alone("read", folder, asked.model)
    print(
        json.dumps(
            {
                "benchmark": "parts",
                "model": asked.model,
                "runs": found,
                "memory_ratio": round(found[1]["peak_mb"] / found[0]["peak_mb"], 2),
                "peer_memory_mb": peer["peak_mb"],
            }
        )
    )


if __name__ == "__main__":
    main()
