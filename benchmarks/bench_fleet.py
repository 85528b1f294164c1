"""Forecasts of many daily series: ours against Prophet, statsmodels and statsforecast, one series after another.

Two years of days per series, log-additive truth (trend, yearly season, weekdays, price) with Poisson noise, four weeks
ahead at known prices. Ours are two models of the fleet path, intervals included, and `auto`: every model of it, tried
at past origins, chosen, its intervals widened. Prophet is set up as for such data: yearly season, price as a regressor,
no draws for intervals, in units and in logs. Holt-Winters and AutoETS cannot use a price; SARIMAX does, on few series.
Prints one JSON line: processor time per series, and weighted absolute percentage errors on the same series.

AutoETS needs an older pandas and so an environment of its own; without it that peer is left out, and the line says so:
    python -m venv benchmarks/peers/.venv
    benchmarks/peers/.venv/bin/pip install --require-hashes -r benchmarks/peers/requirements.txt
"""

import argparse
import contextlib
import json
import logging
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.errors import Pandas4Warning
from prophet import Prophet
from statsmodels.tools.sm_exceptions import ModelWarning
from statsmodels.tsa.holtwinters import ExponentialSmoothing
from statsmodels.tsa.statespace.sarimax import SARIMAX
from threadpoolctl import threadpool_limits

from forecasting.evaluate import wape
from forecasting.fleet import PARTITION, Task, trials
from forecasting.grid import Frequency, Grid
from forecasting.model import FleetModel, Future, History, NotFittedError, Vector
from forecasting.prophet_map import ProphetMap
from forecasting.ridge import Ridge
from forecasting.select import choose

DAYS, AHEAD, START = 730, 28, 18_000
"""History, horizon, and first day since 1970 [days]."""
LEVEL, SEED = 0.8, 0
PEERS = Path(__file__).parent / "peers"
ENVIRONMENT = PEERS / ".venv" / "bin" / "python"
ABSENT = f"left out: there is no {ENVIRONMENT.relative_to(PEERS.parent.parent)} (see the head of bench_fleet.py)"


@dataclass(frozen=True, eq=False)
class Case:
    """A series, what is known ahead, what came, and the best that could have been said."""

    history: History
    future: Future
    actual: Vector
    truth: Vector


