"""A quoted price holds until it expires, whatever happens to the price book, the servers and the clock."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from api.app import create_app
from api.http.auth import Gate
from api.http.quotes import MOST
from api.quote_ids import Quote, sign
from api.served.follower import Follower
from api.served.quoting import Charge, Said
from api.served.snapshot import NOTHING, SNAPSHOT_NAME
from api.settings import default_text
from api.store.database import DATABASE_NAME
from api.store.keys import Scope, create_key
from tests.api.clocks import Machine
from tests.api.store.book_kit import IDS, NOW, POLICY, book_with_prices, decision, proposal, publish, put_in_force
from tests.api.test_app import FREE, Fixed

MINUTE = timedelta(minutes=1)


class Shop:
    """A price book, a server that follows it, a clock that is set by hand, and a key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "fairfare.toml").write_text(default_text())
        self.book = book_with_prices(folder)
        self.key = create_key(self.book._engine, {Scope.PRICES_READ}, holder="shop", by="ann", now=NOW)
        self.now = NOW
        self.steps = 0
        self.follower = Follower(folder / DATABASE_NAME, folder / SNAPSHOT_NAME, clock=Machine().clock())
        self.client = self.server()

    def server(self) -> Client:
        """A server's process, as it starts."""
        self.follower.refresh()
        gate = Gate(self.follower, requests=FREE, failures=FREE)
        app = create_app(
            self.follower, root=self.folder, now=lambda: self.now, refresh=self.follower.refresh, gate=gate
        )
        return Client(app)

    def ask(self, *items: dict[str, Any], **body: Any) -> TestResponse:
        """Ask for quotes."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.post("/v1/quotes", json={"items": list(items)} | body, headers=headers)

    def quote(self, *offers: str) -> list[dict[str, Any]]:
        """Quotes of these offers."""
        answer = self.ask(*({"offer": offer} for offer in offers))
        assert answer.status_code == 200, answer.text
        return list(answer.get_json()["items"])

    def get(self, quote_id: str) -> TestResponse:
        """Ask for a quote that was given."""
        return self.client.get(f"/v1/quotes/{quote_id}", headers={"Authorization": f"Bearer {self.key}"})

    def publish(self, price: str, offer: str = IDS[0]) -> int:
        """Put another price in force, and have it served."""
        self.steps += 1
        at = NOW + timedelta(milliseconds=self.steps)
        now = next(str(known.price) for known in self.book.prices_in_force() if known.offer == offer)
        version = publish(self.book, decision(offer, price, now=now), name=f"step {self.steps}", at=at)
        self.follower.refresh()
        return version


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Three offers at 10.00."""
    return Shop(tmp_path)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One in which nothing happens."""
    return Shop(tmp_path_factory.mktemp("quiet"))


def test_a_cart_is_quoted_in_the_order_asked_for(shop: Shop) -> None:
    """Each with what the buyer pays and until when that holds."""
    shop.publish("11.00")
    quotes = shop.quote(IDS[2], IDS[0], IDS[2])
    assert [quote["offer"] for quote in quotes] == [IDS[2], IDS[0], IDS[2]]
    assert quotes[0] == quotes[2]
    assert quotes[1] == quotes[1] | {
        "price": "11.00",
        "total_price": "11.00",
        "currency": "EUR",
        "channel": "all",
        "version": 2,
        "expires_at": "2026-03-02T09:45:00Z",
        "valid_until": "2026-03-02T09:45:00Z",
        "disclosures": [],
        "fees": [],
        "stale": False,
    }


def test_a_quote_is_told_as_it_was_given(shop: Shop) -> None:
    """Word for word, and a client that has it is not sent it again."""
    (quote,) = shop.quote(IDS[0])
    answer = shop.get(quote["id"])
    assert answer.get_json() == quote
    headers = {"Authorization": f"Bearer {shop.key}", "If-None-Match": answer.headers["ETag"]}
    assert shop.client.get(f"/v1/quotes/{quote['id']}", headers=headers).status_code == 304


STEPS = st.lists(
    st.sampled_from(["10.00", "11.00", "12.00", "rollback", "freeze", "unfreeze", "restart", "quote", "later"]),
    max_size=10,
)


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_a_quoted_price_holds_whatever_happens_to_the_book(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Publications, rollbacks, a freeze and restarts, in any order; then it is over to the microsecond."""
    shop = Shop(tmp_path_factory.mktemp("book"))
    given = shop.quote(*IDS)
    for step in steps:
        _take(shop, step)
        if step == "quote":
            given += shop.quote(*IDS)
        for quote in given:
            assert shop.get(quote["id"]).get_json() == quote
    for quote in given:
        shop.now = datetime.fromisoformat(quote["expires_at"]) - timedelta(microseconds=1)
        assert shop.get(quote["id"]).get_json() == quote
        shop.now += timedelta(microseconds=1)
        assert shop.get(quote["id"]).status_code == 410


