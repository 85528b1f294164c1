"""The rules as they stand, and what acted."""

from dataclasses import replace

from api.pages.rules import GROUPS
from api.pages.words import RULES
from pricing.outcome import Explanation
from pricing.policy import Policy
from tests.api.pages.conftest import Office
from tests.api.store.book_kit import decision


def test_rules_are_those_of_the_settings_now(office: Office) -> None:
    """Read anew: values, mode and markets."""
    person = office.signed_in("Vera")
    assert "No market is declared" in person.get("/desk/rules").text
    office.desk.root.joinpath("fairfare.toml").write_text(
        '[policy]\nmode = "shadow"\nstep = 0.07\nendings = [".50"]\nsegment_order = [["child", "adult"]]\n'
        '[[markets]]\nname = "<b>Shop</b>"\ncountry = "DE"\n'
    )
    page = person.get("/desk/rules").text
    for said in ("7%", ".50", "child ≤ adult", "Prices are decided and recorded", "&lt;b&gt;Shop", "30 days"):
        assert said in page


def test_what_acted_is_counted(office: Office) -> None:
    """Each price once for each rail, from the last proposal."""
    acted = decision(explanation=replace(Explanation(), acted=("step", "step", "ceiling")))
    office.desk.propose(acted, decision("hamlet-child"))
    page = office.signed_in("Vera").get("/desk/rules").text
    assert "Of the 2 prices decided last, rules acted on 1." in page
    assert '<span class="w num">1</span><span>largest step</span>' in page


def test_every_rule_has_its_words() -> None:
    """And is a setting, or the bounds."""
    told = {name for names in GROUPS.values() for name in names}
    assert told == set(RULES)
    assert told - {"bounds"} <= set(Policy.__dataclass_fields__)
