"""From a choice table to the tables of an answer: coefficients, fit, willingness to pay, elasticities.

Guarantees
----------
* Every coefficient has its error and interval; every willingness to pay and elasticity its status and reason.
* Where the choices cannot tell how buyers react to the price, no number that rests on it is handed on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm, t
from threadpoolctl import threadpool_limits

from forecasting.choice.choices import Choices, Mask
from forecasting.choice.elasticity import elasticities
from forecasting.choice.fit import LOGSUM, Fit, Model, fit, foretold
from forecasting.choice.layout import Layout
from forecasting.choice.reading import read_choices
from forecasting.choice.willingness import CAVEAT, Verdict, judge, willingness
from pricing.demand import Identification
from pricing.errors import Finding, InputError

_NOT = Identification.NOT_IDENTIFIED


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The tables of a fitted choice model.

    Attributes
    ----------
    coefficients : term, alternative, segment, coefficient, se, z, p_value, lower, upper, se_classical
    summary : statistic, value
    willingness : term, alternative, segment, willingness_to_pay, se, lower, upper, status, reason
    elasticities : segment, alternative, on_price_of, elasticity, se, lower, upper, at_means, status
    shares : alternative, chosen, predicted; of choices held out, or None
    notes : what to mind, in sentences
    """

    coefficients: pd.DataFrame
    summary: pd.DataFrame
    willingness: pd.DataFrame
    elasticities: pd.DataFrame
    shares: pd.DataFrame | None
    notes: tuple[str, ...]


def choice_tables(
    frame: pd.DataFrame,
    layout: Layout,
    model: Model | None = None,
    *,
    file: str | None = None,
    holdout: float = 0.0,
    seed: int = 0,
) -> Answer:
    """Estimate a choice model on a table.

    Parameters
    ----------
    frame : the table, its index the row in the file
    model : constants or not, and nests; attributes are those of `layout`
    holdout : share of the people to keep out of the estimation and to foretell; 0 for none, else at least one person
    seed : draws who is held out

    Raises
    ------
    InputError
        with everything that is wrong, by file, row and column.
    """
    asked = model or Model()
    wanted = Model(tuple(layout.attributes), tuple(layout.specific), asked.constants, asked.nests)
    choices, notes = _read(frame, layout, wanted, file)
    kept = _kept(choices, holdout, seed)
    with threadpool_limits(limits=1, user_api="blas"):
        found = fit(choices.where(kept), wanted, file=file)
        return tables(found, choices.where(kept), choices.where(~kept) if holdout else None, notes)


def tables(found: Fit, choices: Choices, unseen: Choices | None = None, notes: tuple[str, ...] = ()) -> Answer:
    """The tables of a fit, on the choices it was made of; `unseen` are foretold."""
    verdicts = {name: judge(found, found.place(choices.price, name)) for name in choices.segments}
    shares = None
    if unseen is not None:
        shares = pd.DataFrame(
            {"alternative": choices.alternatives, "chosen": unseen.shares(), "predicted": foretold(found, unseen)[0]}
        )
    return Answer(
        _coefficients(found),
        pd.DataFrame(_summary(found, choices, unseen), columns=["statistic", "value"]),
        pd.DataFrame(_willingness(found, choices, verdicts)),
        pd.DataFrame(_elasticities(found, choices, verdicts)),
        shares,
        (*notes, *_notes(found, verdicts)),
    )


def _read(frame: pd.DataFrame, layout: Layout, model: Model, file: str | None) -> tuple[Choices, tuple[str, ...]]:
    """The choices and notes; what is wrong with the nests is said with what is wrong with the table."""
    about_nests = list(_wrong_nests(layout, model, file))
    try:
        choices, notes = read_choices(frame, layout, file=file)
    except InputError as error:
        raise InputError([*about_nests, *error.findings]) from error
    if about_nests:
        raise InputError(about_nests)
    return choices, notes


def _wrong_nests(layout: Layout, model: Model, file: str | None) -> Iterator[Finding]:
    members = [name for names in model.nests.values() for name in names]
    for nest, names in model.nests.items():
        if len(names) < 2:
            yield Finding("a nest needs two alternatives or more", file, value=nest)
    for name in dict.fromkeys(members):
        if name not in layout.names:
            yield Finding("a nest names what is none of --alternatives", file, value=name)
        if members.count(name) > 1:
            yield Finding("stands in two nests", file, value=name)


def _kept(choices: Choices, holdout: float, seed: int) -> Mask:
    """(n,) situations of the people the model is estimated on."""
    people = int(choices.person.max()) + 1
    some = min(max(round(holdout * people), 1), people - 1) if holdout else 0
    return ~np.isin(choices.person, np.random.default_rng(seed).permutation(people)[:some])


