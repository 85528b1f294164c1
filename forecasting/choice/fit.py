"""A choice model and its fit: coefficients with errors that hold when the same person chooses several times.

Guarantees
----------
* Standard errors are robust to a wrong form of the likelihood (White 1982), and clustered by person where a person
  chooses more than once (Cameron and Miller 2015); limits are then those of t with people less 1 degrees of freedom.
* A fit is of a maximum: columns that cannot be told apart and likelihoods without a maximum are refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm, t

from forecasting.choice.choices import Choices, Matrix, Vector
from forecasting.choice.design import CONSTANT, Design, Term, check, lay_out, terms_of
from forecasting.choice.logit import Maximum, UnboundedError, multinomial
from forecasting.choice.nested import Nests, NoMaximumError, nested, shares
from pricing.errors import Finding, InputError

LOGSUM = "logsum"


@dataclass(frozen=True, slots=True)
class Model:
    """What utility is made of, besides the price.

    Attributes
    ----------
    attributes : columns with one coefficient for all alternatives
    specific : columns with one coefficient per alternative
    constants : whether each alternative but the first has a constant
    nests : nest -> its alternatives; alternatives in none stand alone; empty for the multinomial logit
    """

    attributes: tuple[str, ...] = ()
    specific: tuple[str, ...] = ()
    constants: bool = True
    nests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def terms(self, choices: Choices) -> tuple[Term, ...]:
        """The model's coefficients for these choices."""
        return terms_of(choices, attributes=self.attributes, specific=self.specific, constants=self.constants)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A model at the maximum of its likelihood.

    Attributes
    ----------
    model : what was fitted
    terms : (k + g,) coefficients, then one log-sum parameter per nest
    nests : where each alternative stands
    theta : (k + g,) estimates
    covariance : (k + g, k + g) robust or clustered
    classical : (k + g, k + g) inverse of the information, right only if the model is
    loglik, loglik_constants, loglik_equal : log-likelihood of the model, with constants only, with equal probabilities
    loglik_multinomial : of the same model without nests
    people : how many chose
    clusters : the same where one chose more than once, so that errors are clustered; else None
    critical : how many standard errors the 95 % interval goes to either side
    """

    model: Model
    terms: tuple[Term, ...]
    nests: Nests
    theta: Vector
    covariance: Matrix = field(repr=False)
    classical: Matrix = field(repr=False)
    loglik: float
    loglik_constants: float
    loglik_equal: float
    loglik_multinomial: float
    people: int
    clusters: int | None
    critical: float

    @property
    def coefficients(self) -> int:
        """How many of `theta` are coefficients; the others are log-sum parameters."""
        return len(self.terms) - len(self.nests.names)

    @property
    def se(self) -> Vector:
        """(k + g,) robust or clustered standard errors."""
        return np.sqrt(np.diag(self.covariance))

    def design(self, choices: Choices) -> Design:
        """The columns of the coefficients, for these choices (or a part of them)."""
        return lay_out(choices, self.terms[: self.coefficients])

    def place(self, price: str, segment: str | None) -> int:
        """Where the price coefficient of a segment stands (the only one, without segments)."""
        return next(i for i, s in enumerate(self.terms) if s.of == price and s.segment in {segment, None})


def fit(choices: Choices, model: Model, *, file: str | None = None) -> Fit:
    """Estimate by maximum likelihood.

    Raises
    ------
    InputError
        naming what stands in the way of a maximum.
    """
    made = lay_out(choices, model.terms(choices))
    check(choices, made, file)
    _check_size(choices, len(made.terms) + len(model.nests), file)
    nests = Nests.among(choices.alternatives, model.nests)
    try:
        plain = multinomial(made)
        best = nested(made, nests, plain) if model.nests else plain
    except (UnboundedError, NoMaximumError) as error:
        raise InputError(Finding(str(error), file)) from error
    classical = np.linalg.inv(best.information).astype(np.float64)
    people = choices.people
    return Fit(
        model,
        (*made.terms, *(Term(LOGSUM, name) for name in nests.names)),
        nests,
        best.theta,
        sandwich(best, choices),
        classical,
        best.loglik,
        _with_constants(choices),
        -float(choices.weight @ np.log(choices.available.sum(axis=1))),
        plain.loglik,
        people,
        people if choices.clustered else None,
        float(t.ppf(0.975, max(people - 1, 1)) if choices.clustered else norm.ppf(0.975)),
    )


def _check_size(choices: Choices, terms: int, file: str | None) -> None:
    """Refuse choices too few for errors: of fewer people than coefficients these come out near 0."""
    people = choices.people
    if people <= terms:
        who = "people (choices of one person are no evidence of their own)" if choices.clustered else "choices"
        raise InputError(
            Finding(f"only {people} {who} for {terms} coefficients: bring more, or leave columns out", file)
        )


def sandwich(best: Maximum, choices: Choices) -> Matrix:
    """(k, k) covariance from the scores summed by person, with the factor G / (G - 1) of G people.

    Where nobody is known to choose twice a situation of weight w is w people, whose scores add their squares.
    """
    summed = best.scores / np.sqrt(choices.weight)[:, None]
    if choices.clustered:
        summed = np.zeros((choices.people, best.scores.shape[1]))
        np.add.at(summed, choices.person, best.scores)
    bread = np.linalg.inv(best.information)
    return bread @ (summed.T @ summed) @ bread * choices.people / max(choices.people - 1, 1)


def foretold(found: Fit, choices: Choices) -> tuple[Vector, float]:
    """Predicted share of each alternative (m,) and log-likelihood; for choices the fit has not seen."""
    made, k = found.design(choices), found.coefficients
    under = shares(made.utility(found.theta[:k]), found.nests, found.nests.logsum(found.theta[k:]))
    rows = np.arange(len(choices))
    level = choices.weight @ np.log(under.share[rows, choices.chosen])
    return choices.weight @ under.share / choices.weight.sum(), float(level)


def _with_constants(choices: Choices) -> float:
    """Log-likelihood with constants only."""
    made = lay_out(choices, [Term(CONSTANT, name) for name in choices.alternatives[1:]])
    try:
        return multinomial(made).loglik
    except UnboundedError:  # one is always chosen where it can be, which a model without constants allows
        return float("nan")
