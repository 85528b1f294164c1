"""Sales over HTTP: recorded once, refused whole when anything is wrong; nothing that is sent changes a price."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from api.http.problems import MEDIA_TYPE
from api.http.sales import OutcomesPage, Receipt
from api.outcomes import EXPECTED
from api.seal import seal
from api.store.database import reading
from api.store.keys import Scope
from api.store.tables import sales
from pricing.learning import Expectation
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS, NOW

DAYS = 30


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace of one test."""
    return desk_in(tmp_path)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A served workspace in which nothing ever changes."""
    return desk_in(tmp_path_factory.mktemp("quiet"))


def desk_in(folder: Path) -> Desk:
    """A served workspace with a fit that expects 10 tickets of each kind a day, and a shop with a key."""
    made = Desk(folder)
    made.keys["shop", Scope.SALES_WRITE] = made.key("shop", [Scope.SALES_WRITE])
    expected = [
        Expectation(
            event="friday",
            product="hamlet",
            segment=name.removeprefix("hamlet-"),
            channel="all",
            mean=10.0 * DAYS,
            spread=0.1,
            reference=10.0,
            elasticity=-1.5,
            se=0.1,
            noise=0.02,
            first=date(2026, 3, 2),
            shares=(1 / DAYS,) * DAYS,
        )
        for name in IDS
    ]
    (folder / "fits" / "abc").mkdir(parents=True)
    (folder / "fits" / "current.json").write_text('{"version": "abc"}')
    (folder / "fits" / "abc" / EXPECTED).write_bytes(msgspec.json.encode(expected))
    seal(folder / "fits" / "abc", [EXPECTED], {})
    made.machine.wait(timedelta(hours=1))
    made.follower.refresh()
    return made


def row(name: str = "s1", **changed: Any) -> dict[str, Any]:
    """Two tickets at the price in force."""
    values: dict[str, Any] = {
        "id": name,
        "offer": IDS[0],
        "sold_at": "2026-03-02T10:00:00Z",
        "quantity": 2,
        "price": "10.00",
        "currency": "EUR",
    }
    return {key: value for key, value in (values | changed).items() if value is not None}


def send(desk: Desk, *rows: object, **options: Any) -> TestResponse:
    """Send sales as the shop."""
    return desk.send("POST", "/v1/sales", {"sales": list(rows)}, key=desk.keys["shop", Scope.SALES_WRITE], **options)


def send_text(desk: Desk, body: bytes) -> TestResponse:
    """Send what a test made up."""
    headers = {"Authorization": f"Bearer {desk.keys['shop', Scope.SALES_WRITE]}", "Content-Type": "application/json"}
    return desk.app.test_client().post("/v1/sales", data=body, headers=headers)


def recorded(desk: Desk) -> int:
    """How many sales the database holds."""
    with reading(desk.engine) as db:
        return db.scalar(select(func.count()).select_from(sales)) or 0


def outcomes(desk: Desk, query: str = "") -> Any:
    """The outcomes, as bob reads them."""
    answer = desk.bob("GET", f"/v1/outcomes{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json


def test_what_was_sold_is_recorded_once(desk: Desk) -> None:
    """Sent twice, each row counts once; a voucher is named."""
    first = send(desk, row("a"), row("b", price="8.00", channel="web"))
    assert first.status_code == 200
    Receipt.model_validate(first.json)
    assert first.json == {
        "recorded": 2,
        "known": 0,
        "otherwise": [{"id": "b", "paid": "8.00", "in_force": "10.00"}],
    }
    again = send(desk, row("a"), row("c"))
    assert again.json is not None
    assert (again.json["recorded"], again.json["known"]) == (1, 1)
    assert recorded(desk) == 3


def test_the_same_idempotency_key_is_answered_as_before(desk: Desk) -> None:
    """A thousand rows sent again with their key are recorded once, and answered word by word alike."""
    rows = [row(f"s{n}") for n in range(1000)]
    first, again = send(desk, *rows, once="k1"), send(desk, *rows, once="k1")
    assert first.status_code == 200
    assert again.data == first.data
    assert recorded(desk) == 1000
    assert send(desk, row("other"), once="k1").status_code in {409, 422}
    assert recorded(desk) == 1000


def test_only_a_key_that_may_write_sales_does(desk: Desk) -> None:
    """Whoever reads prices or approves proposals does not report sales."""
    for who, scope in (("eve", Scope.PRICES_READ), ("eve", Scope.PROPOSALS_WRITE), ("bob", Scope.PROPOSALS_APPROVE)):
        answer = desk.send("POST", "/v1/sales", {"sales": [row()]}, key=desk.keys[who, scope])
        assert answer.status_code == 403
    assert desk.send("POST", "/v1/sales", {"sales": [row()]}).status_code == 401
    assert recorded(desk) == 0


DEEP = b'{"sales": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
GOOD = json.dumps(row("good"))


def one(text: str) -> bytes:
    """A batch of a good row and one that is spelled out."""
    return f'{{"sales": [{GOOD}, {text}]}}'.encode()


def with_(**changed: Any) -> bytes:
    """A batch of a good row and one with something else in it."""
    return one(json.dumps(row("bad", **changed)))


def raw(name: str, text: str) -> bytes:
    """A batch of a good row and one in which a value is spelled out."""
    return one(json.dumps(row("bad", **{name: "@"})).replace('"@"', text))


POISON = {
    "NaN quantity": raw("quantity", "NaN"),
    "infinite quantity": raw("quantity", "Infinity"),
    "1e308": raw("quantity", "1e308"),
    "beyond every float": raw("quantity", "1e999"),
    "ten thousand digits": raw("quantity", "9" * 10_000),
    "quantity 0": with_(quantity=0),
    "text for a number": with_(quantity="2"),
    "true for a number": with_(quantity=True),
    "nothing for a number": raw("quantity", "null"),
    "NaN price": with_(price="NaN"),
    "infinite price": with_(price="Infinity"),
    "negative price": with_(price="-10.00"),
    "price 0": with_(price="0.00"),
    "price as a number": with_(price=10.0),
    "minor units": with_(price="1000"),
    "price with an exponent": with_(price="1e1"),
    "digits of another script": with_(price="\u0661\u0660.00"),
    "decimal comma": with_(price="10,00"),
    "thousands separator": with_(price="1,000.00"),
    "too many decimals": with_(price="10.001"),
    "enormous price": with_(price="9" * 40),
    "another currency": with_(currency="USD"),
    "made-up currency": with_(currency="ZZZ"),
    "currency in words": with_(currency="euro"),
    "no zone": with_(sold_at="2026-03-02T10:00:00"),
    "mixed date formats": with_(sold_at="02/03/2026 10:00"),
    "no such day": with_(sold_at="2026-02-30T10:00:00Z"),
    "in the future": with_(sold_at="2027-03-02T10:00:00Z"),
    "in another century": with_(sold_at="1926-03-02T10:00:00Z"),
    "seconds since 1970": with_(sold_at=1_772_445_600),
    "unknown offer": with_(offer="hamlet-everyone"),
    "empty id": with_(id=""),
    "null byte": with_(id="a\u0000b"),
    "line break in a name": with_(offer="hamlet\nadult"),
    "half a surrogate pair": raw("id", '"\\ud800"'),
    "unknown key": with_(discount="3.00"),
    "missing key": one(json.dumps({"id": "bad"})),
    "repeated key": one(GOOD.replace('"good"', '"bad"').replace('"price"', '"price": "9.00", "price"')),
    "duplicate row": one(GOOD),
    "a list for a row": one("[1, 2, 3]"),
    "made-up quote": with_(quote="AAAA"),
    "no rows": b'{"sales": []}',
    "too many rows": json.dumps({"sales": [row(f"s{n}") for n in range(1001)]}).encode(),
    "cut short": one(GOOD)[:-20],
    "byte order mark": b"\xef\xbb\xbf" + one(GOOD.replace("good", "bad")),
    "UTF-16": one(GOOD.replace("good", "bad")).decode().encode("utf-16"),
    "not UTF-8": one(GOOD.replace("good", "b\u00e4d")).decode().encode("latin-1"),
    "CSV": b"id,offer,quantity\nbad,hamlet-adult,2\n",
    "nested a hundred thousand deep": DEEP,
    "a list": b"[]",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_refused_with_one_clear_problem_and_changes_nothing(quiet: Desk, kind: str) -> None:
    """No sale of the batch is recorded, no price changes, and the answer says what is wrong and where."""
    before = quiet.book.version()
    answer = send_text(quiet, POISON[kind])
    assert answer.status_code in {409, 422}, answer.get_data(as_text=True)[:500]
    assert answer.mimetype == MEDIA_TYPE
    assert answer.json is not None
    assert len(answer.data) < 5_000
    assert answer.json["errors"]
    assert all(error["reason"] for error in answer.json["errors"])
    assert recorded(quiet) == 0
    assert quiet.book.version() == before
    assert quiet.price() == "10.00"


def test_there_are_enough_kinds_of_poison() -> None:
    """The bar is thirty."""
    assert len(POISON) >= 30


def test_a_body_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    """Two megabytes are more than a thousand sales."""
    answer = send_text(desk, b'{"sales": [' + b" " * 2_000_000 + b"]}")
    assert answer.status_code == 413
    assert recorded(desk) == 0


def test_every_row_that_is_wrong_is_named(desk: Desk) -> None:
    """Place and reason of each, in one answer."""
    answer = send(desk, row("a", price="0.00"), row("b"), row("c", offer="othello"), row("d", quantity=0))
    assert answer.json is not None
    assert [error["where"] for error in answer.json["errors"]] == [
        "sales[0].price",
        "sales[2].offer",
        "sales[3].quantity",
    ]


def day_by_day(desk: Desk, units: int, days: int = 12) -> None:
    """Each offer sells so many units a day, sent at the day's end."""
    for number in range(days):
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=number)
        desk.machine.wait(noon + timedelta(hours=12) - desk.now)
        sold = [row(f"{offer}-{number}", offer=offer, sold_at=noon.isoformat(), quantity=units) for offer in IDS]
        assert send(desk, *sold).status_code == 200


