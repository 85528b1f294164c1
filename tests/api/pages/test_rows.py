"""What a row says of its price."""

from dataclasses import replace

import pytest

from api.pages.rows import Row, limited, rows_on_sale
from api.pages.situation import Situation
from pricing.model import Offer
from tests.api.pages.conftest import Office
from tests.api.store.book_kit import IDS, OFFERS, decision

STOCK = "till: Stalls"


def row(*, shadow_price: float) -> Row:
    """A row whose price was decided with so much to gain from one more place."""
    offer = OFFERS[0]
    return Row(
        key=(offer.id, offer.channel),
        group=offer.key,
        event=offer.event,
        name=offer.product,
        audience="",
        currency=offer.currency,
        now=offer.current_price,
        floor=offer.floor,
        ceiling=offer.ceiling,
        decision=replace(decision(offer.id), shadow_price=shadow_price),
        moves=True,
        coming=None,
        sold=None,
    )


@pytest.mark.parametrize(
    ("drawn", "shadow_price", "shops", "named"),
    [
        ({IDS[0]: STOCK}, 2.0, {"till"}, STOCK),
        ({IDS[0]: STOCK}, 0.0, {"till"}, ""),
        ({IDS[0]: STOCK}, 2.0, {"door"}, ""),
        ({IDS[0]: "till"}, 2.0, {"till"}, ""),
        ({IDS[0]: None}, 2.0, {"till"}, ""),
        ({}, 2.0, {"till"}, ""),
    ],
)
def test_the_stock_of_a_shop_is_named_where_it_binds(
    drawn: dict[str, str | None], shadow_price: float, shops: set[str], named: str
) -> None:
    """A room that is no shop's is not, nor is a stock that has enough left."""
    assert [each.stock for each in limited([row(shadow_price=shadow_price)], drawn, shops)] == [named]


def test_the_stock_that_binds_is_said_beside_the_price(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both languages; its name is no markup."""

    def bound(offers: list[Offer], at: Situation) -> tuple[Row, ...]:
        return tuple(replace(each, stock="till: <b>Stalls") for each in rows_on_sale(offers, at))

    monkeypatch.setattr("api.pages.events.rows_on_sale", bound)
    vera = office.signed_in("Vera")
    assert "More buyers than till: &lt;b&gt;Stalls has left." in vera.get("/desk/events/friday").text
    german = vera.get("/desk/events/friday", **{"Accept-Language": "de"}).text
    assert "Mehr Käufer, als till: &lt;b&gt;Stalls noch hat." in german
