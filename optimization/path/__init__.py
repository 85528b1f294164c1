"""Prices over several periods: to the event, or to the end of the season."""

from optimization.path.ladder import ladder_problem
from optimization.path.plan import PathPlan, best_path, replan
from optimization.path.problem import Cap, Direction, Path, Period, Staged

__all__ = ["Cap", "Direction", "Path", "PathPlan", "Period", "Staged", "best_path", "ladder_problem", "replan"]
