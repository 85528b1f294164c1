"""Reports as one HTML file each: everything inside, nothing from the network, the same bytes for the same input."""

from api.report.backtest import backtest_report
from api.report.elasticity import Findings, elasticity_report
from api.report.season import season_report

__all__ = ["Findings", "backtest_report", "elasticity_report", "season_report"]
