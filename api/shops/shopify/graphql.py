"""Requests to Shopify's GraphQL Admin API.

Guarantees
----------
* An answer under status 200 that tells of an error is an error.
* A request that cost more than was left is sent again when Shopify says that enough has come back.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from api.shops.client import Client, page_numbers
from api.shops.errors import ShopError
from api.shops.shopify.answers import Answer, Connection

THROTTLED = "THROTTLED"
LOCKED_OUT = "ACCESS_DENIED"
LONGEST_WAIT = 30.0
"""Even an empty bucket is full again by then [seconds]."""
T = TypeVar("T")
N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class GraphQL:
    """The way to one shop's data.

    Attributes
    ----------
    client : to https://SHOP.myshopify.com, with its token
    path : of the version we speak
    sleep : waits so many seconds
    """

    client: Client
    path: str
    sleep: Callable[[float], None] = time.sleep

    def ask(self, document: str, kind: type[T], /, **variables: object) -> T:
        """The `data` of an answer; a change that is sent twice is made once, for it names absolute prices."""
        for _ in range(self.client.patience.attempts):
            answer = self._once(document, variables)
            if not _throttled(answer):
                break
            self.sleep(_wait(answer))
        if answer.errors:
            raise _refusal(answer)
        return _parsed(bytes(answer.data), kind)

    def every(
        self, document: str, kind: type[T], page: Callable[[T], Connection[N]], /, **variables: object
    ) -> Iterator[tuple[T, N]]:
        """Each entry of a list, with the answer it came in."""
        after: str | None = None
        for _ in page_numbers():
            answer = self.ask(document, kind, after=after, **variables)
            yield from ((answer, node) for node in page(answer).nodes)
            if not page(answer).page_info.has_next_page:
                return
            after = page(answer).page_info.end_cursor

    def _once(self, document: str, variables: Mapping[str, object]) -> Answer:
        body = {"query": document, "variables": variables}
        return _parsed(self.client.send("POST", self.path, body=body, repeatable=True), Answer)


def _throttled(answer: Answer) -> bool:
    return not isinstance(answer.errors, str) and any(error.extensions.code == THROTTLED for error in answer.errors)


def _wait(answer: Answer) -> float:
    """Until what a request costs has come back [seconds]."""
    cost = answer.extensions.cost
    if cost is None or cost.throttle_status.restore_rate <= 0:
        return 1.0
    lacking = cost.requested_query_cost - cost.throttle_status.currently_available
    return min(max(lacking, 0.0) / cost.throttle_status.restore_rate + 0.1, LONGEST_WAIT)


def _refusal(answer: Answer) -> ShopError:
    if isinstance(answer.errors, str):
        return ShopError(f"Shopify: {answer.errors}", permanent=True)
    status = 403 if any(error.extensions.code == LOCKED_OUT for error in answer.errors) else None
    reason = "; ".join(error.message for error in answer.errors)
    return ShopError(f"Shopify: {reason}", permanent=not _throttled(answer), status=status)


def _parsed(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind, strict=False)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise ShopError(f"this is not what Shopify answers ({error}); is this its address?", permanent=True) from None
