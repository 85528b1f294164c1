"""What a column's name says it holds: a protected characteristic, personal data, a competitor's price, a claim.

Guarantees
----------
* A name is compared word by word, never by parts of words: `trace` is not `race`, `essex` is not `sex`.
* Case, accents, and whether words are joined by underscores, blanks, dots or capitals make no difference.

The protected characteristics are those of article 21 of the EU's Charter of Fundamental Rights and article 9(1) of the
GDPR, as far as a column could hold them, in English, German, French and Spanish. Age is not among them: prices for
children, students and seniors are customary, open to everyone of that age, and favour them. Nor is `genre`, French for
gender, which is what a play or a concert has.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

Words = tuple[str, ...]

PROTECTED = {
    "sex or gender": "sex, gender, geschlecht, sexe, sexo, genero, gender identity, geschlechtsidentitaet, "
    "identite de genre, identidad de genero, transgender",
    "race or ethnic origin": "race, racial, ethnicity, ethnic, ethnie, rasse, ethnizitaet, ethnische herkunft, "
    "ethnisch, origine ethnique, ethnique, raza, etnia, etnicidad, etnico, origen etnico, skin color, skin colour, "
    "hautfarbe, couleur de peau, color de piel",
    "nationality or national origin": "nationality, national origin, citizenship, nationalitaet, staatsangehoerigkeit, "
    "staatsbuergerschaft, nationalite, citoyennete, nacionalidad, ciudadania, ancestry",
    "religion or belief": "religion, religious, faith, konfession, glaube, religionszugehoerigkeit, weltanschauung, "
    "confession, croyance, creencia, religioso, religieux",
    "disability": "disability, disabled, handicap, handicapped, behinderung, behindert, schwerbehindert, "
    "schwerbehinderung, handicape, invalidite, discapacidad, discapacitado, minusvalia",
    "sexual orientation": "sexual orientation, sexuelle orientierung, orientation sexuelle, orientacion sexual, "
    "sexual preference",
    "pregnancy": "pregnancy, pregnant, maternity, schwangerschaft, schwanger, mutterschaft, grossesse, enceinte, "
    "maternite, embarazo, embarazada, maternidad",
    "political opinion": "political opinion, political affiliation, political party, politische meinung, "
    "politische einstellung, parteizugehoerigkeit, parteimitgliedschaft, opinion politique, opinions politiques, "
    "opinion politica, opiniones politicas, afiliacion politica",
    "membership of a trade union": "union membership, union member, trade union, labor union, labour union, "
    "gewerkschaft, gewerkschaftszugehoerigkeit, gewerkschaftsmitglied, syndicat, appartenance syndicale, sindicato, "
    "afiliacion sindical",
    "genetic, biometric or health data": "genetic, genetics, genetische, genetisch, genetique, genetiques, genetico, "
    "geneticos, dna, biometric, biometrics, biometrisch, biometrische, biometrique, biometrico, health status, "
    "gesundheitszustand, gesundheit, etat de sante, estado de salud",
}
"""Characteristic -> the ways to name it, without accents."""
PERSONAL = (
    "customer, user, buyer, member, email, e mail, phone, ip, cookie, device, postcode, postal code, zip, zip code, "
    "age, birthday, birthdate, birth date, date of birth, income, credit score"
)
"""Names that are always taken for personal data, besides those the owner adds."""
COMPETITOR = (
    "competitor, competitors, market price, konkurrent, konkurrenzpreis, wettbewerber, wettbewerberpreis, "
    "wettbewerbspreis, marktpreis, prix du marche, competidor, competidores, precio de mercado"
)
RIVAL = (
    "rival, rivals, competing, competition, konkurrenz, wettbewerb, concurrent, concurrents, concurrence, competencia"
)
"""Mean competitors beside a word for a price; alone they are an opponent, a contest, something at the same time."""
PRICE = "price, prices, fare, fares, rate, rates, preis, preise, prix, tarif, tarifs, precio, precios, tarifa"
CLAIMS = (
    "percent off, pct off, discount percent, discount pct, discount percentage, reduction percent, saving percent, "
    "savings percent, rabatt prozent, prozent rabatt, pourcentage reduction, pourcentage de reduction, "
    "remise pourcentage, porcentaje descuento, porcentaje de descuento, was price, former price, compare at price"
)
"""Claims of a reduction; what was charged before is known from the history of prices, and only from there."""
OTHERWISE = "leave it out, or give it another name if it says something else"


def words_of(name: str) -> Words:
    """The words of a name, in lower case and without accents: `SexualOrientation` is sexual, orientation."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", _plain(name))
    return tuple(re.findall(r"[a-z0-9]+", apart.lower()))


def _plain(text: str) -> str:
    """Umlauts and the sharp s as Germans write them without, other letters without their accents."""
    text = unicodedata.normalize("NFC", text)
    for letter, instead in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}.items():
        text = text.replace(letter, instead)
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def _phrases(listed: str) -> tuple[Words, ...]:
    return tuple(words_of(phrase) for phrase in listed.split(","))


_PROTECTED: Mapping[str, Sequence[Words]] = {what: _phrases(listed) for what, listed in PROTECTED.items()}
_PERSONAL, _COMPETITOR, _CLAIMS, _RIVAL, _PRICE = map(_phrases, (PERSONAL, COMPETITOR, CLAIMS, RIVAL, PRICE))


def _names(words: Words, phrases: Iterable[Words]) -> bool:
    """Whether one of the phrases stands among the words, or is all of them written as one."""
    return any(
        words == ("".join(phrase),) or any(words[i : i + len(phrase)] == phrase for i in range(len(words)))
        for phrase in phrases
    )


def protected(column: str) -> str | None:
    """The protected characteristic a column is named after; None if it is none."""
    words = words_of(column)
    return next((what for what, phrases in _PROTECTED.items() if _names(words, phrases)), None)


def is_personal(column: str) -> bool:
    """Whether a column is named after data about one buyer."""
    return _names(words_of(column), _PERSONAL)


def is_of_competitors(column: str) -> bool:
    """Whether a column is named after competitors' prices."""
    words = words_of(column)
    return _names(words, _COMPETITOR) or (_names(words, _RIVAL) and _names(words, _PRICE))


def claims_a_reduction(column: str) -> bool:
    """Whether a column is named after how much lower a price is, or what it was."""
    return _names(words_of(column), _CLAIMS)


def refused(
    columns: Iterable[str], *, competitor_prices: bool = False, offers: bool = False
) -> Iterator[tuple[str, str]]:
    """Columns that no table may have, by their names, and why.

    Parameters
    ----------
    competitor_prices : whether the markets allow prices of competitors
    offers : whether it is a table of offers, of which claims would be shown
    """
    for column in columns:
        if what := protected(column):
            yield (
                column,
                f"is named after a protected characteristic ({what}), which may not enter a price; {OTHERWISE}",
            )
        elif not competitor_prices and is_of_competitors(column):
            yield column, f"is named after prices of competitors, which are off (competitor_prices); {OTHERWISE}"
        elif offers and claims_a_reduction(column):
            yield column, "claims a reduction, which only the history of prices in force can bear out; leave it out"
