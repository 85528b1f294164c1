"""The API does what its OpenAPI document says, whatever is sent, in whatever order: every check of schemathesis."""

import itertools
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from api.app import create_app
from api.served.snapshot import NOTHING
from api.store.database import DATABASE_NAME
from api.store.keys import Scope
from tests.api.desk import Desk
from tests.api.store.book_kit import decision
from tests.api.test_app import Fixed

EXAMPLES = int(os.environ.get("FAIRFARE_EXAMPLES", "5"))
"""Requests of each operation, right ones and wrong ones each; 200 for the record."""
PROPOSER = ("override_proposal",)
"""Operations that ann asks for; what she proposes, others may approve."""
ANSWERS = ["2xx", "401", "403", "404", "409", "411", "422", "429"]
FILES = {"include-path": "/v1/uploads", "checks": {"positive_data_acceptance": {"expected-statuses": ANSWERS}}}
"""No schema says what a table holds, so that a file that is one may be refused."""


class World(Desk):
    """A served workspace in which there is always a proposal to decide about."""

    numbers: Iterator[int]
    first: bytes = b""

    def refill(self) -> str:
        """Let prices change, and propose something."""
        if self.book.frozen():
            self.book.unfreeze(by="bob", now=self.now, reason="next")
        price = next(each.price for each in self.book.prices_in_force() if each.offer == "hamlet-adult")
        then = "11.00" if price == Decimal("10.00") else "10.00"
        return self.propose(decision(price=then, now=f"{price:f}"), name=f"p{next(self.numbers)}")

    def begin_again(self) -> None:
        """As it was in the beginning, so that the same requests are answered alike."""
        file = self.root / DATABASE_NAME
        self.first = self.first or file.read_bytes()
        for beside in self.root.glob(f"{DATABASE_NAME}-*"):
            beside.unlink()
        file.write_bytes(self.first)
        self.follower.refresh()

    def schema(self) -> Any:
        """The document, and how to ask for what is in it: with a key of whoever does such things.

        A request with an idempotency key is a new one, so it gets a key of its own.
        """
        schema = schemathesis.openapi.from_wsgi(
            "/openapi.json", self.app, config=schemathesis.Config.from_dict({"operations": [FILES]})
        )
        proposer, chief = self.keys["ann", Scope.PROPOSALS_WRITE], self.keys["eve", Scope.ADMIN]
        numbers = self.numbers

        @schema.auth(refresh_interval=None)
        class Holder:
            def get(self, case: Any, _context: Any) -> str:
                return proposer if case.operation.definition.raw["operationId"] in PROPOSER else chief

            def set(self, case: Any, data: str, _context: Any) -> None:
                case.headers["Authorization"] = f"Bearer {data}"
                if "Idempotency-Key" in case.headers:
                    case.headers["Idempotency-Key"] = f"k{next(numbers)}"

        return schema


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all requests."""
    made = World(tmp_path_factory.mktemp("world"))
    made.numbers = itertools.count(1)
    return made


def operations() -> list[tuple[str, str]]:
    """Every operation of the document: path and method."""
    paths = create_app(Fixed(NOTHING, stale=True)).test_client().get("/openapi.json").get_json()["paths"]
    return [(path, method.upper()) for path, item in paths.items() for method in item]


QUICK = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


@pytest.mark.parametrize(("path", "method"), operations())
def test_what_is_right_is_answered_as_documented(world: World, path: str, method: str) -> None:
    """Statuses, forms, headers and authorization, about proposals that exist as well as about others."""
    operation = world.schema()[path][method]

    @QUICK
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known and path.startswith("/v1/proposals/{id}"):
            case.path_parameters["id"] = world.refill()
        case.call_and_validate()

    send()


@pytest.mark.parametrize(("path", "method"), [each for each in operations() if each[0].startswith("/v1/")])
def test_what_is_wrong_is_refused_as_documented(world: World, path: str, method: str) -> None:
    """Whatever is wrong about a request, the answer is a problem that the document promises."""
    operation = world.schema()[path][method]

    @QUICK
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def send(case: Any) -> None:
        case.call_and_validate()

    send()


def test_step_by_step_the_api_keeps_its_contract(world: World) -> None:
    """Along the document's own links, in any order."""
    world.refill()
    machine = world.schema().as_state_machine()

    class Walk(machine):  # type: ignore[misc, valid-type]  # the class is made from the document
        def setup(self) -> None:
            world.begin_again()

    Walk.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],
        )
    )


def test_a_price_keeps_the_contract_all_along_its_way(world: World) -> None:
    """Proposed, overridden, approved, published, read and rolled back: each answer leads to the next."""
    world.begin_again()
    schema = world.schema()

    def ask(path: str, method: str, body: object = NOT_SET, **path_parameters: object) -> Any:
        who = ("ann", Scope.PROPOSALS_WRITE) if path.endswith("override") else ("eve", Scope.ADMIN)
        headers = {"Authorization": f"Bearer {world.keys[who]}"}
        case = schema[path][method].Case(path_parameters=path_parameters or None, headers=headers, body=body)
        return case.call_and_validate().json()

    own = {"prices": [{"offer": "hamlet-adult", "price": "12.00"}], "reason": "full house"}
    made = ask("/v1/proposals/{id}/override", "POST", own, id=world.refill())
    assert ask("/v1/proposals/{id}", "GET", id=made["proposal"])["standing"] == "open"
    approved = ask("/v1/proposals/{id}/approve", "POST", {}, id=made["proposal"])
    published = ask("/v1/publications", "POST", {"proposal": approved["proposal"]})
    assert ask("/v1/prices/{offer}", "GET", offer="hamlet-adult")["price"] == "12.00"
    assert ask("/v1/publications", "GET")["items"][0]["version"] == published["version"]
    ask("/v1/publications/{version}/rollback", "POST", version=published["version"])
    assert ask("/v1/prices/{offer}", "GET", offer="hamlet-adult")["price"] != "12.00"