def test_outcomes_hold_what_was_expected_beside_what_was_sold(desk: Desk) -> None:
    """Ten a day were expected and ten a day were sold: inside every interval, no alarm, page by page."""
    day_by_day(desk, 10)
    told = outcomes(desk, "?limit=2")
    OutcomesPage.model_validate(told)
    assert told["alarms"] == []
    assert told["fit"] == "abc"
    assert [item["offer"] for item in told["items"]] == sorted(IDS)[:2]
    rest = outcomes(desk, f"?limit=2&cursor={told['next']}")
    assert [item["offer"] for item in rest["items"]] == sorted(IDS)[2:]
    assert rest["next"] is None
    units = told["items"][0]["units"]
    assert units["realised"] == 120
    assert units["expected"]["low"] <= 120 <= units["expected"]["high"]
    assert told["items"][0]["revenue"]["realised"] == 1200
    assert {group["kind"] for group in told["groups"]} >= {"fit", "product and segment", "event"}


def test_demand_that_changed_raises_an_alarm(desk: Desk) -> None:
    """Half of what was expected: everybody is told to fit again."""
    day_by_day(desk, 5)
    told = outcomes(desk)
    assert "fit again" in told["alarms"][0]
    assert all(item["alarm"] for item in told["items"])


def test_outcomes_are_read_by_those_who_decide(desk: Desk) -> None:
    """Revenue is not for the keys of shop windows."""
    day_by_day(desk, 10, days=1)
    answer = desk.send("GET", "/v1/outcomes", key=desk.keys["eve", Scope.PRICES_READ])
    assert answer.status_code == 403
    assert desk.send("GET", "/v1/outcomes").status_code == 401


