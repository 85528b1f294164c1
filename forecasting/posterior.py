"""Point estimates of many regressions at once: normal and Laplace priors on the effects, unknown noise.

Guarantees
----------
* Each estimate is a stationary point of its log posterior, reached by steps that never lower it.
* A regression's numbers do not depend on which others are solved with it.

With y = Z theta + sigma noise the log posterior is, but for a constant,

    -n log sigma - |y - Z theta|^2 / (2 sigma^2) - sum precision theta^2 / 2 - sum |delta| / tau - 2 sigma^2,

delta being the last effects: Prophet's (Taylor and Letham 2018), whose noise has a half-normal prior of deviation 0.5.
Only the products Z'Z and Z'y are needed. Given sigma the other effects are eliminated and delta is found by
feature-sign search (Lee et al. 2006); given the effects sigma solves a quadratic; the two alternate.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.intp]

LEAST_NOISE = 1e-4
"""A series that is fitted exactly has no largest posterior: noise stops here."""
ROUNDS = 200
SETTLED = 1e-7
"""Alternation ends when sigma moves by less than this share; the log posterior then moves by its square."""


@dataclass(frozen=True, eq=False)
class Regressions:
    """What N regressions of p effects need to know of their data.

    Attributes
    ----------
    gram : (N, p, p) Z'Z
    moment : (N, p) Z'y
    energy : (N,) y'y
    count : (N,) observations
    precision : (N, p) of the normal priors; not read for the last `steps` effects
    steps : how many of the last effects have a Laplace prior
    tau : scale of the Laplace priors
    """

    gram: Vector
    moment: Vector
    energy: Vector
    count: Vector
    precision: Vector
    steps: int
    tau: float

    def take(self, rows: Positions) -> Self:
        """Some of the regressions."""
        gram, moment, precision = self.gram[rows], self.moment[rows], self.precision[rows]
        return type(self)(gram, moment, self.energy[rows], self.count[rows], precision, self.steps, self.tau)

    def squares(self, effects: Vector) -> Vector:
        """(N,) sum of squared residuals."""
        curved = (self.gram @ effects[:, :, None])[:, :, 0]
        return np.maximum(self.energy + np.sum(effects * (curved - 2 * self.moment), axis=1), 0.0)


@dataclass(frozen=True, eq=False)
class Estimates:
    """(N, p) effects and (N,) noise deviation."""

    effects: Vector
    sigma: Vector


def log_posterior(problem: Regressions, squares: Vector, found: Estimates) -> Vector:
    """(N,) log posterior, but for a constant, of estimates that leave `squares` as the sum of squared residuals."""
    smooth = problem.moment.shape[1] - problem.steps
    prior = np.sum(problem.precision[:, :smooth] * found.effects[:, :smooth] ** 2, axis=1) / 2
    jumps = np.sum(np.abs(found.effects[:, smooth:]), axis=1) / problem.tau
    likelihood = -problem.count * np.log(found.sigma) - squares / (2 * found.sigma**2)
    return likelihood - prior - jumps - 2 * found.sigma**2


def estimate(problem: Regressions) -> Estimates:
    """Largest log posterior, from a noise deviation of 1 downwards."""
    n, p = problem.moment.shape
    effects, sigma = np.zeros((n, p)), np.ones(n)
    live = np.arange(n)
    for _ in range(ROUNDS):
        part = problem.take(live)
        effects[live] = _given_noise(part, sigma[live], effects[live])
        before = sigma[live]
        sigma[live] = _noise(part, effects[live])
        live = live[np.abs(sigma[live] / before - 1) > SETTLED]
        if not live.size:
            break
    return Estimates(effects, sigma)


def _noise(problem: Regressions, effects: Vector) -> Vector:
    """(N,) best noise deviation given the effects: the root of 4 sigma^4 + n sigma^2 = squares."""
    n = problem.count
    squares = problem.squares(effects)
    variance = 2 * squares / (n + np.sqrt(n**2 + 16 * squares))
    return np.maximum(np.sqrt(variance), LEAST_NOISE)


def _given_noise(problem: Regressions, sigma: Vector, effects: Vector) -> Vector:
    """(N, p) best effects given the noise deviation, starting from some."""
    smooth = problem.moment.shape[1] - problem.steps
    variance = sigma[:, None] ** 2
    gram, moment = problem.gram, problem.moment
    diagonal = np.eye(smooth) * (variance * problem.precision[:, :smooth])[:, None, :]
    right = np.concatenate([gram[:, :smooth, smooth:], moment[:, :smooth, None]], axis=2)
    solved = np.linalg.solve(gram[:, :smooth, :smooth] + diagonal, right)
    across, alone = solved[:, :, :-1], solved[:, :, -1]
    if not problem.steps:
        return alone
    cross = gram[:, smooth:, :smooth]
    curvature = gram[:, smooth:, smooth:] - cross @ across
    curvature += np.eye(problem.steps) * (1e-12 * np.einsum("nii->n", curvature) + 1e-12)[:, None, None]
    slope = moment[:, smooth:] - (cross @ alone[:, :, None])[:, :, 0]
    jumps = lasso(curvature, slope, variance[:, 0] / problem.tau, effects[:, smooth:])
    return np.hstack([alone - (across @ jumps[:, :, None])[:, :, 0], jumps])


def lasso(curvature: Vector, slope: Vector, weight: Vector, start: Vector) -> Vector:
    """(N, s) minimisers of x'Hx / 2 - c'x + weight |x|_1, by feature-sign search (Lee et al. 2006).

    Solves on the effects that are not zero, goes as far along as the signs (or the objective) allow, and lets in the
    effect whose zero is least justified once the others are settled. Every step lowers the objective.

    Parameters
    ----------
    curvature : (N, s, s) H, positive definite
    slope : (N, s) c
    weight : (N,) of the absolute values
    start : (N, s) where to start
    """
    found = start.copy()
    live = np.arange(found.shape[0])
    for _ in range(20 * found.shape[1]):
        h, x, w = curvature[live], found[live], weight[live, None]
        gradient = (h @ x[:, :, None])[:, :, 0] - slope[live]
        rounding = (np.abs(h) @ np.abs(x)[:, :, None]).max(axis=1) * 1e-14
        signs, open_ = _let_in(x, gradient, w, 1e-9 * w + rounding)
        live, h, x, w = live[open_], h[open_], x[open_], w[open_]
        if not live.size:
            break
        found[live] = _step(h, x, gradient[open_], w, signs[open_])
    return found


def _let_in(x: Vector, gradient: Vector, weight: Vector, slack: Vector) -> tuple[Vector, Mask]:
    """(N, s) signs of the effects to solve for, 0 for none, and (N,) whether anything is left to do."""
    signs = np.sign(x)
    unsettled = np.any((signs != 0) & (np.abs(gradient + weight * signs) > slack), axis=1)
    excess = np.where(signs == 0, np.abs(gradient) - weight, -1.0)
    rows, worst = np.arange(x.shape[0]), excess.argmax(axis=1)
    enters = ~unsettled & (excess[rows, worst] > slack[:, 0])
    signs[rows[enters], worst[enters]] = -np.sign(gradient[rows[enters], worst[enters]])
    return signs, unsettled | enters


def _step(curvature: Vector, x: Vector, gradient: Vector, weight: Vector, signs: Vector) -> Vector:
    """Towards the minimum over the effects with a sign; where one would change its sign it may stop at zero."""
    active = signs != 0
    masked = np.where(active[:, :, None] & active[:, None, :], curvature, np.eye(x.shape[1]))
    pull = np.where(active, -(gradient + weight * signs), 0.0)
    move = np.linalg.solve(masked, pull[:, :, None])[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.where(active & (x != 0), -x / move, np.inf)
    lengths = np.where((crossing > 0) & (crossing < 1), crossing, 1.0)
    lengths = np.hstack([lengths, np.ones((x.shape[0], 1))])
    tried = x[:, None, :] + lengths[:, :, None] * move[:, None, :]
    linear = np.sum(gradient * move, axis=1, keepdims=True)
    square = np.sum(move * (curvature @ move[:, :, None])[:, :, 0], axis=1, keepdims=True)
    value = lengths * linear + lengths**2 * square / 2 + weight * np.abs(tried).sum(axis=2)
    best = value.argmin(axis=1)
    rows = np.arange(x.shape[0])
    moved = tried[rows, best]
    moved[crossing == lengths[rows, best][:, None]] = 0.0
    return moved
