"""What every shop must do, tested against the running system: one suite, which each system's tests inherit.

A module of tests gives a fixture `running` and a class that inherits `ShopContract`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol
from unittest.mock import ANY

import httpx
import pytest
from structlog.testing import capture_logs

from api.shops.addresses import Guard, GuardedTransport, HostileAddressError
from api.shops.bucket import TokenBucket
from api.shops.client import Patience
from api.shops.connector import Connector
from api.shops.errors import ShopError
from api.shops.journal import Journal
from api.shops.model import Change, Held, Listed, Movement, Outcome, Plan, Written, amount
from api.shops.shop import Shop

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
READING = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = Guard((ip_network("127.0.0.1/32"),))
FLOOR, CEILING = Decimal("5.00"), Decimal("90.00")


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a buyer bought, by the shop's own word: the price is that of one unit."""

    order: str
    place: str
    units: int
    price: Decimal


class Running(Protocol):
    """A shop that runs, and what its owner and its buyers do there without Fairfare."""

    @property
    def places(self) -> tuple[str, str]:
        """Two whose prices are written there, in euros."""

    @property
    def unwritten(self) -> str | None:
        """One where no amount is written: it is empty, or inherits; None where every place must have one."""

    @property
    def secret(self) -> str:
        """What `connect` uses unless told otherwise."""

    def connect(
        self, transport: httpx.BaseTransport, bucket: TokenBucket, patience: Patience, secret: str | None = None
    ) -> Connector:
        """Fairfare's way in."""

    def order(self, place: str, units: int) -> Ordered:
        """Buy as a buyer does, at what is asked now."""

    def cancel(self, order: str) -> None:
        """Cancel a whole order."""

    def write_by_hand(self, place: str, price: Written) -> None:
        """Change a price as the owner does."""

    def kill(self) -> None:
        """End it at once."""

    def start(self) -> None:
        """Start it again, at the same address with all it had stored."""


def changing(request: httpx.Request) -> bool:
    """Whether a request may change something, as its method tells."""
    return request.method not in READING