def test_a_sale_that_came_since_is_in_the_next_answer(desk: Desk) -> None:
    """What is kept between requests is dropped when anything it rests on has changed."""
    day_by_day(desk, 10, days=3)
    first = outcomes(desk)
    assert outcomes(desk) == first
    send(desk, row("late", sold_at="2026-03-03T09:00:00Z", quantity=4))
    units = {item["offer"]: item["units"]["realised"] for item in outcomes(desk)["items"]}
    assert units[IDS[0]] == 34


def test_without_a_fit_there_are_no_outcomes(tmp_path: Path) -> None:
    """It says which command makes one."""
    answer = Desk(tmp_path).bob("GET", "/v1/outcomes")
    assert answer.status_code == 404
    assert "fairfare fit" in (answer.json or {})["detail"]


def test_before_a_sale_has_come_back_there_is_nothing_to_compare(desk: Desk) -> None:
    """No alarm because nobody has connected a shop yet."""
    desk.machine.wait(timedelta(days=9))
    told = outcomes(desk)
    assert (told["items"], told["alarms"], told["since"]) == ([], [], None)


def test_the_clock_of_the_desk_is_the_test_s(desk: Desk) -> None:
    """Sales of an hour ago are of the past, those of a day ahead are not."""
    assert desk.now == NOW + timedelta(hours=1)
    assert send(desk, row("ahead", sold_at="2026-03-03T10:00:00Z")).status_code == 409
