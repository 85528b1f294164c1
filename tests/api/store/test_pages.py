"""Proposals come a page at a time, each once, on both databases; and so does the whole way over HTTP."""

from api.store.pages import proposals_page
from pricing.book import Standing
from tests.api.desk import Desk
from tests.api.store.book_kit import NOW, Home, decision


def test_every_proposal_comes_once_the_newest_first(home: Home) -> None:
    """Whatever the size of a page, and also when some are left out by how far they have come."""
    desk = Desk(home)
    for n in range(7):
        desk.propose(name=f"p{n}")
    desk.book.reject("p3", by="bob", now=NOW)
    for standing, expected in ((None, "6543210"), (Standing.OPEN, "654210"), (Standing.REJECTED, "3")):
        for limit in (1, 2, 3, 7, 8):
            assert walk(desk, standing, limit) == [f"p{n}" for n in expected]


def walk(desk: Desk, standing: Standing | None, limit: int) -> list[str]:
    """The ids on all pages."""
    found: list[str] = []
    before: int | None = None
    while True:
        page = proposals_page(desk.engine, standing=standing, before=before, limit=limit, now=NOW)
        assert len(page.items) <= limit
        found += [proposal.id for proposal, _ in page.items]
        if page.next is None:
            return found
        before = page.next


def test_over_http_a_price_goes_its_way_on_both_databases(home: Home) -> None:
    """Proposed, overridden, approved, published, read, rolled back, frozen: once each however often it is sent."""
    desk = Desk(home)
    desk.propose(decision(), name="p1")
    sent = {"prices": [{"offer": "hamlet-adult", "price": "12.00"}], "reason": "full house"}
    name = desk.ann("POST", "/v1/proposals/p1/override", sent, once="a").get_json()["proposal"]
    assert desk.ann("POST", "/v1/proposals/p1/override", sent, once="a").get_json()["proposal"] == name
    assert desk.bob("POST", f"/v1/proposals/{name}/approve", {"large": True}, once="b").status_code == 200
    for _ in range(3):
        assert desk.bob("POST", "/v1/publications", {"proposal": name}, once="c").get_json() == {"version": 2}
    assert desk.price() == "12.00"
    for _ in range(3):
        assert desk.bob("POST", "/v1/publications/2/rollback", once="d").get_json() == {"version": 3}
    assert desk.price() == "10.00"
    assert desk.bob("PUT", "/v1/freeze", {"reason": "x"}, once="e").status_code == 200
    actions = [entry["action"] for entry in desk.admin("GET", "/v1/audit").get_json()["items"]]
    assert [each for each in actions if each != "create-key"] == [
        "import",
        "propose",
        "reject",
        "override",
        "approve",
        "publish",
        "rollback",
        "freeze",
    ]