def _take(shop: Shop, step: str) -> None:
    """Take one step, unless the book as it stands refuses it."""
    frozen, in_force = shop.book.frozen(), str(shop.book.prices_in_force()[0].price)
    at = NOW + timedelta(milliseconds=shop.steps)
    if step == "restart":
        shop.client = shop.server()
    elif step == "later":
        shop.now += MINUTE
    elif step == "freeze" and not frozen:
        shop.book.freeze(by="ann", now=at, reason="test")
    elif step == "unfreeze" and frozen:
        shop.book.unfreeze(by="ann", now=at, reason="test")
    elif step == "rollback" and not frozen and shop.book.version() > 1:
        shop.steps += 1
        shop.book.rollback(shop.book.version(), by="ann", now=at + timedelta(milliseconds=1), policy=POLICY)
        shop.follower.refresh()
    elif step[0].isdigit() and not frozen and step != in_force:
        shop.publish(step)


def test_a_price_that_is_to_come_changes_no_quote(shop: Shop) -> None:
    """Neither one given before it was scheduled, nor one given before it begins; then the new price is quoted."""
    (before,) = shop.quote(IDS[0])
    begins = NOW + 5 * MINUTE
    shop.book.propose(proposal(decision(), base=1))
    shop.book.approve("p1", by="bob", now=NOW)
    put_in_force(shop.book, begins=begins)
    shop.follower.refresh()
    (between,) = shop.quote(IDS[0])
    shop.follower._clock.reach(begins)
    shop.now = begins
    (after,) = shop.quote(IDS[0])
    assert [quote["price"] for quote in (before, between, after)] == ["10.00", "10.00", "11.00"]
    for quote in (before, between, after):
        assert shop.get(quote["id"]).get_json() == quote


def test_every_server_gives_and_knows_the_same_quotes(shop: Shop) -> None:
    """One that was just started, too."""
    one, other = shop.client, shop.server()
    mine = shop.ask({"offer": IDS[0]})
    shop.client = other
    assert shop.ask({"offer": IDS[0]}).data == mine.data
    assert shop.get(mine.get_json()["items"][0]["id"]).status_code == 200
    assert one is not other


def test_quotes_go_on_while_the_database_is_gone(shop: Shop) -> None:
    """Those of prices in memory; of a price that is not, nobody can say, and that is said."""
    (old,) = shop.quote(IDS[0])
    shop.publish("11.00")
    (new,) = shop.quote(IDS[0])
    (shop.folder / DATABASE_NAME).rename(shop.folder / "away")
    shop.follower.refresh()
    (stale,) = shop.quote(IDS[0])
    assert (stale["stale"], stale["id"]) == (True, new["id"])
    assert shop.get(new["id"]).get_json() == stale
    assert stale == new | {"stale": True}
    assert shop.get(old["id"]).status_code == 503
    (shop.folder / "away").rename(shop.folder / DATABASE_NAME)
    shop.follower.refresh()
    assert shop.get(old["id"]).get_json() == old


def test_an_id_that_was_not_given_out_is_not_found(shop: Shop) -> None:
    """Made up, of another workspace, or of a price that never was."""
    (quote,) = shop.quote(IDS[0])
    secret = shop.follower.current().snapshot.content.secret.encode()
    made_up = Quote(1, 100, NOW + MINUTE - timedelta(seconds=12))
    for forged in (
        "x",
        quote["id"][:-1] + ("A" if quote["id"][-1] != "A" else "B"),
        quote["id"].swapcase(),
        sign(made_up, b"another workspace's secret"),
    ):
        assert shop.get(forged).status_code == 404, forged
    unknown = sign(Quote(10**6, 100, (NOW + MINUTE).replace(microsecond=0)), secret)
    assert shop.get(unknown).status_code == 404


