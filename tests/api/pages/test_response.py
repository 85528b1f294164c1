"""Price response: every group on one scale, with what is known of it and what that means for prices."""

import re
from pathlib import Path

import msgspec
import pytest

from api.estimates import CURRENT, ESTIMATES, Estimates, Response
from api.pages.response import HIGH, LOW, Group, place
from api.seal import seal
from tests.api.desk import Desk
from tests.api.pages.conftest import Office
from tests.api.pages.markup import PAYLOADS

KNOWN = Response("Stalls", "adult", -1.5, 0.1, -1.7, -1.3, -1.48, "identified", "ppml", 900, 12, "It moved.")
WEAK = msgspec.structs.replace(KNOWN, product="Balcony", status="weak")
SMALL = msgspec.structs.replace(KNOWN, product="Box", elasticity=-0.4, lower=-0.6, upper=-0.2)
FAR = msgspec.structs.replace(KNOWN, product="Gate", status="not-identified", raw_elasticity=7.0, lower=-9.0)
BLANK = Response("Mug", "all", None, None, None, None, None, "not-identified", "none", 0, 0, "Never sold.")


def shown(root: Path, *responses: Response, query: str = "") -> str:
    """The page over a fit that says these."""
    office = Office(Desk(root))
    folder = root / "fits" / "v1"
    folder.mkdir(parents=True)
    told = Estimates("v1", office.desk.now, 0.8, (), responses)
    (folder / ESTIMATES).write_bytes(msgspec.json.encode(told))
    mark = seal(folder, (ESTIMATES,), {"version": "v1"})
    (root / "fits" / CURRENT).write_bytes(msgspec.json.encode({"version": "v1", "seal": mark}))
    sent = office.signed_in("Vera").get(f"/desk/response{query}")
    assert sent.status_code == 200
    return sent.text


def names(text: str) -> list[str]:
    """Groups on the page, from the top."""
    return re.findall(r'<td class="c-name"><a [^>]*><b>([^<]*)', text)


def test_every_group_is_listed_the_best_known_first(tmp_path: Path) -> None:
    """With its status counted in the verdict, and those in which no price moves."""
    text = shown(tmp_path, BLANK, FAR, WEAK, KNOWN, SMALL)
    assert names(text) == ["Box", "Stalls", "Balcony", "Gate", "Mug"]
    assert "does not move prices in 3 of them" in text
    assert "so weak or so strong a reaction is not trusted" in text
    assert "none alone" in text


def test_one_status_is_shown_alone(tmp_path: Path) -> None:
    """The counts stay those of all."""
    text = shown(tmp_path, BLANK, WEAK, KNOWN, query="?status=weak")
    assert names(text) == ["Balcony"]
    assert "Of 3 groups" in text


def test_before_a_fit_the_page_says_so(office: Office) -> None:
    """There is nothing to draw."""
    text = office.signed_in("Vera").get("/desk/response").text
    assert "Nothing was learned yet" in text
    assert names(text) == []


def test_markup_in_a_group_stays_text(tmp_path: Path) -> None:
    """In product, segment and reason."""
    text = shown(
        tmp_path, *(msgspec.structs.replace(KNOWN, product=each, segment=each, reason=each) for each in PAYLOADS)
    )
    assert len(names(text)) == len(PAYLOADS)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<b>bold" not in text


@pytest.mark.parametrize("slope", [-1e9, -5.0, -1.0, 0.0, 1.0, 1e9])
def test_a_place_is_on_the_scale(slope: float) -> None:
    """Whatever the slope; both ends are drawn."""
    assert place(LOW) <= place(slope) <= place(HIGH)
    assert 0 < place(LOW) < place(HIGH) < 100


def test_only_what_is_known_and_believable_moves_a_price() -> None:
    """The engine's own rule decides."""
    assert [Group(each).priced for each in (KNOWN, WEAK, SMALL, FAR, BLANK)] == [True, True, False, False, False]
