"""How a proposal becomes a price: by a second person, by the policy itself, or not at all."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import api.cli.workspace
from api.cli.main import app
from api.settings import FILE, default_text
from api.store.book import PriceBook
from api.workspace import AUTOMATIC, Workspace
from optimization import HighsOptimizer
from pricing.book import Standing, Verdict
from pricing.errors import RefusedError
from pricing.policy import Mode

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = timedelta(days=1)
OFFERS = "offer,product,currency,current_price,floor,ceiling,ladder\nmug,mug,EUR,10.00,5.00,20.00,5:20:0.50\n"


def sales(last: str) -> str:
    """A year of daily sales at prices of their own, clear enough to move the price."""
    rng = np.random.default_rng(0)
    days = pd.date_range(end=last, periods=365, freq="D")
    price = np.repeat(rng.choice([8.0, 9.0, 10.0, 11.0, 12.0], 60), 7)[: len(days)]
    units = rng.poisson(20 * (price / 10) ** -3.0)
    table = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "product": "mug", "quantity": units, "price": price})
    return table.to_csv(index=False)


def shop(root: Path, *, last: str) -> Workspace:
    """A workspace with one offer and a fit."""
    place = Workspace.create(root / "shop", default_text())
    for kind, text in (("sales", sales(last)), ("offers", OFFERS)):
        (root / f"{kind}.csv").write_text(text, encoding="utf-8")
        place.ingest(kind, root / f"{kind}.csv", by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    return place


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, with sales up to yesterday."""
    return shop(tmp_path_factory.mktemp("fitted"), last="2026-11-20").root


