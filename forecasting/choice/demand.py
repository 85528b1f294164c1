"""From a fitted choice model to the demand the optimizer prices on.

Guarantees
----------
* What the choices cannot tell is not handed on as demand: a price coefficient that is not identified is refused.
* Every draw makes economic sense (dearer sells less, log-sum parameters in (0, 1]); one that does not is drawn again,
  which cuts the estimate's normal distribution to where it can be true.
* A segment that was never offered an alternative does not take it, and it keeps none of the segment's buyers away. One
  that was on offer at times is taken to be on offer throughout, at its means while it was: where others were often
  sold out, our offers will sell more than this says.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from forecasting.choice.choices import Choices, Codes, Mask, Matrix, Vector
from forecasting.choice.elasticity import elasticities
from forecasting.choice.fit import Fit
from forecasting.choice.willingness import judge
from pricing.choice import ChoiceDemand
from pricing.demand import Evidence, Identification
from pricing.errors import InputError
from pricing.model import Ladder

TRIES = 50
"""Draws tried for each one wanted."""
NEVER = 1000.0
"""How far the utility of what was never on offer lies below that of buying elsewhere: exp(-1000) is 0."""


def choice_demand(
    found: Fit,
    choices: Choices,
    ladders: Mapping[str, Ladder],
    *,
    buyers: Sequence[float],
    draws: int,
    rng: np.random.Generator,
) -> ChoiceDemand:
    """Demand for the alternatives that have a ladder; all others are what buyers may take instead.

    Attributes of an alternative, and the prices of others, are the means of its segment over `choices`.

    Parameters
    ----------
    ladders : alternative -> prices it may take
    buyers : (s,) who will come to choose, by segment [buyers over the horizon]
    draws : from the estimates' distribution

    Raises
    ------
    InputError
        if the price response is not identified, a nest holds both offers and others, nothing but our offers was ever on
        offer to a segment, or no draw makes sense.
    """
    verdicts = [judge(found, found.place(choices.price, name)) for name in choices.segments]
    refused = [v.reason for v in verdicts if v.status is Identification.NOT_IDENTIFIED]
    ours = np.array([name in ladders for name in choices.alternatives])
    if unknown := [name for name in ladders if name not in choices.alternatives]:
        refused.append(f"{', '.join(unknown)}: none of the alternatives")
    if np.isin(found.nests.of[ours], found.nests.of[~ours]).any():
        refused.append(
            "a nest holds offers with a ladder and alternatives without: give all of the nest a ladder, or none"
        )
    if refused:
        raise InputError(" ".join(refused))
    theta = _draws(found, choices, draws, rng)
    parts = [_segment(found, choices, theta, i, ours) for i in range(len(choices.segments))]
    names = tuple(np.array(choices.alternatives)[ours].tolist())
    logsum = np.stack([found.nests.logsum(row[found.coefficients :]) for row in theta])
    homes = found.nests.of[ours]
    return ChoiceDemand(
        offers=names,
        ladders=tuple(ladders[name] for name in names),
        nests=tuple(_nest_names(found, choices)[i] for i in homes),
        segments=choices.segments,
        buyers=np.tile(np.asarray(buyers, dtype=np.float64), (draws, 1)),
        utility=np.stack([part[0] for part in parts], axis=1),
        sensitivity=np.stack([part[1] for part in parts], axis=1),
        gamma=logsum[:, list(dict.fromkeys(homes.tolist()))],
        outside=np.stack([part[2] for part in parts], axis=1),
        evidence=_evidence(found, choices, ours),
    )


def _draws(found: Fit, choices: Choices, draws: int, rng: np.random.Generator) -> Matrix:
    """(draws, k + g) of the estimates' normal distribution, cut to where demand falls in price."""
    theta = rng.multivariate_normal(found.theta, found.covariance, size=TRIES * draws, method="eigh")
    prices = [found.place(choices.price, name) for name in choices.segments]
    logsum = theta[:, found.coefficients :]
    sound = np.all(theta[:, prices] < 0, axis=1) & np.all((logsum > 0) & (logsum <= 1), axis=1)
    if sound.sum() < draws:
        raise InputError(
            "the estimates leave hardly any demand that falls in price, with log-sum parameters in (0, 1]: nest "
            "differently, or bring more choices"
        )
    return theta[sound][:draws]


def _segment(found: Fit, choices: Choices, theta: Matrix, segment: int, ours: Mask) -> tuple[Matrix, Matrix, Vector]:
    """A (draws, n), b (draws, n) and the outside utility (draws,) of one segment."""
    inside = choices.segment == segment
    part = choices.where(inside)
    weight = part.weight[:, None] * part.available
    weight = weight / np.maximum(weight.sum(axis=0), np.finfo(np.float64).tiny)
    mean = np.einsum("nm,nmk->mk", weight, found.design(part).x)
    price = found.place(choices.price, choices.segments[segment])
    beta = theta[:, : found.coefficients]
    own = np.delete(mean, price, axis=1) @ np.delete(beta, price, axis=1).T  # utility but for the price
    logsum = np.stack([found.nests.logsum(row[found.coefficients :])[found.nests.of] for row in theta])
    sensitivity = np.tile(-beta[:, [price]], (1, len(ours))) / logsum
    utility = own.T / logsum
    ever = part.available.any(axis=0)
    others = ever & ~ours
    worth = utility - sensitivity * mean[:, price]
    outside = _inclusive(worth[:, others], logsum[:, others], found.nests.of[others])
    utility = np.where(ever, utility, (outside[:, None] - NEVER) / logsum)
    return utility[:, ours], sensitivity[:, ours], outside


def _inclusive(worth: Matrix, logsum: Matrix, nest: Codes) -> Vector:
    """(draws,) utility of the best of what is not ours: ln sum over nests of A ** lambda."""
    if not worth.shape[1]:
        raise InputError(
            "every alternative has a ladder, or all those ever on offer to a segment: nothing would keep buyers from "
            "paying any price; keep one without"
        )
    values = [
        logsum[:, nest == g][:, 0] * np.logaddexp.reduce(worth[:, nest == g], axis=1) for g in np.unique(nest).tolist()
    ]
    return np.logaddexp.reduce(np.stack(values, axis=1), axis=1)


def _nest_names(found: Fit, choices: Choices) -> dict[int, str]:
    """Name of each nest; an alternative alone gives its own, marked where a nest is called so too."""
    names = dict(enumerate(found.nests.names))
    for home, alternative in zip(found.nests.of.tolist(), choices.alternatives, strict=True):
        if home not in names:
            names[home] = alternative if alternative not in found.nests.names else f"{alternative} alone"
    return names


def _evidence(found: Fit, choices: Choices, ours: Mask) -> tuple[Evidence, ...]:
    verdicts = [judge(found, found.place(choices.price, name)) for name in choices.segments]
    worst = max(verdicts, key=lambda verdict: list(Identification).index(verdict.status))
    result = elasticities(found, choices)
    model = "nested logit" if found.nests.names else "multinomial logit"
    own, se = np.diag(result.aggregate), np.diag(result.se)
    return tuple(
        Evidence(worst.status, float(e), float(s), worst.reason, model)
        for e, s in zip(own[ours], se[ours], strict=True)
    )
