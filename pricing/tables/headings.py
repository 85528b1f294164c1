"""What columns are called in the files that people bring, in English and German.

Guarantees
----------
* Within a table a heading stands for one column only.

Sources: the headings that pretix, Shopify, WooCommerce and Eventbrite document for their exports, and the everyday
words of box offices and shops. A question mark behind a heading says that it often means the column, not always.
"""

from collections.abc import Mapping

_PRODUCT = """
    product, product id, product code, sku, lineitem sku, item sku, lineitem name, item name, product name, product
    title, item, item id, item code, item number, article, article number, ticket type, ticket name, ticket class,
    stock code, ean, gtin, produkt, produkt id, produktname, produktnummer, artikel, artikel id, artikelname,
    artikelnummer, artikelnr, artikelbezeichnung, artikelcode, ticketart, tickettyp, kartenart, ticketkategorie,
    platzkategorie, preiskategorie, variant sku, price category?, seat category?, ticket?, karte?, description?,
    bezeichnung?, beschreibung?, title?, titel?, ware?
"""
_SEGMENT = """
    segment, audience, customer segment, market segment, customer group, customer type, buyer type, kundengruppe,
    kundensegment, zielgruppe, kundentyp, preisgruppe, price tier?, fare type?, tarif?, tarifart?, ermaessigung?,
    ermaessigungsgruppe, variation?, variante?
"""
_EVENT = """
    event, event id, event name, event title, event slug, event code, performance, performance id, show, show name,
    concert, veranstaltung, veranstaltungs id, veranstaltungsname, veranstaltungstitel, veranstaltungsnummer,
    vorstellung, auffuehrung, konzert, kurzform der veranstaltung, event kurzform, occasion, subevent?, session?,
    termin?
"""
_CHANNEL = """
    channel, sales channel, channel name, distribution channel, booking channel, source name, kanal, verkaufskanal,
    vertriebskanal, vertriebsweg, buchungskanal, vorverkaufsstelle?, source?, quelle?
"""
_CURRENCY = "currency, currency code, order currency, iso currency, waehrung, waehrungscode, waehrungskuerzel"
_UNIT_COST = """
    unit cost, cost per unit, cost per item, cost price, purchase price, wholesale price, stueckkosten, einkaufspreis,
    einstandspreis, ek preis, ek, selbstkosten, selbstkostenpreis, herstellungskosten, kosten je stueck,
    kosten pro stueck, cost?, kosten?
"""
_LIST_PRICE = """
    list price, listed price, rrp, msrp, compare at price, lineitem compare at price, variant compare at price,
    regular price, original price, full price, listenpreis, uvp, normalpreis, originalpreis, katalogpreis,
    streichpreis?
"""
_RESOURCE = (
    "resource, resource id, pool, capacity pool, quota name, room, room type, ressource, kontingentname, raum?, saal?"
)

