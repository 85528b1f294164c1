"""The report of price response: verdict first, no group left out, reasons, diagnostics, tests and limits said."""

from dataclasses import replace

import pandas as pd
import pytest

from api.report import Findings, elasticity_report
from api.report.elasticity import MOST_EACH, elasticity_view
from api.report.forest import MOST_LISTED
from api.report.numbers import units
from pricing.demand import Identification
from tests.api.report.responses import SOURCE, Shop
from tests.api.report.season import NOW


def bare(found: Findings, rows: int | None = None) -> Findings:
    """Only the estimates."""
    return replace(found, table=found.table.iloc[:rows], basis=found.basis[:rows], tests=None, shapes=None, cross=None)


def repeated(found: Findings, times: int) -> Findings:
    """The first group many times over."""
    table = pd.concat([found.table.head(1).assign(product=f"p{k}") for k in range(times)], ignore_index=True)
    return replace(bare(found), table=table, basis=[found.basis[0]] * times)


def words(page: str) -> str:
    """Text of a page with single blanks."""
    return " ".join(page.split())


def test_the_verdict_counts_the_groups(shop: Shop) -> None:
    """Identified, weak, those sales cannot tell, and the tests proposed."""
    view = elasticity_view(shop.found, now=NOW)
    assert view.shares.total == len(shop.found.table) == 5
    assert (view.shares.identified, view.shares.weak, view.shares.not_identified) == tuple(
        int((shop.found.table["status"] == status).sum()) for status in ("identified", "weak", "not-identified")
    )
    text = words(elasticity_report(shop.found, now=NOW))
    assert f"Of 5 groups, <b>{view.shares.identified}</b> have enough evidence" in text
    assert f"The engine does not move prices in those {view.shares.not_identified}." in text


def test_what_the_engine_does_is_what_its_guard_rails_do(shop: Shop) -> None:
    """A number above -1 holds the price however well it is known, and the verdict counts it."""
    for slope, status, moved in ((-2.0, "identified", True), (-0.6, "identified", False), (-0.6, "weak", False)):
        table = shop.found.table.head(1).assign(elasticity=slope, status=status)
        view = elasticity_view(replace(bare(shop.found, 1), table=table), now=NOW)
        assert (view.held, view.cards[0].engine.startswith("leaves this price")) == (int(not moved), not moved)
        page = words(elasticity_report(replace(bare(shop.found, 1), table=table), now=NOW))
        assert ("The engine does not move prices in one group, whose number" in page) == (not moved)


def test_the_best_known_come_first_then_those_that_sold_most(shop: Shop) -> None:
    """In the forest and group by group."""
    view = elasticity_view(shop.found, now=NOW)
    order = [list(Identification).index(group.status) for group in view.forest]
    assert order == sorted(order)
    assert [card.group.names for card in view.cards] == [group.names for group in view.forest]
    sold = {one.key: one.sold for one in shop.found.basis}
    told = [sold[group.names] for group in view.forest if group.status is Identification.NOT_IDENTIFIED]
    assert told == sorted(told, reverse=True)


def test_each_group_has_its_interval_before_pooling_its_picture_and_its_lines(shop: Shop) -> None:
    """As far as it has any; a link leads from the forest to them."""
    view = elasticity_view(shop.found, now=NOW)
    page = elasticity_report(shop.found, now=NOW)
    for card in view.cards:
        (one,) = [one for one in shop.found.basis if one.key == card.group.names]
        assert (card.group.raw_low == card.group.raw_low) == (one.estimate is not None)
        assert card.chart is not None
        assert len(card.checks) >= 3
        assert dict(card.facts)["Units sold"] == units(one.sold)
        assert dict(card.facts)["Dates on which it moved"] == units(one.moves)
        assert f'href="#{card.group.link}"' in page
        assert f'id="{card.group.link}"' in page