def simulated(rng: np.random.Generator) -> Case:
    """One product: prices move weekly, buyers answer with an elasticity between -0.8 and -2.2."""
    days = np.arange(DAYS + AHEAD)
    price = np.log(20) + np.repeat(0.12 * rng.normal(size=days.size // 7 + 1), 7)[: days.size]
    season = rng.uniform(0.1, 0.4) * np.sin(2 * np.pi * (days / 365.25 + rng.random()))
    weekdays = (0.3 * rng.normal(size=7))[days % 7]
    trend = rng.uniform(np.log(5), np.log(100)) + rng.normal(0, 0.3) * days / DAYS
    truth = np.exp(trend + season + weekdays - rng.uniform(0.8, 2.2) * (price - np.log(20)))
    sales = rng.poisson(truth).astype(np.float64)
    limit = np.full(days.size, np.inf)
    past = History(Grid(Frequency.D), START, sales[:DAYS], np.zeros(DAYS), limit[:DAYS], ("price",), price[:DAYS, None])
    return Case(past, Future(past.following(AHEAD), price[DAYS:, None], limit[DAYS:]), sales[DAYS:], truth[DAYS:])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No logs of Stan, no warning of pandas about Prophet's own code."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=Pandas4Warning)
        warnings.filterwarnings("ignore", category=ModelWarning)  # a peer's fit that did not converge still counts
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="statsmodels")
        yield


def library(case: Case, *, logs: bool) -> Vector:
    """What Prophet says, in units or in logs of one more than was sold."""
    periods = np.concatenate([case.history.periods, case.future.periods])
    dates = case.history.grid.label(periods).astype("datetime64[ns]")
    frame = pd.DataFrame(
        {"ds": dates, "price": np.concatenate([case.history.regressors, case.future.regressors])[:, 0]}
    )
    frame["y"] = np.append(np.log1p(case.history.sales) if logs else case.history.sales, np.full(AHEAD, np.nan))
    prophet = Prophet(yearly_seasonality=True, uncertainty_samples=0)
    prophet.add_regressor("price")
    prophet.fit(frame.head(DAYS))
    said = prophet.predict(frame.tail(AHEAD).drop(columns="y"))["yhat"].to_numpy()
    return np.asarray(np.maximum(np.expm1(said) if logs else said, 0.0), dtype=np.float64)


def ours(model: FleetModel, cases: list[Case]) -> list[Vector]:
    """Means of a fleet, partition by partition, intervals computed too."""
    said = []
    for first in range(0, len(cases), PARTITION):
        part = cases[first : first + PARTITION]
        for case, fit in zip(part, model.fit_all([case.history for case in part]), strict=True):
            if isinstance(fit, NotFittedError):
                raise fit
            said.append(fit.forecast(case.future, level=LEVEL, seed=SEED).mean)
    return said


def auto(cases: list[Case]) -> list[Vector]:
    """Means of what `fairfare forecast` says by default: trials, choice and intervals, in this process."""
    task, tried = Task(horizon=AHEAD, level=LEVEL, seed=SEED), []
    for first in range(0, len(cases), PARTITION):
        part = cases[first : first + PARTITION]
        tried += trials(
            [case.history for case in part], [case.future for case in part], task, task.candidates(Frequency.D)
        )
    return [chosen.forecast.mean for chosen in choose(tried, level=LEVEL, model=task.model)]


def holt_winters(cases: list[Case]) -> list[Vector]:
    """Damped trend and a weekly season."""
    said = []
    for case in cases:
        model = ExponentialSmoothing(
            case.history.sales, trend="add", damped_trend=True, seasonal="add", seasonal_periods=7
        )
        said.append(np.maximum(model.fit().forecast(AHEAD), 0.0))
    return said


def sarimax(cases: list[Case]) -> list[Vector]:
    """The airline model of weekdays on logs, with the log price."""
    said = []
    for case in cases:
        model = SARIMAX(
            np.log1p(case.history.sales),
            exog=case.history.regressors,
            order=(0, 1, 1),
            seasonal_order=(0, 1, 1, 7),
        )
        said.append(np.maximum(np.expm1(model.fit(disp=False).forecast(AHEAD, exog=case.future.regressors)), 0.0))
    return said


def auto_ets(cases: list[Case]) -> dict[str, float | str]:
    """What statsforecast's AutoETS says and takes, in its own environment."""
    if not ENVIRONMENT.exists():
        return {"note": ABSENT}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.npz"
        np.savez(path, sales=np.stack([case.history.sales for case in cases]), ahead=AHEAD)
        command = [str(ENVIRONMENT), str(PEERS / "auto_ets.py"), str(path)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # files of ours
        with np.load(path.with_suffix(".said.npz")) as found:
            said = found["said"]
    actual = np.stack([case.actual for case in cases])
    return {**json.loads(ended.stdout.splitlines()[-1]), "wape": round(wape(actual, said), 4)}


def each(cases: list[Case]) -> list[Vector]:
    """Prophet in units, one series after another."""
    return [library(case, logs=False) for case in cases]


def each_in_logs(cases: list[Case]) -> list[Vector]:
    """Prophet in logs, one series after another."""
    return [library(case, logs=True) for case in cases]


def spent() -> float:
    """Processor time of this process and of those it waited for, Prophet's optimizer being one [s]."""
    usage = os.times()
    return usage.user + usage.system + usage.children_user + usage.children_system


def measured(run: Callable[[list[Case]], list[Vector]], cases: list[Case]) -> dict[str, float]:
    """Processor time per series [ms], and error."""
    before = spent()
    said = run(cases)
    cpu = 1e3 * (spent() - before) / len(said)
    actual = np.concatenate([case.actual for case in cases])
    return {"cpu_ms": round(cpu, 3), "wape": round(wape(actual, np.concatenate(said)), 4)}


def main() -> None:
    """Run both sides on the same series; ours again on all of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--series", type=int, default=1_000, help="of ours")
    parser.add_argument("--peer-series", type=int, default=20, help="of the peers', the first ones")
    parser.add_argument("--slow-series", type=int, default=4, help="of SARIMAX, the first ones")
    asked = parser.parse_args()
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # all in this process, whose time is measured
    rng = np.random.default_rng(SEED)
    cases = [simulated(rng) for _ in range(asked.series)]
    both, few = cases[: asked.peer_series], cases[: asked.slow_series]
    models = {"auto": auto, "ridge": partial(ours, Ridge()), "prophet-map": partial(ours, ProphetMap())}
    with quiet(), threadpool_limits(1):
        library(cases[0], logs=True)  # what is loaded once is not counted
        auto(cases[:1])
        peers: dict[str, dict[str, float | str]] = {
            "prophet": {**measured(each, both)},
            "prophet in logs": {**measured(each_in_logs, both)},
            "statsmodels Holt-Winters": {**measured(holt_winters, both)},
            "statsmodels SARIMAX": {**measured(sarimax, few), "series": len(few)},
            "statsforecast AutoETS": auto_ets(both),
        }
        found = {name: measured(run, cases) for name, run in models.items()}
        same = {name: (measured(run, both)["wape"], measured(run, few)["wape"]) for name, run in models.items()}
    prophet = min(float(peers[name]["cpu_ms"]) for name in ("prophet", "prophet in logs"))
    best = min(float(peers[name]["wape"]) for name in ("prophet", "prophet in logs"))
    for name, values in found.items():
        values |= {
            "wape_on_peer_series": same[name][0],
            "wape_on_slow_series": same[name][1],
            "times_quicker_than_prophet": round(prophet / values["cpu_ms"], 1),
        }
    truth = wape(np.concatenate([c.actual for c in both]), np.concatenate([c.truth for c in both]))
    print(
        json.dumps(
            {
                "benchmark": "fleet",
                "series": asked.series,
                "peer_series": asked.peer_series,
                "peer": peers,
                "ours": found,
                "wape_of_truth_on_peer_series": round(truth, 4),
                "error_ratio": {name: round(same[name][0] / best, 3) for name in models},
            }
        )
    )


if __name__ == "__main__":
    main()
