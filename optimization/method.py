"""The ways to solve a problem, by name; apart, so that a command can offer them without loading a solver."""

from enum import StrEnum


class Method(StrEnum):
    """How to solve; auto tries every combination of small parts and hands the others to HiGHS."""

    AUTO = "auto"
    MILP = "milp"
    LAGRANGIAN = "lagrangian"
    EXHAUSTIVE = "exhaustive"
