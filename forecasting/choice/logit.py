"""Multinomial logit by maximum likelihood (McFadden 1974).

Guarantees
----------
* The likelihood is concave and Newton's method climbs it with exact derivatives: what is returned is the maximum.
* Where it has none, because some combination of columns foretells every choice, that is said with the columns' names;
  no number is handed on.
* A level that all alternatives of a situation share (prices of a hundred million, a cent apart) changes nothing.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from forecasting.choice.choices import Matrix, Vector
from forecasting.choice.design import Design

STEPS, HALVINGS = 60, 30
SETTLED = 1e-9
"""Newton has settled when no scaled coefficient moves further than this."""
CLEAR = 1e-6
"""Tolerance of the proof that a direction never lowers the utility of what was chosen."""


class UnboundedError(ValueError):
    """The likelihood rises without end along some combination of columns.

    Usual cause: a column that foretells the choice perfectly (it was recorded after it), or few choices, many columns.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(
            f"the choices are foretold perfectly by {', '.join(names)}: the likelihood has no maximum, and no "
            "coefficient is the best. Leave a column out, or bring more choices"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where a likelihood is highest.

    Attributes
    ----------
    theta : (k,) parameters
    loglik : log-likelihood there
    scores : (n, k) each situation's part of the gradient
    information : (k, k) minus the Hessian
    """

    theta: Vector
    loglik: float
    scores: Matrix = field(repr=False)
    information: Matrix = field(repr=False)


def probabilities(utility: Matrix) -> Matrix:
    """(n, m) probability of each alternative given utilities (n, m), -inf where not available."""
    weight = np.exp(utility - utility.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def loglik(design: Design, beta: Vector) -> float:
    """Weighted log-likelihood of the choices."""
    utility = design.utility(beta)
    high = utility.max(axis=1)
    total = high + np.log(np.exp(utility - high[:, None]).sum(axis=1))
    return float(design.weight @ (utility[np.arange(len(total)), design.chosen] - total))


def multinomial(design: Design) -> Maximum:
    """Maximise the likelihood.

    Raises
    ------
    UnboundedError
        if it has no maximum.
    """
    centred = design.centred()
    size = np.sqrt((centred.x**2).mean(axis=(0, 1)))
    scale = np.where(size > 0, size, 1.0)
    scaled = replace(centred, x=centred.x / scale)
    beta, level = np.zeros(len(design.terms)), loglik(scaled, np.zeros(len(design.terms)))
    for step in range(STEPS):
        scores, information = _derivatives(scaled, beta)
        move = np.linalg.lstsq(information, scores.sum(axis=0), rcond=None)[0]
        if np.abs(move).max(initial=0.0) <= SETTLED * (1 + np.abs(beta).max(initial=0.0)):
            return Maximum(beta / scale, level, scores * scale, information * np.outer(scale, scale))
        if step >= 8 and (names := _recession(scaled, move)):
            raise UnboundedError(names)
        beta, level = _climb(scaled, beta, move, level)
    raise UnboundedError(_largest(scaled, beta))


def _derivatives(design: Design, beta: Vector) -> tuple[Matrix, Matrix]:
    """Scores (n, k) and minus the Hessian (k, k)."""
    share = probabilities(design.utility(beta))
    mean = np.matmul(share[:, None, :], design.x)[:, 0, :]
    scores = design.weight[:, None] * (design.of_chosen() - mean)
    spread = (design.x - mean[:, None, :]) * np.sqrt(design.weight[:, None] * share)[:, :, None]
    flat = spread.reshape(-1, len(beta))
    return scores, flat.T @ flat


def _climb(design: Design, beta: Vector, move: Vector, level: float) -> tuple[Vector, float]:
    """Go along `move`, half as far until the likelihood rises."""
    for halving in range(HALVINGS):
        further = beta + move / 2**halving
        reached = loglik(design, further)
        if reached >= level - 1e-12 * abs(level):
            return further, reached
    return beta, level


def _recession(design: Design, direction: Vector) -> tuple[str, ...]:
    """Names of the columns in `direction`, if along it what was chosen never loses and sometimes gains; else none.

    That is the condition for a likelihood without a maximum (Albert and Anderson 1984).
    """
    along = design.x @ (direction / np.abs(direction).max())
    gain = np.where(design.available, along[np.arange(len(along)), design.chosen][:, None] - along, 0.0)
    unbounded = gain.min() >= -CLEAR and gain.max() > CLEAR
    return _largest(design, direction) if unbounded else ()


def _largest(design: Design, direction: Vector) -> tuple[str, ...]:
    large = np.abs(direction) > 0.05 * np.abs(direction).max()
    return tuple(str(term) for term, is_in in zip(design.terms, large, strict=True) if is_in)
