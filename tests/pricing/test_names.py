"""A column named after what may not enter a price is recognised in four languages, and no other is."""

import pytest

from pricing.names import claims_a_reduction, is_of_competitors, is_personal, protected, refused


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("gender", "sex or gender"),
        ("Sex", "sex or gender"),
        ("GESCHLECHT", "sex or gender"),
        ("sexe", "sex or gender"),
        ("género", "sex or gender"),
        ("buyer_gender", "sex or gender"),
        ("BuyerGender", "sex or gender"),
        ("race", "race or ethnic origin"),
        ("Ethnicity", "race or ethnic origin"),
        ("ethnische Herkunft", "race or ethnic origin"),
        ("origine.ethnique", "race or ethnic origin"),
        ("etnia", "race or ethnic origin"),
        ("Nationalität", "nationality or national origin"),
        ("nationalité", "nationality or national origin"),
        ("nacionalidad", "nationality or national origin"),
        ("religion", "religion or belief"),
        ("religión", "religion or belief"),
        ("has_disability", "disability"),
        ("Behinderung", "disability"),
        ("handicapé", "disability"),
        ("discapacidad", "disability"),
        ("sexual orientation", "sexual orientation"),
        ("sexualorientation", "sexual orientation"),
        ("SexuelleOrientierung", "sexual orientation"),
        ("orientación_sexual", "sexual orientation"),
        ("is-pregnant", "pregnancy"),
        ("Schwangerschaft", "pregnancy"),
        ("embarazada", "pregnancy"),
        ("political_opinion", "political opinion"),
        ("politische Meinung", "political opinion"),
        ("opinión política", "political opinion"),
        ("union_membership", "membership of a trade union"),
        ("Gewerkschaft", "membership of a trade union"),
        ("appartenance syndicale", "membership of a trade union"),
        ("genetic_data", "genetic, biometric or health data"),
        ("données génétiques", "genetic, biometric or health data"),
    ],
)
def test_a_protected_characteristic_is_recognised(column: str, what: str) -> None:
    """However it is spelt, joined or accented."""
    assert protected(column) == what
    assert column in dict(refused([column]))


@pytest.mark.parametrize(
    "column",
    [
        *(
            "trace",
            "essex",
            "sextet",
            "racecourse",
            "brace",
            "terrace",
            "interface",
            "agenda",
            "gendered",
            "engender",
        ),
        *(
            "segment",
            "age",
            "child",
            "student",
            "senior",
            "genre",
            "union_station",
            "country_of_origin",
            "opinion_score",
        ),
        *(
            "date",
            "product",
            "quantity",
            "price",
            "available",
            "list_price",
            "unit_cost",
            "promotion",
            "opponent",
            "rival",
        ),
        *("competing_events", "temperature", "party", "orientation", "preis", "rate"),
    ],
)
def test_an_ordinary_column_is_let_pass(column: str) -> None:
    """Parts of words mean nothing; concessions by age are customary; an opponent is no competitor."""
    assert list(refused([column], offers=True)) == []


@pytest.mark.parametrize(
    "column",
    [
        *(
            "competitor_price",
            "CompetitorPrice",
            "competitors",
            "rival_price",
            "rivalsPrice",
            "market_price",
            "Marktpreis",
        ),
        *("konkurrenzpreis", "prix_concurrent", "precio de la competencia", "wettbewerber", "price of rivals"),
    ],
)
def test_prices_of_competitors_are_recognised_and_off_by_default(column: str) -> None:
    """Until the markets allow them."""
    assert is_of_competitors(column)
    assert column in dict(refused([column]))
    assert list(refused([column], competitor_prices=True)) == []


@pytest.mark.parametrize("column", ["discount_percent", "percent_off", "was_price", "Rabatt Prozent", "compareAtPrice"])
def test_a_claim_of_a_reduction_is_no_column_of_an_offer(column: str) -> None:
    """Of offers, where it would be shown; what a sale was reduced by is a fact about the past."""
    assert claims_a_reduction(column)
    assert column in dict(refused([column], offers=True))
    assert list(refused([column])) == []


@pytest.mark.parametrize(
    ("column", "personal"),
    [("customer", True), ("Customer_ID", True), ("E-mail", True), ("email", True), ("zip", True), ("segment", False)],
)
def test_personal_data_is_recognised(column: str, personal: bool) -> None:
    """By the words that are always taken for it."""
    assert is_personal(column) is personal
