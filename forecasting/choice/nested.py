"""Nested logit: alternatives in a nest share what makes them attractive, so buyers swap among them first.

With utility V and the log-sum parameter lambda of each nest (McFadden 1978; Train 2009, section 4.2), where I is the
logarithm of the sum of exp(V_j / lambda) over the nest:

    P(j) = P(nest) P(j | nest),  P(j | nest) = exp(V_j / lambda - I),  P(nest) = exp(lambda I) / sum over nests.

Guarantees
----------
* All parameters are estimated together (full information), from several starts; the best maximum is returned.
* With every lambda at 1 the probabilities are those of the multinomial logit.
* A level that all alternatives of a situation share changes nothing.
* A lambda outside (0, 1] is reported as it is: such choices are not those of buyers who take what they like best.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from forecasting.choice.choices import Codes, Matrix, Vector
from forecasting.choice.design import Design
from forecasting.choice.logit import Maximum

STARTS = (1.0, 0.3)
"""Log-sum parameters the climb starts from."""
POLISH, DIFFERENCE = 20, 1e-5
THIN = 5000
"""Situations on which starts are tried."""
LIMIT = 8.0
"""Logarithm of a log-sum parameter at which it has run away."""


class NoMaximumError(ValueError):
    """The climb did not end in a maximum.

    Usual cause: a nest whose log-sum parameter runs to 0 or without end; take alternatives out of the nest.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Nests:
    """Which alternatives stand together.

    Attributes
    ----------
    names : (g,) nests of several alternatives, whose log-sum parameters are estimated
    of : (m,) nest of each alternative; from g on, nests of one alternative, with parameter 1
    """

    names: tuple[str, ...]
    of: Codes

    @classmethod
    def among(cls, alternatives: Sequence[str], nests: Mapping[str, Sequence[str]]) -> "Nests":
        """Nests by name; alternatives in none stand alone."""
        names = tuple(nests)
        home = {alternative: i for i, members in enumerate(nests.values()) for alternative in members}
        alone = iter(range(len(names), len(names) + len(alternatives)))
        return cls(names, np.array([home[a] if a in home else next(alone) for a in alternatives], dtype=np.int64))

    def logsum(self, estimated: Vector) -> Vector:
        """(nests,) parameter of every nest, those of one alternative included."""
        return np.concatenate([estimated, np.ones(self.of.max() + 1 - len(self.names))])

    def same(self) -> Matrix:
        """(m, m) 1 where two alternatives share a nest."""
        return (self.of[:, None] == self.of[None, :]).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Probabilities under a nested logit.

    Attributes
    ----------
    share : (n, m) probability of each alternative
    within : (n, m) probability of each alternative given its nest
    inclusive : (n, nests) I; -inf where no alternative of the nest is available
    nest : (n, nests) probability of each nest
    """

    share: Matrix
    within: Matrix
    inclusive: Matrix
    nest: Matrix


def shares(utility: Matrix, nests: Nests, logsum: Vector) -> Shares:
    """Probabilities given utilities (n, m), -inf where not available, and `logsum` of every nest."""
    scaled = utility / logsum[nests.of]
    inclusive = np.stack([_log_sum(scaled[:, nests.of == g]) for g in range(len(logsum))], axis=1)
    value = np.where(np.isfinite(inclusive), logsum * np.where(np.isfinite(inclusive), inclusive, 0.0), -np.inf)
    nest = np.exp(value - _log_sum(value)[:, None])
    floor = np.where(np.isfinite(inclusive), inclusive, 0.0)
    within = np.exp(scaled - floor[:, nests.of])
    return Shares(nest[:, nests.of] * within, within, inclusive, nest)


def _log_sum(values: Matrix) -> Vector:
    high = values.max(axis=1)
    safe = np.where(np.isfinite(high), high, 0.0)
    with np.errstate(divide="ignore"):  # a nest with nothing available has ln 0
        return safe + np.log(np.exp(values - safe[:, None]).sum(axis=1))


def loglik_and_scores(design: Design, nests: Nests, theta: Vector) -> tuple[float, Matrix]:
    """Log-likelihood and its gradient by situation (n, k + g), `theta` being coefficients, then log-sum parameters."""
    k, rows = len(design.terms), np.arange(len(design.chosen))
    logsum, utility = nests.logsum(theta[k:]), design.utility(theta[:k])
    found, home = shares(utility, nests, logsum), nests.of[design.chosen]
    value = np.where(design.available, utility, 0.0)
    own, inclusive = logsum[home], found.inclusive[rows, home]
    by_utility = ((own - 1) / own)[:, None] * found.within * (nests.of[None, :] == home[:, None]) - found.share
    by_utility[rows, design.chosen] += 1 / own
    mean = np.stack([(found.within * value)[:, nests.of == g].sum(axis=1) for g in range(len(logsum))], axis=1)
    worth = np.where(np.isfinite(found.inclusive), found.inclusive, 0.0) - mean / logsum
    by_logsum = -found.nest * worth
    chosen = value[rows, design.chosen]
    by_logsum[rows, home] += worth[rows, home] + (mean[rows, home] - chosen) / own**2
    scores = np.concatenate(
        [np.matmul(by_utility[:, None, :], design.x)[:, 0, :], by_logsum[:, : len(nests.names)]], axis=1
    )
    level = design.weight @ (chosen / own - inclusive + np.log(found.nest[rows, home]))
    return float(level), design.weight[:, None] * scores


def nested(design: Design, nests: Nests, start: Maximum) -> Maximum:
    """Maximise over coefficients and log-sum parameters, from `start`, the multinomial logit's maximum.

    Raises
    ------
    NoMaximumError
        if no start leads to a maximum.
    """
    design = design.centred()
    scale: Vector = np.concatenate([1 / np.sqrt((design.x**2).mean(axis=(0, 1))), np.ones(len(nests.names))])
    climb = _Climb(design, nests, scale)
    points = [climb.point(start.theta * logsum, logsum) for logsum in STARTS]  # inside a nest utility counts 1 / lambda
    points += [climb.thinned().top(point) for point in points]
    best = climb.top(min(points, key=lambda point: climb.falling(point)[0]))
    return _polished(design, nests, climb.theta(best), scale)


@dataclass(frozen=True, slots=True, eq=False)
class _Climb:
    """A climb by quasi-Newton steps, over scaled coefficients and the logarithms of log-sum parameters."""

    design: Design
    nests: Nests
    scale: Vector

    def point(self, beta: Vector, logsum: float) -> Vector:
        return np.concatenate([beta / self.scale[: len(beta)], np.full(len(self.nests.names), np.log(logsum))])

    def theta(self, point: Vector) -> Vector:
        k = len(self.design.terms)
        return np.concatenate([point[:k] * self.scale[:k], np.exp(np.clip(point[k:], -LIMIT, LIMIT))])

    def thinned(self) -> "_Climb":
        """The same over a part of the situations, to try starts on."""
        whole, every = self.design, max(1, len(self.design.chosen) // THIN)
        thin = Design(
            whole.terms, whole.x[::every], whole.available[::every], whole.chosen[::every], whole.weight[::every]
        )
        return _Climb(thin, self.nests, self.scale)

    def falling(self, point: Vector) -> tuple[float, Vector]:
        """Minus the mean log-likelihood, and its gradient."""
        k, theta, size = len(self.design.terms), self.theta(point), self.design.weight.sum()
        level, scores = loglik_and_scores(self.design, self.nests, theta)
        chain = np.concatenate([self.scale[:k], theta[k:]])
        return -level / size, -scores.sum(axis=0) * chain / size

    def top(self, point: Vector) -> Vector:
        found = minimize(self.falling, point, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 500})
        return np.asarray(found.x, dtype=np.float64)


def _polished(design: Design, nests: Nests, theta: Vector, scale: Vector) -> Maximum:
    """Newton's last steps, with differences of the exact gradient for the Hessian."""

    def gradient(at: Vector) -> Vector:
        return loglik_and_scores(design, nests, at)[1].sum(axis=0)

    for _ in range(POLISH):
        information = _information(gradient, theta, scale)
        move = np.linalg.lstsq(information, gradient(theta), rcond=None)[0].astype(np.float64)
        if np.abs(move / scale).max() <= 1e-7 * (1 + np.abs(theta / scale).max()):
            break
        theta = _uphill(design, nests, theta, move)
    level, scores = loglik_and_scores(design, nests, theta)
    information = _information(gradient, theta, scale)
    curved = float(np.linalg.eigvalsh(information * np.outer(scale, scale)).min()) > 1e-9 * float(design.weight.sum())
    if not (curved and np.all((theta[len(design.terms) :] > 1e-3) & (theta[len(design.terms) :] < 1e3))):
        raise NoMaximumError(
            f"the nested logit has no clear maximum: the log-sum parameter of {', '.join(nests.names)} runs to a "
            "limit. Take alternatives out of the nest, or bring more choices"
        )
    return Maximum(theta, level, scores, information)


def _uphill(design: Design, nests: Nests, theta: Vector, move: Vector) -> Vector:
    """The furthest of halved steps that does not lower the likelihood; `theta` if there is none."""
    level = loglik_and_scores(design, nests, theta)[0]
    for halving in range(POLISH):
        further = theta + move / 2**halving
        inside = np.all(further[len(design.terms) :] > 0)
        if inside and loglik_and_scores(design, nests, further)[0] >= level - 1e-10 * abs(level):
            return further
    return theta


def _information(gradient: Callable[[Vector], Vector], theta: Vector, scale: Vector) -> Matrix:
    """(k, k) minus the Hessian by central differences of the gradient."""
    steps = np.diag(DIFFERENCE * scale)
    rows = [(gradient(theta - step) - gradient(theta + step)) / (2 * step.sum()) for step in steps]
    return (np.array(rows) + np.array(rows).T) / 2