@pytest.fixture
def place(fitted: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    return Workspace.open(Path(shutil.copytree(fitted, tmp_path / "shop")))


def under(place: Workspace, **policy: Any) -> Workspace:
    """The workspace under another policy."""
    return replace(place, settings=replace(place.settings, policy=replace(place.settings.policy, **policy)))


def price_of(place: Workspace) -> Decimal:
    """What the mug costs."""
    return place.book.prices_in_force()[0].price


def test_a_proposal_says_how_old_its_sales_and_its_fit_are_and_what_went_in(place: Workspace) -> None:
    """Begin of the newest day of sales, and of the day of the fit."""
    made = place.price(HighsOptimizer(), by="engine", now=NOW).provenance
    assert made.sales_until == datetime(2026, 11, 20, tzinfo=UTC)
    assert made.fitted_at == datetime(2026, 11, 21, tzinfo=UTC)
    assert {"date", "product", "quantity", "price"} <= set(made.inputs)
    assert "customer" not in made.inputs


def test_on_old_sales_nothing_moves_and_the_reason_is_said(tmp_path: Path) -> None:
    """The flow goes through to the end: everything is held, and nothing needs to be published."""
    old = shop(tmp_path, last="2026-03-31")
    made = old.price(HighsOptimizer(), by="engine", now=NOW)
    assert [decision.verdict for decision in made.decisions] == [Verdict.HELD]
    assert "the newest sales are from 2026-03-3" in made.decisions[0].reasons[0]
    old.approve(made.id, by="me", now=NOW)
    old.publish(made.id, by="me", now=NOW)
    assert price_of(old) == Decimal("10.00")
    known = under(old, sales_age_days=400).price(HighsOptimizer(), by="engine", now=NOW)
    assert "newest sales" not in known.decisions[0].reasons[0]


def test_a_fit_from_long_ago_holds_prices_until_it_is_made_again(place: Workspace) -> None:
    """However fresh the sales may be."""
    made = under(place, sales_age_days=99).price(HighsOptimizer(), by="engine", now=NOW + 36 * DAY)
    assert made.decisions[0].reasons == ("Held: the model is from 2026-11-21, more than 35 days ago.",)


def test_what_is_sure_and_small_is_published_by_the_policy_alone(place: Workspace) -> None:
    """In mode automatic; it is recorded who that was."""
    alone = under(place, mode=Mode.AUTOMATIC, automatic_step=Decimal("0.1"), weak_step=Decimal("0.1"))
    made = alone.price(HighsOptimizer(), by="engine", now=NOW)
    assert made.decisions[0].verdict is Verdict.MOVE
    version = alone.approve_by_policy(made.id, now=NOW)
    assert alone.book.standing(made.id, now=NOW) is Standing.PUBLISHED
    assert price_of(alone) == made.decisions[0].allowed
    assert [(each.version, each.by) for each in alone.book.publications()] == [(1, "me"), (version, AUTOMATIC)]


def test_everything_else_waits_for_a_person(place: Workspace) -> None:
    """Neither approved nor published, and the reason is said."""
    made = place.price(HighsOptimizer(), by="engine", now=NOW)
    for policy, why in (
        ({}, "in mode manual a person approves"),
        ({"mode": Mode.AUTOMATIC}, "moves more than the 5% that approve themselves"),
        ({"mode": Mode.SHADOW}, "in mode shadow a person approves"),
    ):
        with pytest.raises(RefusedError, match=why):
            under(place, **policy).approve_by_policy(made.id, now=NOW)
    assert place.book.standing(made.id, now=NOW) is Standing.OPEN
    assert price_of(place) == Decimal("10.00")


def test_the_policy_approves_nothing_it_cannot_publish(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Approval and publication happen together or not at all: nobody finds a proposal approved that no person saw."""
    alone = under(place, mode=Mode.AUTOMATIC, automatic_step=Decimal("0.1"))
    made = alone.price(HighsOptimizer(), by="engine", now=NOW)

    def refuse(*_: object, **__: object) -> int:
        raise RefusedError("the law says no")

    monkeypatch.setattr(PriceBook, "publish", refuse)
    with pytest.raises(RefusedError, match="the law says no"):
        alone.approve_by_policy(made.id, now=NOW)
    assert alone.book.standing(made.id, now=NOW) is Standing.OPEN


def test_in_mode_shadow_prices_are_decided_and_recorded_only(place: Workspace) -> None:
    """Nobody can approve or publish, not even what was approved before the mode was set."""
    made = place.price(HighsOptimizer(), by="engine", now=NOW)
    shadow = under(place, mode=Mode.SHADOW)
    with pytest.raises(RefusedError, match="in mode shadow prices are decided and recorded"):
        shadow.approve(made.id, by="me", now=NOW)
    place.approve(made.id, by="me", now=NOW)
    with pytest.raises(RefusedError, match="in mode shadow prices are decided and recorded"):
        shadow.publish(made.id, by="me", now=NOW)
    assert price_of(shadow) == Decimal("10.00")


def test_in_mode_discount_only_a_rise_decided_before_is_refused(place: Workspace) -> None:
    """The mode of the moment of publication counts."""
    dear = place.root.parent / "dear.csv"
    dear.write_text(OFFERS.replace("ladder\n", "ladder,unit_cost\n").replace("0.50\n", "0.50,9.00\n"), encoding="utf-8")
    place.ingest("offers", dear, by="me", now=NOW)
    made = place.price(HighsOptimizer(), by="engine", now=NOW)
    assert made.decisions[0].allowed > Decimal("10.00")
    place.approve(made.id, by="me", now=NOW)
    with pytest.raises(RefusedError, match="only discounts are allowed"):
        under(place, mode=Mode.DISCOUNT_ONLY).publish(made.id, by="me", now=NOW)
    place.publish(made.id, by="me", now=NOW)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (
            'mode = "automatic"\nautomatic_step = 0.1',
            "The policy approved it: version 2 of the price book is in force.",
        ),
        ('mode = "automatic"', "It waits for a person: mug: moves more than the 5% that approve themselves."),
    ],
)
def test_the_command_says_what_happened(
    place: Workspace, policy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published, or why it waits."""
    text = (place.root / FILE).read_text(encoding="utf-8")
    (place.root / FILE).write_text(text.replace('mode = "manual"', policy), encoding="utf-8")
    monkeypatch.setattr(api.cli.workspace, "utc_now", lambda: NOW)
    done = CliRunner().invoke(app, ["price", "--workspace", str(place.root)])
    assert done.output.splitlines()[-1] == said
