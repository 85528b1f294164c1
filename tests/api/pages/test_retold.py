"""What engine, guard rails and price book write is said again in German, whole or not at all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import pricing.explain
import pricing.guardrails.contradictions
import pricing.guardrails.in_force
import pricing.guardrails.publication
import pricing.guardrails.rails
import pricing.overrides
from api.pages import language
from api.pages.numbers import MINUS
from api.pages.retold import HOLE, KINDS, TEMPLATES, Said, retold
from api.pages.sentences import SENTENCES
from api.store import checks

GUARDS = [
    pricing.explain,
    pricing.guardrails.contradictions,
    pricing.guardrails.in_force,
    pricing.guardrails.publication,
    pricing.guardrails.rails,
    pricing.overrides,
    checks,
]
"""Modules of which every sentence must be known."""
FILLED = {"n": "12.50", "day": "2026-11-22", "file": "sales.csv", "why": "no price moves", "any": ".99 or .50"}
"""Something for each kind of hole."""


def in_german(text: str, locale: str = "de-DE") -> Said:
    """A text as a German reader gets it."""
    app = Flask("retold")
    language.install(app)
    with app.test_request_context(headers={"Accept-Language": locale}):
        return retold(text)


def plain(text: str) -> str:
    """Without what glues figures."""
    return text.replace(MINUS, "-").replace("\u00a0", " ")


def pieces(module: object) -> Iterator[tuple[int, str]]:
    """Line and text of every literal piece of two words or more that a module may write into a sentence."""
    tree = ast.parse(Path(str(vars(module)["__file__"])).read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            for piece in node.value.split("{}"):
                if re.search(r"[A-Za-z]{2,} [a-z]{2,}", piece):
                    yield node.lineno, piece


@pytest.mark.parametrize("module", GUARDS, ids=lambda module: str(module.__name__))
def test_every_sentence_of_the_guards_is_known(module: object) -> None:
    """Whatever rail is added: its words stand in a template, and so, by the catalogue's own test, in German."""
    known = "\n".join(HOLE.sub("\0", text).replace("%%", "%") for text in SENTENCES)
    missing = [(line, piece) for line, piece in pieces(module) if piece.strip(" .;:(),") not in known]
    assert missing == []


@pytest.mark.parametrize("text", SENTENCES)
def test_a_text_that_fits_a_template_is_said_again(text: str) -> None:
    """With what stood in its holes, and none of its English."""
    filled = HOLE.sub(lambda hole: FILLED.get(hole[1].rstrip("0123456789"), "Käte"), text).replace("%%", "%")
    said = in_german(filled)
    assert said.lang == ""
    assert said.text.count("Käte") >= sum(
        each.rstrip("0123456789") not in {*KINDS, "why", "any"} for each in HOLE.findall(text)
    )
    assert "%" not in re.sub(r"\d\u00a0%|[-\u2011]%[-\u2011]", "", said.text)


TOLD = {
    "Held: The price never changed, so there is nothing to learn from.": (
        "Zurückgehalten: Der Preis änderte sich nie; daraus lässt sich nichts lernen."
    ),
    "At 7.1% more, only 5% fewer are expected to be sold, and each sale earns more.": (
        "Zu 7,1 % mehr werden voraussichtlich nur 5 % weniger verkauft, und jeder Verkauf bringt mehr."
    ),
    "Kept: guard rails leave no other price: moves more than 10% in one run, or below its floor of 1,012.00.": (
        "Bleibt: Die Leitplanken lassen keinen anderen Preis: ändert sich um mehr als 10 % in einem Lauf oder unter "
        "der Untergrenze von 1.012,00."
    ),
    "Too uncertain: the sales fit with no reaction to price at all (-0.42, 95 % interval -1.20 to +0.36). 2 rows have "
    "no price above 0 and were left out.": (
        "Zu unsicher: Die Verkäufe passen auch dazu, dass der Preis gar nichts bewirkt (-0,42, 95-%-Bereich -1,20 bis "
        "+0,36). 2 Zeilen haben keinen Preis über 0 und blieben außer Betracht."
    ),
    "proposal p-1 may not be published: hamlet: adult (web): below its unit cost of 3.50; the model is from "
    "2026-11-02, more than 7 days ago": (
        "Vorschlag p-1 darf nicht in Kraft treten: hamlet: adult (web): unter den Stückkosten von 3,50; das Modell ist "
        "vom 2. Nov. 2026, mehr als 7 Tage alt"
    ),
    "proposal p-1 may not be published: child at 11.00 would cost more than adult at 10.00": (
        "Vorschlag p-1 darf nicht in Kraft treten: child zu 11,00 würde mehr kosten als adult zu 10,00"
    ),
    "sales.csv was refused whole: refused/sales.txt says why": (
        "sales.csv wurde ganz zurückgewiesen: Den Grund nennt refused/sales.txt"
    ),
    "version 2 may not be rolled back: from 2026-03-03 12:00 UTC on child at 11.00 would cost more than adult (web) at "
    "10.00; take version 3 back first": (
        "Version 2 darf nicht zurückgerollt werden: ab 2026-03-03 12:00 UTC gilt: child zu 11,00 würde mehr kosten "
        "als adult (web) zu 10,00; nehmen Sie zuerst Version 3 zurück"
    ),
    "sales.csv, row 3, column price: not a number: 'abc: 1'": "sales.csv, Zeile 3, Spalte price: keine Zahl: „abc: 1“",
}


@pytest.mark.parametrize("text", TOLD)
def test_german_reads_as_german(text: str) -> None:
    """Sentences within sentences, lists, figures, dates, places in a file."""
    assert plain(in_german(text).text) == TOLD[text]


@pytest.mark.parametrize(
    "text",
    [
        "Held: the optimizer failed: out of memory.",
        "nobody knows this",
        "",
        "Kept: nothing is left to sell. And then something new.",
        "no price moves; " * 40,
        "x" * 5000,
    ],
)
def test_what_is_not_known_stays_as_it_is_and_is_marked(text: str) -> None:
    """Never half of it."""
    assert in_german(text) == Said(text, "en")


def test_english_stays_english() -> None:
    """And needs no mark."""
    assert in_german("Kept: nothing is left to sell.", "en-GB") == Said("Kept: nothing is left to sell.")


def test_names_within_a_sentence_stay_what_they_are() -> None:
    """Even those that look like figures, or like what a page is made of."""
    name = "Ada <b> 1,000.5 %(n)s"
    assert in_german(f"{name} set its price").text == f"{name} hat den Preis gesetzt"


def test_the_more_particular_template_comes_first() -> None:
    """So that no general one takes a sentence apart at the wrong place."""
    lengths = [(not each.bare, len(HOLE.sub("", each.text))) for each in TEMPLATES]
    assert lengths == sorted(lengths, reverse=True)