@dataclass(slots=True)
class Recorded(httpx.BaseTransport):
    """Requests on their way, remembered; `meddle` may keep one from arriving, or its answer from coming back.

    Attributes
    ----------
    requests : method and path of each
    writes : paths of those that may have changed something
    """

    inner: httpx.BaseTransport
    changes: Callable[[httpx.Request], bool] = changing
    requests: list[tuple[str, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    meddle: Callable[[httpx.Request, Callable[[httpx.Request], httpx.Response]], httpx.Response] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Remember it and send it on."""
        self.requests.append((request.method, request.url.path))
        if not self.changes(request):
            return self.inner.handle_request(request)
        self.writes.append(request.url.path)
        return (
            self.inner.handle_request(request)
            if self.meddle is None
            else self.meddle(request, self.inner.handle_request)
        )

    def close(self) -> None:
        """Let go of connections."""
        self.inner.close()


@dataclass(slots=True)
class Clock:
    """Seconds that pass when somebody sleeps."""

    now: float = 0.0

    def read(self) -> float:
        """The seconds so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds


def loopback() -> Recorded:
    """A way to shops on this machine."""
    return Recorded(GuardedTransport(LOOPBACK))


def unlimited() -> TokenBucket:
    """A limit on requests that no test meets."""
    return TokenBucket(6e7, burst=100_000)


def change(place: str, price: str, *, currency: str = "EUR") -> Change:
    """A decided price, and what its owner allows."""
    return Change(place=place, price=Decimal(price), currency=currency, floor=FLOOR, ceiling=CEILING)


def places_of(running: Running) -> tuple[str, ...]:
    """Every place a test changes."""
    return running.places if running.unwritten is None else (*running.places, running.unwritten)


def by_place(listed: tuple[Listed, ...]) -> dict[str, Listed]:
    """Prices by their places."""
    return {each.place: each for each in listed}


def units(movements: list[Movement]) -> dict[tuple[str, str, Decimal], int]:
    """Net units of each order, place and price."""
    found: dict[tuple[str, str, Decimal], int] = defaultdict(int)
    for each in movements:
        found[each.order, each.place, each.price] += each.quantity
    return dict(found)


class ShopContract:
    """What holds for every system; `running` is a shop that tests share, with its prices as they were at first."""

    changes = staticmethod(changing)
    """Whether a request may change something."""

    @pytest.fixture(autouse=True)
    def as_at_first(self, running: Running) -> Iterator[None]:
        """Put prices back by hand after each test, whatever it left."""
        places = places_of(running)
        with self.reach(running, LOOPBACK) as way:
            before = by_place(self.connect(running, way).read_prices())
        yield
        for place in places:
            running.write_by_hand(place, before[place].written)

    @pytest.fixture
    def way(self, running: Running) -> Iterator[Recorded]:
        """The way to the shop, with loopback allowed."""
        with Recorded(self.reach(running, LOOPBACK), type(self).changes) as way:
            yield way

    @pytest.fixture
    def shop(self, running: Running, way: Recorded, tmp_path: Path) -> Shop:
        """Fairfare's side."""
        return Shop(self.connect(running, way), Journal(tmp_path / "journal.jsonl"))

    def reach(self, running: Running, guard: Guard) -> httpx.BaseTransport:  # noqa: ARG002  # shapes are not on a network
        """How requests travel to the shop."""
        return GuardedTransport(guard)

    @staticmethod
    def connect(running: Running, way: httpx.BaseTransport) -> Connector:
        """A connector that does not wait long."""
        return running.connect(way, unlimited(), Patience(attempts=2, first=0.001, longest=0.001))

    def test_what_is_pulled_is_what_was_ordered(self, running: Running, shop: Shop) -> None:
        """Units and the price of one unit equal the orders; pulling again gives the same movements."""
        since = shop.pull_demand().cursor
        orders = [running.order(running.places[0], 3), running.order(running.places[1], 1)]
        found = shop.pull_demand(since)
        new = [each for each in found.movements if each.order in {ordered.order for ordered in orders}]
        assert units(new) == {(o.order, o.place, o.price): o.units for o in orders}
        assert set(new) <= set(shop.pull_demand().movements)
        assert {each.id for each in shop.pull_demand(found.cursor).movements} <= {e.id for e in found.movements}

    def test_a_cancellation_is_a_negative_unit(self, running: Running, shop: Shop) -> None:
        """Units given back come after the cursor that saw them sold, at the price they were sold at."""
        ordered = running.order(running.places[0], 2)
        since = shop.pull_demand().cursor
        running.cancel(ordered.order)
        back = [m for m in shop.pull_demand(since).movements if m.order == ordered.order and m.quantity < 0]
        assert units(back) == {(ordered.order, ordered.place, ordered.price): -2}
        assert sum(m.quantity for m in shop.pull_demand().movements if m.order == ordered.order) == 0

    def test_stock_falls_by_what_is_sold(self, running: Running, shop: Shop) -> None:
        """What can still be bought is what it was less the units ordered."""
        place = running.places[0]

        def left() -> int | None:
            return min(s.available for s in shop.pull_inventory() if place in s.places and s.available is not None)

        before = left()
        running.order(place, 2)
        assert before is not None
        assert left() == before - 2

    def test_a_dry_run_writes_nothing(self, running: Running, shop: Shop, way: Recorded) -> None:
        """A plan tells what would change; no request that changes anything is sent, and prices stay."""
        before = shop.read_prices()
        plan = shop.plan([change(running.places[0], "12.34"), change(running.places[1], "23.45")])
        assert {(step.place, step.after) for step in plan.steps} == set(
            zip(running.places, [Decimal("12.34"), Decimal("23.45")], strict=True)
        )
        assert way.writes == []
        assert shop.read_prices() == before

    def test_a_push_reaches_buyers_and_the_next_order_pays_it(self, running: Running, shop: Shop) -> None:
        """The new price stands for whoever runs the shop and for a buyer, and is what the demand then says was paid."""
        plan = shop.plan([change(running.places[0], "12.34"), change(running.places[1], "23.45")])
        report = shop.push(plan, "first", now=NOW)
        assert report.whole, report
        assert [problem for check in shop.verify(plan) for problem in check.problems] == []
        assert {check.shown for check in shop.verify(plan)} == {Decimal("12.34"), Decimal("23.45")}
        since = shop.pull_demand().cursor
        ordered = running.order(running.places[0], 2)
        assert ordered.price == Decimal("12.34")
        paid = [m.price for m in shop.pull_demand(since).movements if m.order == ordered.order]
        assert set(paid) == {Decimal("12.34")}

    def test_one_price_changes_and_no_other(self, running: Running, shop: Shop) -> None:
        """What a push does not name stays as it is, at every place of the shop."""
        before = by_place(shop.read_prices())
        shop.push(shop.plan([change(running.places[1], "23.45")]), "one", now=NOW)
        after = by_place(shop.read_prices())
        assert {place for place in before if before[place] != after[place]} == {running.places[1]}

    def test_a_decision_is_pushed_once(self, running: Running, shop: Shop, way: Recorded) -> None:
        """Pushing the same decision again sends nothing."""
        plan = shop.plan([change(running.places[0], "12.34")])
        shop.push(plan, "once", now=NOW)
        sent = len(way.writes)
        assert {result.outcome for result in shop.push(plan, "once", now=NOW).results} == {Outcome.ALREADY}
        assert len(way.writes) == sent

    def test_another_decision_reaches_the_shop_too(self, running: Running, shop: Shop) -> None:
        """Prices go up and down again: that a shop has seen a value before does not keep it from being written."""
        for decision, price in enumerate(["12.34", "15.00", "12.34"]):
            plan = shop.plan([change(running.places[0], price)])
            assert shop.push(plan, f"decision {decision}", now=NOW).whole
            assert by_place(shop.read_prices())[running.places[0]].price == Decimal(price)

    def test_a_rollback_puts_back_exactly_what_stood_there(self, running: Running, shop: Shop) -> None:
        """Amounts, and places where none was written, are as before."""
        before = shop.read_prices()
        changes = [change(place, "12.34") for place in places_of(running)]
        assert shop.push(shop.plan(changes), "back", now=NOW).whole
        assert shop.read_prices() != before
        assert shop.rollback("back", now=NOW).whole
        assert shop.read_prices() == before

    def test_what_was_rolled_back_is_held_until_a_later_price_is_decided(
        self, running: Running, shop: Shop, way: Recorded
    ) -> None:
        """The same version is not written again by itself; a later one is, or the same once a person accepts it."""
        place, held = running.places[0], Held(running.places[0], ANY, "version 7")
        seventh, eighth = (replace(change(place, price), version=n) for n, price in ((7, "12.34"), (8, "15.00")))
        assert shop.push(shop.plan([seventh]), "version 7", now=NOW).whole
        assert shop.rollback("version 7", now=NOW).whole
        before, sent = shop.read_prices(), len(way.writes)
        again = shop.plan([seventh])
        assert ([step.place for step in again.steps], again.held) == ([], (held,))
        assert shop.push(again, "version 7", now=NOW).results == ()
        assert (len(way.writes), shop.read_prices()) == (sent, before)
        assert [step.after for step in shop.plan([eighth]).steps] == [Decimal("15.00")]
        shop.accept([place], by="ann", now=NOW)
        assert shop.push(shop.plan([seventh]), "version 7", now=NOW).whole
        assert by_place(shop.read_prices())[place].price == Decimal("12.34")

    def test_what_somebody_changed_by_hand_is_not_overwritten(
        self, running: Running, shop: Shop, way: Recorded
    ) -> None:
        """Neither a push nor a rollback touches it; it is told as drift."""
        place = running.places[0]
        shop.push(shop.plan([change(place, "12.34")]), "ours", now=NOW)
        late = shop.plan([change(place, "15.00")])
        running.write_by_hand(place, amount(Decimal("77.00")))
        sent = len(way.writes)
        assert [result.outcome for result in shop.push(late, "late", now=NOW).results] == [Outcome.DRIFTED]
        assert [result.outcome for result in shop.rollback("ours", now=NOW).results] == [Outcome.DRIFTED]
        assert [drift.place for drift in shop.plan([change(place, "15.00")]).drifted] == [place]
        assert len(way.writes) == sent
        assert by_place(shop.read_prices())[place].price == Decimal("77.00")

    @pytest.mark.parametrize("arrived", [False, True], ids=["before a request arrived", "before an answer came back"])
    def test_a_shop_killed_during_a_push_is_taken_up_where_it_stood(
        self, running: Running, shop: Shop, way: Recorded, *, arrived: bool
    ) -> None:
        """Nothing is lost and nothing written twice; the journal is all that is left of the first try."""
        plan = shop.plan([change(running.places[0], "12.34"), change(running.places[1], "23.45")])

        def cut(request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]) -> httpx.Response:
            if arrived:
                send(request).read()
            running.kill()
            raise httpx.ReadError("the shop is gone")

        way.meddle = cut
        try:
            assert not shop.push(plan, "killed", now=NOW).whole
        finally:
            running.start()
        way.meddle = None
        reached = _at(shop, plan)
        way.writes.clear()
        again = Shop(self.connect(running, way), Journal(shop.journal.path))
        assert again.push(plan, "killed", now=NOW).whole
        assert _at(shop, plan) == {step.place: step.after for step in plan.steps}
        left = sum(reached[step.place] != step.after for step in plan.steps)
        assert len(way.writes) == left
        assert (left < 2) == arrived
        assert again.rollback("killed", now=NOW).whole

    @pytest.mark.parametrize("price", ["-5.00", "0", "4.99", "90.01", "99999999999.00", "NaN", "Infinity", "12.345"])
    def test_what_the_owner_does_not_allow_is_not_sent(
        self, running: Running, shop: Shop, way: Recorded, price: str
    ) -> None:
        """Negative, absurd, out of bounds or not an amount: refused before any request that changes something."""
        plan = shop.plan([change(running.places[0], price), change(running.places[1], "23.45")])
        assert {each.place for each in plan.refused} == {running.places[0]}
        assert [step.place for step in plan.steps] == [running.places[1]]
        assert way.writes == []

    def test_another_currency_is_not_sent(self, running: Running, shop: Shop) -> None:
        """Twelve dollars are not twelve euros."""
        plan = shop.plan([change(running.places[0], "12.34", currency="USD")])
        assert (plan.steps, plan.refused[0].reason) == ((), "it is priced in EUR, not in USD")

    def test_a_limit_on_requests_is_obeyed(self, running: Running, way: Recorded) -> None:
        """At one request a second, as many seconds pass as requests are sent, less the first."""
        clock = Clock()
        bucket = TokenBucket(60, clock=clock.read, sleep=clock.sleep)
        connector = running.connect(way, bucket, Patience(attempts=1))
        connector.read_prices()
        connector.pull_inventory()
        connector.read_shown(running.places)
        assert len(way.requests) >= 3
        assert clock.now == pytest.approx(len(way.requests) - 1)

    def test_the_secret_is_in_no_log_and_no_error(self, running: Running, shop: Shop, way: Recorded) -> None:
        """A push is logged, and a secret that does not fit is refused for good, without a word of it."""
        with capture_logs() as logs:
            shop.push(shop.plan([change(running.places[0], "12.34")]), "logged", now=NOW)
        assert logs
        assert running.secret not in str(logs)
        wrong = running.connect(way, unlimited(), Patience(attempts=2, first=0.001), secret="wrong:s3cret")
        with capture_logs() as logs, pytest.raises(ShopError) as raised:
            wrong.read_prices()
        assert raised.value.permanent
        assert "s3cret" not in f"{logs} {raised.value} {wrong}"

    def test_loopback_is_closed_unless_the_owner_opens_it(self, running: Running) -> None:
        """The same shop without that setting is not spoken to."""
        with self.reach(running, Guard()) as closed, pytest.raises(HostileAddressError):
            self.connect(running, closed).read_prices()


def _at(shop: Shop, plan: Plan) -> dict[str, Decimal | None]:
    """What stands at the places of a plan."""
    listed = by_place(shop.read_prices())
    return {step.place: listed[step.place].price for step in plan.steps}