def test_the_clock_may_go_back_and_forth(shop: Shop) -> None:
    """What a quote says decides, not what was answered before."""
    (quote,) = shop.quote(IDS[0])
    for minutes, status in ((16, 410), (14, 200), (10_000, 410), (-60, 200), (15, 410), (0, 200)):
        shop.now = NOW + minutes * MINUTE
        assert shop.get(quote["id"]).status_code == status


def test_the_owner_says_how_long_a_price_is_locked(shop: Shop) -> None:
    """A change counts within a minute; settings that cannot be used change nothing."""
    assert shop.quote(IDS[0])[0]["expires_at"] == "2026-03-02T09:45:00Z"
    toml = shop.folder / "fairfare.toml"
    toml.write_text("quote_minutes = 2\n" + default_text())
    shop.now += MINUTE
    assert shop.quote(IDS[0])[0]["expires_at"] == "2026-03-02T09:33:00Z"
    toml.write_text("quote_minutes = 0\n")
    shop.now += MINUTE
    assert shop.quote(IDS[0])[0]["expires_at"] == "2026-03-02T09:34:00Z"


def test_prices_are_quoted_together_or_not_at_all(shop: Shop) -> None:
    """Everything that has no price is named."""
    answer = shop.ask({"offer": IDS[0]}, {"offer": "nope"}, {"offer": IDS[1], "channel": "web"}, {"offer": "gone"})
    assert answer.status_code == 409
    assert [fault["where"] for fault in answer.get_json()["errors"]] == ["items[1]", "items[3]"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"items": []}',
        '{"items": [{}]}',
        '{"items": [{"offer": 1}]}',
        '{"items": [{"offer": ""}]}',
        '{"items": [{"offer": NaN}]}',
        '{"items": [{"offer": "ID", "offer": "ID"}]}',
        '{"items": [{"offer": "ID"}], "items": [{"offer": "ID"}]}',
        '{"items": [{"offer": "ID", "price": "0.01"}]}',
        '{"items": [{"offer": "ID", "channel": ""}]}',
        '{"items": [' + ",".join(['{"offer": "ID"}'] * (MOST + 1)) + "]}",
    ],
)
def test_what_is_asked_for_is_read_exactly(quiet: Shop, text: str) -> None:
    """Or refused."""
    shop = quiet
    headers = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
    answer = shop.client.post("/v1/quotes", data=text.replace("ID", IDS[0]), headers=headers)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"


def test_the_total_that_was_quoted_is_what_is_paid(shop: Shop) -> None:
    """Should the owner change the fees while the quote holds, what was said of the total stays."""
    entry = shop.follower.current().snapshot.find(IDS[0], None)
    assert entry is not None
    plain = Said.of(entry)
    dearer = msgspec.structs.replace(plain, total_price=Decimal("11.50"), fees=(Charge("booking", Decimal("1.50")),))
    assert plain.for_total(plain.total) is plain
    locked = plain.for_total(dearer.total)
    assert (locked.total_price, locked.fees) == (Decimal("11.50"), (Charge("fees", Decimal("1.50")),))
    free = dearer.for_total(plain.total)
    assert (free.total_price, free.fees) == (Decimal("10.00"), ())


def test_a_quote_needs_a_key_that_may_read_prices(shop: Shop) -> None:
    """As everything that tells a price."""
    (quote,) = shop.quote(IDS[0])
    shop.key = "ff_wrong"
    assert shop.ask({"offer": IDS[0]}).status_code == 401
    assert shop.get(quote["id"]).status_code == 401
    shop.key = create_key(shop.book._engine, {Scope.SALES_WRITE}, holder="till", by="ann", now=NOW)
    shop.follower.refresh()
    assert shop.ask({"offer": IDS[0]}).status_code == 403
    assert shop.get(quote["id"]).status_code == 403


def test_before_any_price_is_known_there_is_no_quote(shop: Shop) -> None:
    """Which is said, and when to ask again."""
    client = Client(create_app(Fixed(NOTHING), root=shop.folder, now=lambda: NOW))
    answer = client.post("/v1/quotes", json={"items": [{"offer": IDS[0]}]}, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 503