def _coefficients(found: Fit) -> pd.DataFrame:
    se = found.se
    is_logsum = np.array([term.of == LOGSUM for term in found.terms])
    z = np.where(is_logsum, (found.theta - 1) / se, found.theta / se)  # a log-sum parameter is compared with 1
    tail = norm.sf(np.abs(z)) if found.clusters is None else t.sf(np.abs(z), max(found.clusters - 1, 1))
    return pd.DataFrame(
        {
            "term": [term.of for term in found.terms],
            "alternative": [term.alternative or "" for term in found.terms],
            "segment": [term.segment or "" for term in found.terms],
            "coefficient": found.theta,
            "se": se,
            "z": z,
            "p_value": 2 * tail,
            "lower": found.theta - found.critical * se,
            "upper": found.theta + found.critical * se,
            "se_classical": np.sqrt(np.diag(found.classical)),
        }
    )


def _summary(found: Fit, choices: Choices, unseen: Choices | None) -> Iterator[tuple[str, float]]:
    yield "choices", float(choices.weight.sum())
    if found.clusters is not None:
        yield "people", float(found.clusters)
    yield "log-likelihood", found.loglik
    yield "log-likelihood, constants only", found.loglik_constants
    yield "log-likelihood, equal probabilities", found.loglik_equal
    yield "rho-squared", 1 - found.loglik / found.loglik_equal
    yield "rho-squared, adjusted", 1 - (found.loglik - len(found.terms)) / found.loglik_equal
    constants = len(choices.alternatives) - 1
    if found.model.constants and len(found.terms) > constants:
        yield from _ratio("against constants only", found.loglik - found.loglik_constants, len(found.terms) - constants)
    if found.nests.names:
        yield "log-likelihood, multinomial", found.loglik_multinomial
        yield from _ratio("against multinomial", found.loglik - found.loglik_multinomial, len(found.nests.names))
    if unseen is not None:
        yield "choices held out", float(unseen.weight.sum())
        yield "log-likelihood per choice, held out", foretold(found, unseen)[1] / float(unseen.weight.sum())
        yield "log-likelihood per choice, estimated on", found.loglik / float(choices.weight.sum())


def _ratio(against: str, gain: float, more: int) -> Iterator[tuple[str, float]]:
    """A likelihood-ratio test."""
    yield f"likelihood ratio {against}", 2 * gain
    yield f"degrees of freedom {against}", float(more)
    yield f"p-value {against}", float(chi2.sf(2 * gain, more))


def _willingness(found: Fit, choices: Choices, verdicts: dict[str, Verdict]) -> Iterator[dict[str, object]]:
    for segment, verdict in verdicts.items():
        price = found.place(choices.price, segment)
        for i, term in enumerate(found.terms[: found.coefficients]):
            if term.of != choices.price:
                known = verdict.status is not _NOT
                ratio = willingness(found, i, price) if known else None
                yield {
                    "term": term.of,
                    "alternative": term.alternative or "",
                    "segment": segment,
                    "willingness_to_pay": ratio.value if ratio else np.nan,
                    "se": ratio.se if ratio else np.nan,
                    "lower": ratio.lower if ratio else np.nan,
                    "upper": ratio.upper if ratio else np.nan,
                    "status": str(verdict.status),
                    "reason": verdict.reason,
                }


def _elasticities(found: Fit, choices: Choices, verdicts: dict[str, Verdict]) -> Iterator[dict[str, object]]:
    for segment, part, status in _parts(choices, verdicts):
        known = status is not _NOT
        result = elasticities(found, part) if known else None
        for j, alternative in enumerate(choices.alternatives):
            for k, of in enumerate(choices.alternatives):
                if of == choices.outside:
                    continue
                own, se = (result.aggregate[j, k], result.se[j, k]) if result else (np.nan, np.nan)
                yield {
                    "segment": segment,
                    "alternative": alternative,
                    "on_price_of": of,
                    "elasticity": own,
                    "se": se,
                    "lower": own - found.critical * se,
                    "upper": own + found.critical * se,
                    "at_means": result.at_means[j, k] if result else np.nan,
                    "status": str(status),
                }


def _parts(choices: Choices, verdicts: dict[str, Verdict]) -> Iterator[tuple[str, Choices, Identification]]:
    """All choices, then each segment's; what is said of all is as weak as the weakest segment."""
    rank = list(Identification)
    yield "all", choices, max((v.status for v in verdicts.values()), key=rank.index)
    if len(choices.segments) > 1:
        for i, name in enumerate(choices.segments):
            yield name, choices.where(choices.segment == i), verdicts[name].status


def _notes(found: Fit, verdicts: dict[str, Verdict]) -> Iterator[str]:
    for name, verdict in verdicts.items():
        none = " No willingness to pay or elasticity is given." if verdict.status is _NOT else ""
        yield f"Price{'' if len(verdicts) == 1 else ' in ' + name}: {verdict.status}. {verdict.reason}{none}"
    if len({verdict.status is _NOT for verdict in verdicts.values()}) > 1:
        yield "Elasticities are given by segment only: of all buyers together nothing can be told."
    yield CAVEAT
    for term, value, se in zip(found.terms, found.theta, found.se, strict=True):
        if term.of == LOGSUM and not 0 < value <= 1:
            far = "and so is its interval" if not value - found.critical * se <= 1 else "though its interval is not"
            yield (
                f"The log-sum parameter of nest {term.alternative} is {value:.3g}, outside 0 to 1, {far}: buyers who "
                "take what they like best do not choose like this. Nest differently, or leave the nest out."
            )
