"""Solves a whole problem by relaxation, part by part, and hands the parts whose gap stays open to HiGHS.

Guarantees
----------
* The bound of the whole is the sum of the parts' bounds; the answer to each part keeps all its rules.
* A part goes to HiGHS if its gap is above what its size calls for; the better prices and the lower bound of both stay.
* That large parts are solved side by side changes nothing about their answers, unless the time limit cuts them short.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from optimization.account import OPTIMAL_GAP, PROVEN_GAP
from optimization.components import split
from optimization.enumeration import settle
from optimization.lagrangian.parts import parts_of
from optimization.lagrangian.relax import Relaxed, named, relaxed
from optimization.lagrangian.rows import RESOURCE, Name
from optimization.lagrangian.tables import Tables
from optimization.mixed_integer import LARGE, mixed_integer, steps_of
from optimization.steps import Answer, Floats, Mask, canonical, value_of
from pricing.problem import Problem

WORKERS = 2
"""Large parts that HiGHS works on side by side, each in a process of its own."""

Weights = Mapping[Name, float]
"""What joins offers -> what one more unit of it would earn [currency]."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to the whole.

    Attributes
    ----------
    infeasible : a part without an answer, if there is one
    weights : what one more unit of each row would earn in the relaxation
    """

    answer: Answer
    weights: Weights = field(default_factory=dict)
    infeasible: Problem | None = None

    @property
    def shadow(self) -> dict[str, float]:
        """Resource -> what one more unit of it would earn in the relaxation [currency]."""
        return {name: weight for (kind, name), weight in self.weights.items() if kind == RESOURCE}


@dataclass(frozen=True, slots=True)
class _Part:
    """One part, with how its relaxation ended."""

    tables: Tables
    found: Relaxed
    size: int

    @property
    def answer(self) -> Answer:
        """What the relaxation found."""
        steps = None if self.found.steps is None else named(self.tables, self.found.steps)
        return Answer("lagrangian", steps, self.found.bound)

    def proven(self, *, quick: bool) -> bool:
        """Whether the gap is as small as the part's size calls for."""
        return self.found.gap <= (PROVEN_GAP if quick or self.size > LARGE else OPTIMAL_GAP)

    def closed(self) -> Iterator[tuple[str, Mask]]:
        """The steps that are in no better answer than the one known, by offer."""
        margin = self.tables.marginals(self.found.weights)
        loss = margin.max(axis=0) - margin
        beyond = ~(loss <= (self.found.bound - self.found.value) * (1 + 1e-6))
        yield from zip(self.tables.names, beyond.T, strict=True)


def relax_parts(problem: Problem, tables: Tables, weights: Weights, *, quick: bool, deadline: float) -> Found:
    """Solve every part; `quick` leaves gaps that are proven to be small."""
    pieces, parts = parts_of(tables), []
    sizes = [int(np.count_nonzero(piece.open)) for piece in pieces]
    for n, piece in enumerate(pieces):
        left = max(deadline - perf_counter(), 0.0) * sizes[n] / max(sum(sizes[n:]), 1)
        found = relaxed(piece, _start(piece, weights), deadline=perf_counter() + left)
        if found.infeasible:
            return Found(Answer("lagrangian"), infeasible=_holding(problem, {piece.hopeless()})[0])
        parts.append(_Part(piece, found, sizes[n]))
    weights = {
        name: float(w) for part in parts for name, w in zip(part.tables.rows.names, part.found.weights, strict=True)
    }
    unproven = [part for part in parts if not part.proven(quick=quick)]
    if not unproven:
        return Found(_whole([part.answer for part in parts]), weights)
    return _with_highs(problem, parts, unproven, weights, deadline)


def _with_highs(
    problem: Problem, parts: Sequence[_Part], unproven: Sequence[_Part], weights: Weights, deadline: float
) -> Found:
    """Hand the pieces of the problem that hold unproven parts to HiGHS, large ones side by side."""
    pieces = _holding(problem, {part.tables.names[0] for part in unproven})
    home = {offer.id: n for n, piece in enumerate(pieces) for offer in piece.offers}
    inside = [[part for part in parts if home.get(part.tables.names[0]) == n] for n in range(len(pieces))]
    answers = [part.answer for part in parts if part.tables.names[0] not in home]
    sizes = [steps_of(piece) for piece in pieces]
    workers = WORKERS if sum(size > LARGE for size in sizes) > 1 else 1

    def improved(n: int) -> Answer:
        left = max(deadline - perf_counter(), 0.0) * min(1.0, workers * sizes[n] / sum(sizes[n:]))
        return _improved(pieces[n], inside[n], left)

    with ThreadPoolExecutor(workers) as pool:
        better = list(pool.map(improved, range(len(pieces))))
    for piece, answer in zip(pieces, better, strict=True):
        if answer.infeasible:
            return Found(answer, infeasible=piece)
    return Found(_whole([*answers, *better]), weights)


def _improved(piece: Problem, parts: Sequence[_Part], time_limit: float) -> Answer:
    """The better of what the relaxation knows of a piece's parts and what HiGHS finds, with the lower bound."""
    known = _whole([part.answer for part in parts])
    closed = {name: mask for part in parts if part.found.steps is not None for name, mask in part.closed()}
    answer = mixed_integer(piece, time_limit=time_limit, closed=closed)
    method = "lagrangian, then milp"
    if known.steps is None:
        return replace(answer, method=method, bound=min(known.bound, answer.bound))
    value = value_of(piece, known.steps)
    if answer.infeasible:
        return replace(known, method=method, reason="the solver calls infeasible what has an answer")
    bound = min(known.bound, max(answer.bound, value))
    steps = known.steps if answer.steps is None else settle(piece, answer.steps)
    if value_of(piece, steps) < value:
        steps = known.steps
    return Answer(method, steps, bound, reason=answer.reason)


def _whole(answers: Sequence[Answer]) -> Answer:
    """The answers to all parts as one."""
    steps: dict[str, int] = {}
    for answer in answers:
        steps.update(answer.steps or {})
    return Answer(
        "+".join(sorted({answer.method for answer in answers})),
        None if any(answer.steps is None for answer in answers) else steps,
        sum(answer.bound for answer in answers),
        reason="; ".join(sorted({answer.reason for answer in answers} - {""})),
    )


def _holding(problem: Problem, names: Collection[str]) -> list[Problem]:
    """The independent pieces of the problem that hold some of these offers."""
    return [piece for piece in split(canonical(problem)) if any(offer.id in names for offer in piece.offers)]


def _start(tables: Tables, weights: Weights) -> Floats:
    """(rows,) the weights to start from, 0 for a row that is new."""
    return np.array([weights.get(name, 0.0) for name in tables.rows.names], dtype=np.float64)
