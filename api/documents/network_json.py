"""Networks and what is known about them as JSON.

Guarantees
----------
* What is not exactly a network is refused, every finding at once, each with its place: `products[3].uses.leg`.
* A document with `segments` or `periods` is one of buyers who choose; any other names the demand of each product.
* The same answer gives the same bytes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from api.documents.network_models import (
    AllocationJson,
    ChoiceNetworkJson,
    NetworkJson,
    OfferedJson,
    OfferingJson,
)
from api.strict_json import Strict, currency_of, parse, validated
from optimization.network import Allocation, IndependentDemand, Network, Offering, Product, SegmentedDemand
from optimization.network.values import Vector
from pricing.errors import Finding, InputError
from pricing.plan import Report

_GROUPS = ("resources", "products", "segments")


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """What a document asks: the best allocation, or the best sets to offer."""

    currency: str
    problem: IndependentDemand | SegmentedDemand


def read_network(text: str, *, file: str | None = None) -> NetworkFile:
    """Read a network.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = parse(text, file=file)
    context = {"currency": currency_of(raw), **{group: _ids(raw.get(group)) for group in _GROUPS}}
    asked: NetworkJson | ChoiceNetworkJson
    if raw.keys() & {"segments", "periods"}:
        asked = validated(ChoiceNetworkJson, raw, file=file, context=context, groups=_GROUPS)
    else:
        asked = validated(NetworkJson, raw, file=file, context=context, groups=_GROUPS)
    try:
        return NetworkFile(asked.currency, _problem(asked))
    except InputError as error:
        raise InputError([Finding(found.reason, file=file) for found in error.findings]) from None


def write_answer(read: NetworkFile, answer: Allocation | Offering) -> str:
    """An answer as JSON."""
    network = read.problem.network
    known = {
        **_known(answer.report),
        "currency": read.currency,
        "bid_prices": _named(network.resources, answer.bid_prices),
    }
    model: Strict
    if isinstance(answer, Allocation):
        model = AllocationJson(**known, allocation=_named(network.products, answer.units))
    else:
        offers = [OfferedJson(products=list(each.products), periods=each.periods) for each in answer.offered or ()]
        model = OfferingJson(**known, offers=offers, sales=_named(network.products, answer.units))
    return json.dumps(model.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _ids(entries: object) -> set[str]:
    """Ids that the document gives to the entries of a list, as far as it does."""
    named = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {name for name in named if isinstance(name, str)}


def _problem(asked: NetworkJson | ChoiceNetworkJson) -> IndependentDemand | SegmentedDemand:
    network = Network.of(
        {resource.id: resource.capacity for resource in asked.resources},
        [Product(product.id, product.fare, product.uses) for product in asked.products],
    )
    if isinstance(asked, NetworkJson):
        return IndependentDemand(network, np.array([product.demand for product in asked.products], dtype=np.float64))
    weights = [[segment.weights.get(name, 0.0) for name in network.products] for segment in asked.segments]
    return SegmentedDemand(
        network,
        asked.periods,
        tuple(segment.id for segment in asked.segments),
        rate=np.array([segment.rate for segment in asked.segments], dtype=np.float64),
        weights=np.array(weights, dtype=np.float64),
        no_purchase=np.array([segment.no_purchase for segment in asked.segments], dtype=np.float64),
    )


def _known(report: Report) -> dict[str, Any]:
    return {
        "status": report.status,
        "method": report.method,
        "seconds": ceil(report.seconds),
        "objective": report.objective,
        "bound": report.bound,
        "gap": report.gap,
    }


def _named(names: Sequence[str], values: Vector | None) -> dict[str, float]:
    return {} if values is None else dict(zip(names, values.tolist(), strict=True))
