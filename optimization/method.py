"""The ways to solve a problem, by name; apart, so that a command can offer them without loading a solver."""

from enum import StrEnum


class Method(StrEnum):
    """How to solve; auto relaxes, tries what is left where that is little, and hands the rest to HiGHS."""

    AUTO = "auto"
    MILP = "milp"
    LAGRANGIAN = "lagrangian"
    EXHAUSTIVE = "exhaustive"