def test_what_is_not_identified_has_a_price_test_or_the_reason_why_none(shop: Shop) -> None:
    """Beside it, with what it tells and costs; what is identified has none."""
    for card in elasticity_view(shop.found, now=NOW).cards:
        if card.group.status is Identification.IDENTIFIED:
            assert card.test is None
        else:
            assert card.test is not None
            assert card.test.in_reach or card.test.sentence
    page = elasticity_report(shop.found, now=NOW)
    assert "Proposed price test" in page
    assert "What it costs" in page


def test_shapes_and_cross_effects_are_shown_where_they_were_asked_for(shop: Shop) -> None:
    """And nowhere else."""
    full, less = (elasticity_report(found, now=NOW) for found in (shop.found, bare(shop.found)))
    for words_ in ("The shape of demand", "What one price does to the sales of others", "Ibragimov", "Slutsky"):
        assert words_ in full
        assert words_ not in less
    view = elasticity_view(shop.found, now=NOW)
    assert view.overall is not None
    assert [row.name for row in view.overall.rows] == ["constant elasticity", "exponential", "logit", "linear"]
    assert all(card.curves for card in view.cards)


def test_relations_that_none_has_are_said_in_words(shop: Shop) -> None:
    """No pair, and pairs without a clear effect."""
    cross = shop.found.cross
    assert cross is not None
    unclear = cross.assign(relation=cross["relation"].where(cross["relation"] == "own", "no clear effect"))
    for table, said in (
        (cross[cross["relation"] == "own"], "There are no two products to compare."),
        (unclear, f"None of the {(unclear['relation'] != 'own').sum()} pairs shows a clear effect."),
    ):
        assert said in elasticity_report(replace(shop.found, cross=table), now=NOW)


def test_what_sales_can_never_show_the_method_and_the_source_are_said(shop: Shop) -> None:
    """On every such page."""
    page = elasticity_report(bare(shop.found), now=NOW)
    for said in ("What sales data can never show", "Method and sources", "Wooldridge 2010", *SOURCE[0]):
        assert said in page


def test_names_and_reasons_with_markup_stay_text(shop: Shop) -> None:
    """In the page, its links and its tables."""
    name = "<script>alert(1)</script>"
    table = shop.found.table.head(1).assign(product=name, reason=name)
    nasty = replace(bare(shop.found, 1), table=table, source=((name, name),))
    assert "<script>alert" not in elasticity_report(nasty, now=NOW)


@pytest.mark.parametrize("columns", [["product", "segment"], ["product", "segment", "channel"]])
def test_any_by_columns(shop: Shop, columns: list[str]) -> None:
    """Two or three."""
    table = shop.found.table.assign(**dict.fromkeys(columns[1:], "x"))
    table = table[[*columns, *[name for name in table.columns if name not in columns]]]
    view = elasticity_view(replace(bare(shop.found), table=table), now=NOW)
    assert all(group.names[1:] == ("x",) * (len(columns) - 1) for group in view.forest)


def test_thousands_of_groups_are_counted_some_listed_and_few_told_one_by_one(shop: Shop) -> None:
    """A page of thousands of rows helps nobody."""
    page = elasticity_report(repeated(shop.found, MOST_LISTED + 20), now=NOW)
    assert f"Of {MOST_LISTED + 20} groups" in page
    assert page.count('<td class="fp">') == MOST_LISTED
    assert "20 more groups are counted above" in page
    assert page.count('<details class="panel"') == MOST_EACH
    assert len(page) - len(elasticity_report(bare(shop.found, 1), now=NOW)) < 1_000_000


def test_a_table_without_groups_is_a_page(shop: Shop) -> None:
    """Nothing was estimated, and that is said."""
    empty = replace(bare(shop.found, 0), first=None, last=None)
    assert "Of 0 groups" in elasticity_report(empty, now=NOW)


def test_the_same_findings_are_the_same_page(shop: Shop) -> None:
    """Byte for byte."""
    assert elasticity_report(shop.found, now=NOW) == elasticity_report(shop.found, now=NOW)
