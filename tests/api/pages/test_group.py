"""The page of a group: its curve over the data, the evidence, the price test, and what is sold to it."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
import pytest

from api.estimates import CURRENT, ESTIMATES, Estimates, Response
from api.grounds import (
    GROUNDS,
    Change,
    Dot,
    Followed,
    Ground,
    Grounds,
    Interval,
    Needed,
    PriceTest,
    Way,
)
from api.pages.response import TABLE
from api.seal import seal
from tests.api.desk import Desk
from tests.api.pages.conftest import Office, Person
from tests.api.pages.markup import PAYLOADS
from tests.api.pages.test_response import BLANK, KNOWN, names

NEEDED = Needed(5, 0.01, 200, 0.2, 0.25)
GROUND = Ground(
    product="Stalls",
    segment="adult",
    units=4,
    dates=300,
    sold=4187.0,
    usual=40.0,
    alike=True,
    tried=(32.0, 50.0),
    moves=136,
    own=0.1,
    sold_out=0.04,
    mixed=0.0,
    guessed=0.0,
    alone=Interval(-1.48, -1.8, -1.1),
    in_logs=None,
    followed=Followed(1862, 0.01, Way(0.001, 0.58), Way(0.17, 0.74), None),
    unseen=0.14,
    change=Change(-1.7, -1.4, date(2026, 6, 15), large=False),
    kind="net",
    dots=(Dot(35.0, 120.0, 4.0, 150), Dot(46.0, 82.0, 4.0, 150)),
    test=None,
    no_test="",
)
FOLLOWED = msgspec.structs.replace(
    GROUND,
    moves=3,
    alone=Interval(1.5, 1.1, 1.9),
    followed=Followed(150, 0.01, Way(0.4, 0.001), Way(0.2, 0.5), Way(-0.3, 0.004)),
    test=PriceTest(40.0, 36.0, 44.0, 0, 18, 0.8, 0.6, 437.0, 755.0),
)
UNKNOWN = msgspec.structs.replace(KNOWN, status="not-identified", reason="The price never changed.")


def kept(root: Path, said: Sequence[Response], grounds: Sequence[Ground] | None) -> Office:
    """A desk over a fit that says this, and keeps this with it if it is not None."""
    root.mkdir(exist_ok=True)
    office = Office(Desk(root))
    folder = root / "fits" / "v1"
    folder.mkdir(parents=True)
    (folder / ESTIMATES).write_bytes(msgspec.json.encode(Estimates("v1", office.desk.now, 0.8, (), tuple(said))))
    files = [ESTIMATES]
    if grounds is not None:
        (folder / GROUNDS).write_bytes(msgspec.json.encode(Grounds(NEEDED, tuple(grounds))))
        files.append(GROUNDS)
    mark = seal(folder, files, {"version": "v1"})
    (root / "fits" / CURRENT).write_bytes(msgspec.json.encode({"version": "v1", "seal": mark}))
    return office


def page(root: Path, said: Response, ground: Ground | None, lang: str = "en") -> str:
    """The page of the group."""
    return shown(kept(root, [said], None if ground is None else [ground]).signed_in("Vera"), said, lang)


def shown(person: Person, said: Response, lang: str = "en") -> str:
    """The page of a group, of several."""
    query = {"product": said.product, "segment": said.segment}
    sent = person.client.get("/desk/response/group", query_string=query, headers={"Accept-Language": lang})
    assert sent.status_code == 200
    return sent.text


def drawn(text: str) -> dict[str, list[float]]:
    """What the script draws."""
    told = text.split('id="drawing">')[1].split("</script>", maxsplit=1)[0]
    found: dict[str, list[float]] = msgspec.json.decode(told)
    return found


def test_the_curve_is_drawn_over_the_data_it_was_learned_from(tmp_path: Path) -> None:
    """It is 100 at the usual price, lies within its band, and goes beyond what was tried; each dot is in the table."""
    text = page(tmp_path, KNOWN, GROUND)
    given = drawn(text)
    at_usual = min(zip(given["x"], given["mean"], strict=True), key=lambda point: abs(point[0] - 40))
    assert at_usual[1] == pytest.approx(100, abs=2)
    assert all(low <= mean <= high for low, mean, high in zip(given["low"], given["mean"], given["high"], strict=True))
    assert given["x"][0] < given["tried"][0] < given["tried"][1] < given["x"][-1]
    assert [dot[:2] for dot in given["dots"]] == [[35.0, 120.0], [46.0, 82.0]]  # type: ignore[index]
    assert "<td>€35.00</td><td>120</td><td>112 to 128</td><td>150</td>" in text


def test_the_evidence_says_what_was_found_and_what_is_needed(tmp_path: Path) -> None:
    """Met where it is, and not where it is not."""
    text = page(tmp_path / "a", KNOWN, GROUND)
    assert "136 of 300" in text
    assert "no sign of it in 1,862 rows" in text
    assert "not met" not in text
    text = page(tmp_path / "b", UNKNOWN, FOLLOWED)
    assert "yes: after strong sales it changed; it moved with what was left to sell" in text
    assert text.count("not met") == 3  # moves, the number, and the price followed


def test_a_price_test_says_what_to_try_for_how_long_and_how_sure_one_would_be(tmp_path: Path) -> None:
    """With its cost; none is proposed where the answer is known."""
    text = page(tmp_path / "a", UNKNOWN, FOLLOWED)
    for said in ("€36.00 and €44.00 instead of €40.00", "18 weeks", "to ±0.56 (95%); now ±0.20", "€437 less revenue"):
        assert said in text
    assert "Proposed price test" not in page(tmp_path / "b", KNOWN, GROUND)
    none = msgspec.structs.replace(FOLLOWED, test=msgspec.structs.replace(FOLLOWED.test, weeks=None))  # type: ignore[type-var]
    assert "No test within half a year would tell" in page(tmp_path / "c", UNKNOWN, none)


def test_german_readers_read_german(tmp_path: Path) -> None:
    """The reason of the fit, too."""
    reason = "The price never changed, so there is nothing to learn from."
    text = page(tmp_path, msgspec.structs.replace(UNKNOWN, reason=reason), FOLLOWED, "de")
    assert "Der Preis änderte sich nie; daraus lässt sich nichts lernen." in text
    assert not re.search(r'<(?:p|span)[^>]* lang="en"', text)
    assert "18 Wochen" in text


def test_a_fit_made_before_says_to_fit_again(tmp_path: Path) -> None:
    """The number is shown all the same."""
    text = page(tmp_path, KNOWN, None)
    assert "The evidence was not kept with this fit" in text
    assert "−\u20601.50" in text


def test_a_group_without_a_sale_has_a_page(tmp_path: Path) -> None:
    """With nothing drawn."""
    bare = msgspec.structs.replace(
        GROUND,
        product="Mug",
        segment="all",
        usual=None,
        tried=None,
        dots=(),
        alone=None,
        followed=None,
        no_test="Nothing was sold at a known price.",
    )
    text = page(tmp_path, BLANK, bare)
    assert "There is nothing to draw" in text
    assert "Nothing was sold at a known price." in text


def test_offers_and_groups_lead_to_each_other(tmp_path: Path) -> None:
    """From the group to the event of an offer, and back from its price."""
    office = Office(Desk(tmp_path))
    office.desk.propose()
    text = office.signed_in("Vera").get("/desk/events/friday").text
    link = text.split('class="c-ev"><a class="rl" href="')[1].split('"')[0].replace("&amp;", "&")
    offer = office.desk.book.listings()["hamlet-adult", "all"].offer
    said = msgspec.structs.replace(KNOWN, product=offer.product, segment=offer.segment)
    office = kept(tmp_path / "b", [said], None)
    assert "/desk/events/friday" in office.signed_in("Vera").get(link).text


def test_of_groups_known_alike_those_that_sold_most_come_first(tmp_path: Path) -> None:
    """What is known more surely comes before."""
    said = [msgspec.structs.replace(each, product=name) for each, name in ((UNKNOWN, "a"), (KNOWN, "b"), (KNOWN, "c"))]
    sold = [
        msgspec.structs.replace(GROUND, product=name, sold=units)
        for name, units in (("a", 9.0), ("b", 1.0), ("c", 5.0))
    ]
    text = kept(tmp_path, said, sold).signed_in("Vera").get("/desk/response").text
    assert names(text) == ["c", "b", "a"]


def test_no_such_group_is_no_page(tmp_path: Path) -> None:
    """Nor is there one before a fit."""
    assert kept(tmp_path, [KNOWN], [GROUND]).signed_in("Vera").get("/desk/response/group?product=x").status_code == 404


def test_markup_in_a_group_stays_text(tmp_path: Path) -> None:
    """In names, reason and the reason why there is no test; and in the address."""
    said = [msgspec.structs.replace(UNKNOWN, reason=each, product=each, segment=each) for each in PAYLOADS]
    grounds = [msgspec.structs.replace(GROUND, no_test=each, product=each, segment=each) for each in PAYLOADS]
    person = kept(tmp_path, said, grounds).signed_in("Vera")
    for each in said:
        text = shown(person, each)
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<b>bold" not in text


def test_the_table_is_a_file_too(tmp_path: Path) -> None:
    """One row a group with all its columns, for whoever may look."""
    office = kept(tmp_path, [UNKNOWN], [FOLLOWED])
    sent = office.signed_in("Vera").get("/desk/response.csv")
    head, row = sent.text.splitlines()
    assert head == ",".join(TABLE)
    assert row.startswith(
        "Stalls,adult,-1.5,0.1,-1.7,-1.3,-1.48,not-identified,ppml,900,12,40.0,32.0,50.0,3,300,4187.0,36"
    )
    assert "attachment" in sent.headers["Content-Disposition"]
    assert office.desk.app.test_client().get("/desk/response.csv").status_code == 303
