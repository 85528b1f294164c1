"""A desk on which everything that has a name is called something that a careless page would run."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import msgspec

from api.bookings import Bookings, Filling
from api.estimates import CURRENT, ESTIMATES, Estimates, Response
from api.seal import seal
from api.store.runs import Kind, State, ask, claim, finish, report
from api.store.users import Role
from pricing.book import Listing
from pricing.errors import InputError, RefusedError
from pricing.law import NO_LAW
from pricing.model import ALL
from tests.api.desk import Desk
from tests.api.pages.conftest import PASSWORD, Office
from tests.api.pages.shop_kit import connected, eventful
from tests.api.store.book_kit import OFFERS, POLICY, decision

PAYLOADS = (
    # elements
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x.invalid/a.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src=x:alert(1) onerror=eval(src)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=data:text/html,<script>alert(1)</script>>",
    "<video><source onerror=alert(1)></video>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<form action=javascript:alert(1)><button>Approve",
    "<base href=//x.invalid/>",
    "<meta http-equiv=refresh content='0;url=//x.invalid'>",
    "<link rel=stylesheet href=//x.invalid/a.css>",
    "<template><script>alert(1)</script></template>",
    "<math><mtext><img src=x onerror=alert(1)></mtext></math>",
    "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x",
    "<a href=//x.invalid>Approve here</a>",
    # out of an attribute, a comment, a script, a title, a style
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '" autofocus onfocus="alert(1)',
    "x onmouseover=alert(1) y",
    "` onmouseover=alert(1) `",
    "--><script>alert(1)</script><!--",
    "<!--<img src='--><img src=x onerror=alert(1)>'",
    "]]><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "</title><script>alert(1)</script>",
    "</style></textarea></select><svg onload=alert(1)>",
    "';alert(1);//",
    "\\';alert(1);//",
    '"-alert(1)-"',
    "${alert(1)}",
    "\u2028alert(1)\u2029//",
    # encodings, templates, addresses, looks
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "{{ 7*7 }}{% raw %}{# %(num)d %s {0}",
    "javascript:alert(1)//%0aalert(1)",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<p style='position:fixed;inset:0;background:url(//x.invalid)'>\u202e",
)
"""After OWASP's list of ways around filters: each would call `alert`, load something, or change the page."""
PLAIN = tuple(f"{'a' if name < OFFERS[0].event else 'z'} {sorted(PAYLOADS).index(name):02}" for name in PAYLOADS)
"""As many that are only names, and are sorted alike."""
VERSION = "v1"


def named(root: Path, names: tuple[str, ...]) -> Office:
    """A desk whose events, venues, products, segments, people, reasons, jobs, price responses, shop are called that."""
    office = Office(Desk(root))
    _on_sale(office, names)
    _in_the_log(office, names)
    _in_a_shop(office, names)
    _at_work(office, names)
    _learned(office, names)
    office.desk.follower.refresh()
    return office


def _on_sale(office: Office, names: tuple[str, ...]) -> None:
    """A price for each name at an event of that name, and one of a product without an event; a proposal moves all."""
    desk, (offer, *_) = office.desk, OFFERS
    tickets = [replace(offer, id=name, event=name, segment=name, product=name) for name in names]
    goods = [replace(offer, id=f"{name} ", event=ALL, segment=name, product=name) for name in names]
    desk.book.import_offers([Listing(each) for each in (*tickets, *goods)], by=names[0], now=desk.now)
    move = [decision(each.id, reasons=(each.product,)) for each in (*tickets, *goods)]
    desk.propose(*move, name="earlier", by=names[1])
    desk.book.approve("earlier", by=names[2], now=desk.now, large=True)
    desk.book.publish("earlier", by=names[3], now=desk.now, policy=POLICY, law=NO_LAW)
    further = [decision(each.id, "12.00", now="11.00", reasons=(each.product,)) for each in (*tickets, *goods)]
    desk.propose(*further, by=names[4])
    filled = [
        Filling(name, name, desk.now + timedelta(days=9), 100.0, (20, 10), (1.0, 9.0), ((name, name, 9.0),), None)
        for name in names
    ]
    Bookings(desk.now, desk.now, tuple(filled)).save(desk.root)


def _in_the_log(office: Office, names: tuple[str, ...]) -> None:
    """Each has stopped all changes for a reason of that name and lifted the stop; the last stop stays."""
    book, now = office.desk.book, office.desk.now
    for name in names:
        book.freeze(by=name, now=now, reason=name)
        book.unfreeze(by=name, now=now, reason=name)
        with suppress(InputError, RefusedError):  # some hold what no person may be called, or are compared as equal
            office.users.add(name, Role.VIEWER, PASSWORD, by="test", now=now)
    book.freeze(by=names[5], now=now, reason=" ".join(names))


def _at_work(office: Office, names: tuple[str, ...]) -> None:
    """A job that failed, whose worker said all of them, and one that waits."""
    engine, now = office.desk.engine, office.desk.now
    ask(engine, Kind.FIT, by=names[6], now=now)
    if run := claim(engine, names[7], now=now):
        for name in names:
            report(engine, run, stage=name, progress=0.5, now=now)
        finish(engine, run, State.FAILED, {"problems": [*names]}, now=now)
    ask(engine, Kind.PRICE, by=names[8], now=now)


def _learned(office: Office, names: tuple[str, ...]) -> None:
    """A price response for each."""
    known = Response("", "", -1.5, 0.1, -1.7, -1.3, -1.48, "identified", "ppml", 900, 12, "")
    folder = office.desk.root / "fits" / VERSION
    folder.mkdir(parents=True)
    said = [msgspec.structs.replace(known, product=name, segment=name, reason=name) for name in names]
    told = Estimates(VERSION, office.desk.now, 0.8, (), tuple(said))
    (folder / ESTIMATES).write_bytes(msgspec.json.encode(told))
    mark = seal(folder, (ESTIMATES,), {"version": VERSION})
    (folder.parent / CURRENT).write_bytes(msgspec.json.encode({"version": VERSION, "seal": mark}))


def _in_a_shop(office: Office, names: tuple[str, ...]) -> None:
    """A shop whose places, stocks, answers and decisions are called that."""
    connected(office.desk.root)
    eventful(office.desk, names, by=names[9])


class Made(HTMLParser):
    """What a page is made of: its elements with the names of their attributes, its links, its texts and its data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "formaction"}]
        self._inside = tag

    def handle_data(self, data: str) -> None:
        """A text, or what a script holds."""
        self.texts.append(json.dumps(json.loads(data), ensure_ascii=False) if self._inside == "script" else data)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        self._inside = "" if tag == self._inside else self._inside

    def handle_comment(self, data: str) -> None:
        """No page has one."""
        raise AssertionError(data)