SALES = {
    "date": """
        date, sale date, sales date, sold at, sold on, order date, order datetime, order created, ordered at, purchase
        date, purchased at, purchase time, invoice date, transaction date, transaction time, transaction timestamp,
        booking date, booked at, created at, date created, date sold, day, datum, verkaufsdatum, verkauft am,
        kaufdatum, gekauft am, bestelldatum, bestellt am, rechnungsdatum, belegdatum, buchungsdatum,
        transaktionsdatum, tag, timestamp?, time?, datetime?, zeitpunkt?, paid at?, paid date?, woche?, week?, month?,
        monat?
    """,
    "product": _PRODUCT,
    "segment": _SEGMENT,
    "event": _EVENT,
    "channel": _CHANNEL,
    "customer": """
        customer, customer id, customer number, customer no, client id, buyer id, member id, user id, kunde, kunden
        id, kundennummer, kunden nr, mitgliedsnummer, pseudonymization id
    """,
    "quantity": """
        quantity, qty, lineitem quantity, item quantity, quantity sold, units, units sold, items sold, tickets sold,
        number of tickets, ticket count, amount sold, net quantity, net items sold, quantity ordered, pieces, sold,
        menge, anzahl, stueck, stueckzahl, absatz, verkaufte menge, verkaufte stueck, verkaufte karten, verkaufte
        tickets, anzahl karten, anzahl tickets, kartenzahl, ticketanzahl, bestellmenge, count?, besucher?, verkauft?
    """,
    "price": """
        price, unit price, unit price paid, price paid, price per unit, price per ticket, lineitem price, item price,
        item cost, ticket price, sale price, selling price, sold price, average price, avg price, paid price, price
        each, preis, einzelpreis, stueckpreis, verkaufspreis, ticketpreis, kartenpreis, preis brutto, bruttopreis,
        bezahlter preis, preis pro ticket, preis je ticket, preis pro stueck, preis je stueck, vk preis, vk,
        vk preis brutto, vk brutto, verkaufspreis brutto, rate?
    """,
    "currency": _CURRENCY,
    "available": """
        available, available units, units available, on hand, in stock, stock on hand, opening stock, verfuegbar,
        verfuegbare menge, anfangsbestand, lagerbestand, stock?, inventory?, bestand?, restplaetze?
    """,
    "list_price": _LIST_PRICE,
    "unit_cost": _UNIT_COST,
    "promotion": """
        promotion, promo, on promotion, is promotion, promotion name, campaign, aktion, aktionsname, rabattaktion,
        werbeaktion, im angebot, kampagne, on sale?, promoted?
    """,
}
EVENTS = {
    "event": f"{_EVENT}, id?, code?, slug?, name?, titel?, title?",
    "starts_at": """
        starts at, start, start at, start date, start time, start datetime, event start, event start date, event date,
        event datetime, event start date time, begins at, begin, date from, begin date, performance date, show date,
        date, datum, beginn, start am, startdatum, startzeit, veranstaltungsbeginn, veranstaltungsdatum,
        vorstellungsbeginn, vorstellungsdatum, konzertbeginn, datum und uhrzeit, datum uhrzeit, anfang, zeitpunkt?,
        when?, wann?, day?, tag?
    """,
    "on_sale_at": """
        on sale at, on sale, on sale date, sale start, sales start, presale start, presale start date, start of
        presale, verkaufsstart, vorverkaufsstart, vvk start, vvk beginn, vorverkaufsbeginn, verkaufsbeginn, beginn
        vorverkauf
    """,
    "capacity": """
        capacity, seats, places, total capacity, venue capacity, event capacity, max attendees, quota, tickets
        available, kapazitaet, plaetze, sitzplaetze, platzzahl, anzahl plaetze, saalkapazitaet, max besucher,
        kontingent, fassungsvermoegen
    """,
    "venue": """
        venue, venue name, location, location name, hall, theatre, theater, stage, ort, veranstaltungsort,
        spielstaette, spielort, saal, halle, buehne, city?, stadt?
    """,
    "category": """
        category, genre, event type, event category, kategorie, gattung, sparte, veranstaltungsart, type?, typ?, art?
    """,
}
OFFERS = {
    "offer": """
        offer, offer id, offer code, offer name, price id, rate code, angebot, angebots id, angebotsnummer,
        angebotsnr, angebotscode, preis id, id?, code?, artnr?
    """,
    "product": _PRODUCT,
    "segment": _SEGMENT,
    "event": _EVENT,
    "channel": _CHANNEL,
    "currency": _CURRENCY,
    "unit_cost": _UNIT_COST,
    "floor": """
        floor, price floor, floor price, min price, minimum price, lowest price, price min, lower bound, mindestpreis,
        minimalpreis, untergrenze, preisuntergrenze, niedrigster preis, preis min, preis ab, min?, minimum?
    """,
    "ceiling": """
        ceiling, price ceiling, ceiling price, max price, maximum price, highest price, price max, upper bound,
        hoechstpreis, maximalpreis, obergrenze, preisobergrenze, hoechster preis, preis max, preis bis, max?, maximum?
    """,
    "current_price": """
        current price, price now, price today, price in force, price, ticket price, unit price, selling price, sale
        price, aktueller preis, derzeitiger preis, jetziger preis, preis, heutiger preis, verkaufspreis, einzelpreis,
        vk preis, vk
    """,
    "ladder": """
        ladder, price ladder, price steps, price points, allowed prices, possible prices, preisleiter, preisstufen,
        preispunkte, erlaubte preise, moegliche preise, staffel?
    """,
    "resource": f"{_RESOURCE}, kontingent",
    "list_price": _LIST_PRICE,
}
RESOURCES = {
    "resource": f"{_RESOURCE}, id?, name?, sku?, code?",
    "capacity": """
        capacity, stock, stock quantity, inventory, inventory quantity, quota, size, kapazitaet, plaetze, bestand,
        lagerbestand, kontingent, available?, verfuegbar?, left?, groesse?, quantity?, menge?, places left?,
        seats left?, freie plaetze?, restplaetze?
    """,
}
CALENDAR = {
    "date": "date, day, holiday date, datum, tag, feiertagsdatum",
    "name": "name, holiday, holiday name, occasion, feiertag, ferien, anlass, bezeichnung?, description?",
}

HEADINGS: Mapping[str, Mapping[str, str]] = {
    "sales": SALES,
    "events": EVENTS,
    "offers": OFFERS,
    "resources": RESOURCES,
    "calendar": CALENDAR,
}
"""Table -> declared column -> what it is called elsewhere, the usual first."""
