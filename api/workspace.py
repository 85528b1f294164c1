"""A workspace: a folder with settings, history, fits, and the price book; and the flow from file to price.

Guarantees
----------
* Each step either happens whole or leaves the workspace as it was.
* A price changes only by propose, approve (by someone else, or by the policy itself in mode automatic), publish.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from api import settings as configuration
from api.absorb import absorb
from api.available import Available, available
from api.gains import of_event, only, take_part
from api.history import History, Ingested
from api.listings import at_prices_in_force, listings_of, starts_of, unknown_names
from api.outcomes import Outcomes, keep_stock, outcomes
from api.served.answers import take
from api.served.snapshot import SNAPSHOT_NAME, write
from api.settings import Settings
from api.shopstock import sold_out
from api.stage import Stage, load_stage
from api.stock import counted
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, Place, open_database, reading, writing
from api.store.log import ANCHOR_NAME
from api.store.migrations import require_current, upgrade
from api.tabular import read_table, write_whole
from pricing import engine
from pricing.book import Proposal
from pricing.errors import Finding, InputError, RefusedError
from pricing.guardrails import InForce, may_approve_itself, no_approval
from pricing.law import unclear
from pricing.market import Market
from pricing.model import ALL, Offer
from pricing.ports import Optimizer
from pricing.tables.values import offers_from

if TYPE_CHECKING:
    from api.fitting import Fit, Progress

AUTOMATIC = "automatic"
"""Who approves and publishes in mode automatic."""
NEEDED = {"sales": ("price",)}
"""Columns the flow needs beyond those every table must have."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One owner's prices. Open with `Workspace.open`, make with `Workspace.create`."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path, text: str) -> "Workspace":
        """Make a workspace with this `fairfare.toml`; refuses a folder that is one."""
        path = root / configuration.FILE
        if path.exists():
            raise InputError(Finding("this is a workspace already", file=str(path)))
        workspace = cls(root, configuration.parse_settings(text, file=configuration.FILE))
        root.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # a folder mounted from elsewhere has another owner, who answers for it
            root.chmod(0o700)
        if isinstance(workspace.database, Path):
            workspace.database.touch(mode=0o600)  # it will hold the secret that signs quotes
        upgrade(open_database(workspace.database))
        path.write_text(text, encoding="utf-8")
        return workspace

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Read the settings of an existing workspace."""
        return cls(root, configuration.read_settings(root / configuration.FILE))

    @property
    def history(self) -> History:
        """The tables ingested."""
        return History(self.root / "history")

    @property
    def database(self) -> Place:
        """Where the price book is kept."""
        return self.settings.database or self.root / DATABASE_NAME

    @property
    def book(self) -> PriceBook:
        """The price book.

        Raises
        ------
        RefusedError
            if its database is from an older version of Fairfare.
        """
        engine = open_database(self.database)
        require_current(engine)
        return PriceBook(engine, self.root / ANCHOR_NAME)

    @property
    def fits(self) -> Path:
        """Where fits are kept."""
        return self.root / "fits"

    def ingest(
        self,
        kind: str,
        file: Path,
        *,
        by: str,
        now: datetime,
        mapping: Mapping[str, str] | None = None,
        quarantine: Path | None = None,
        replace: bool = False,
    ) -> Ingested:
        """Check a file and add it to the history; offers are also entered in the price book at their current price."""
        frame = read_table(
            file,
            kind,
            mapping=mapping,
            needed=NEEDED.get(kind, ()),
            currency=self.settings.currency,
            time_zone=self.settings.time_zone,
            competitor_prices=self.settings.law.competitor_prices,
            last_day=self.today(now) if kind == "sales" else None,
            one_currency=self.history.currency_for(kind),
            quarantine=quarantine,
        )
        if kind == "events":
            return self._ingest_events(frame, file, by=by, now=now)
        if kind == "resources":
            frame = counted(frame, self.history.table("resources"), open_database(self.database))
        if kind != "offers":
            return self.history.add(kind, frame, source=file.name, replace=replace)
        offers = self._offered(frame, now)
        priced = [(offer.id, offer.channel, offer.currency) for offer in offers]
        if wrong := [*self._unknown(offers), *unclear(priced, self.settings.law)]:
            raise InputError([Finding(text, file=file.name) for text in wrong])
        with self.history.undone_on_failure(kind):
            done = self.history.add(kind, frame, source=file.name, replace=replace)
            self.book.import_offers(listings_of(offers, self.history.table("events")), by=by, now=now)
        self.refresh_snapshot(now)
        return done

    def _ingest_events(self, frame: pd.DataFrame, file: Path, *, by: str, now: datetime) -> Ingested:
        """Events; offers of theirs leave sale when they begin, so the price book is told."""
        with self.history.undone_on_failure("events"):
            done = self.history.add("events", frame, source=file.name)
            book, events = self.book, set(frame["event"])
            in_force = book.known(self.settings.policy, now=now)
            offers = [
                dataclasses.replace(listing.offer, current_price=in_force[key].price)
                for key, listing in book.listings().items()
                if listing.offer.event in events
            ]
            book.import_offers(listings_of(offers, self.history.table("events")), by=by, now=now)
        return done

    def _offered(self, frame: pd.DataFrame, now: datetime) -> tuple[Offer, ...]:
        known = self.book.known(self.settings.policy, now=now)
        in_force = {key: price.price for key, price in known.items()}
        return offers_from(at_prices_in_force(frame, self.history.table("offers"), in_force))

    def _unknown(self, offers: Sequence[Offer]) -> list[str]:
        events, resources = self.history.table("events"), self.history.table("resources")
        return unknown_names(offers, events["event"], resources["resource"])

    def fit(self, *, now: datetime, progress: "Progress") -> "Fit":
        """Learn price response and demand from what was observed before today."""
        from api.fitting import fit  # noqa: PLC0415  # the models take seconds to load; only fitting and pricing need them

        self.absorb_sales()
        made = fit(
            self.history.daily_sales(),
            self.history.table("events"),
            self.history.table("offers"),
            self.settings,
            today=self.today(now),
            fingerprint=self.history.fingerprint(),
            progress=progress,
        )
        progress("keeping what was learned", 0, 0)
        made.save(self.fits)
        with suppress(InputError):  # what is missing or wrong about the offers is said when they are priced
            keep_stock(self.fits, made.version, self.stage(now=now).market, now=now)
        return made

    def absorb_sales(self) -> int:
        """Make sales that came over the API part of the history; returns how many there were."""
        gone = sold_out(self.root, self.settings.shops)
        return absorb(self.history, open_database(self.database), time_zone=self.settings.time_zone, sold_out=gone)

    def outcomes(self, *, now: datetime) -> Outcomes:
        """What was expected of the prices in force against the sales that came over the API."""
        settings, store = self.settings, open_database(self.database)
        return outcomes(self.fits, store, time_zone=settings.time_zone, now=now, seed=settings.seed)

    def price(self, optimizer: Optimizer, *, by: str, now: datetime) -> Proposal:
        """Propose prices for every offer that is on sale, and record the proposal in the price book.

        Raises
        ------
        InputError
            if the fit or the tables are not there, or it is not clear whose law holds for an offer.
        """
        from api.fitting import FittedMarket, load_fit  # noqa: PLC0415  # see fit

        self.absorb_sales()
        book, market = self.book, self.market(now)
        if wrong := unclear(((o.id, o.channel, o.currency) for o in market.offers), self.settings.law):
            raise InputError([Finding(text, file="offers") for text in wrong])
        fit, sales = load_fit(self.fits), self.history.daily_sales()
        proposal = engine.propose(
            market,
            FittedMarket(fit, self.settings),
            optimizer,
            self.settings.policy,
            by=by,
            now=now,
            input_hash=self.history.fingerprint(),
            base_version=book.version(),
            sales_until=self._newest(sales["date"], now),
            fitted_at=fit.fitted_at,
            inputs=fit.inputs,
        )
        book.propose(proposal)
        self.stage(now=now)
        return proposal

    def stage(self, *, now: datetime) -> Stage:
        """What a what-if plays on, as things are now; it is kept, so that the next what-if has it at once.

        How the events fill up and goods sell is kept beside it, for the desk.
        """
        from api.fitting import FittedMarket, load_fit  # noqa: PLC0415  # see fit
        from api.report.bookings import to_keep  # noqa: PLC0415  # as in write_report
        from api.report.goods import shelves  # noqa: PLC0415  # as in write_report

        market, fit = self.market(now), load_fit(self.fits)
        curves = FittedMarket(fit, self.settings).curves(market.as_it_stands())
        tomorrow = (self.today(now) + timedelta(days=1)).tz_localize(self.settings.time_zone)
        made = Stage(market, curves, self.settings.policy.objective, tomorrow.to_pydatetime())
        made.save(self.root)
        on_sale = [offer.event for offer in market.offers]
        sales, events = self.history.daily_sales(), self.history.table("events")
        today = self.today(now)
        goods = shelves(sales[sales["date"] < today], fit.forecast)
        to_keep(sales, events, on_sale, goods, today=today, now=now).save(self.root)
        return made

    def approve(
        self, proposal_id: str, *, by: str, now: datetime, large: bool = False, event: str | None = None
    ) -> str:
        """Allow a proposal to be published; see `PriceBook.approve`. Returns what was approved.

        Parameters
        ----------
        event : its prices only, which become a proposal of their own; the rest stays waiting

        Raises
        ------
        RefusedError
            in mode shadow, if it moves much of the catalogue and that is not said to be seen, and whenever the price
            book does not take the approval.
        """
        store, policy = open_database(self.database), self.settings.policy
        book = PriceBook(store, self.root / ANCHOR_NAME)
        whole, listings = book.proposal(proposal_id), book.listings()
        keys = of_event(whole, event, listings) if event else {each.key for each in whole.decisions}
        known = book.known(policy, now=now)
        if why := no_approval(only(whole, keys), listings, known, policy, now=now, large=large):
            raise RefusedError(f"proposal {proposal_id} may not be approved: {why}")
        stage = load_stage(self.root, now=now) if event else None
        with writing(store):
            name, _ = take_part(book, whole, keys, stage, by=by, now=now, settings=self.settings)
            book.approve(name, by=by, now=now, large=large)
        return name

    def approve_by_policy(self, proposal_id: str, *, now: datetime) -> int:
        """Approve and publish a proposal in the name of the policy, both or neither; returns the new version.

        Raises
        ------
        RefusedError
            naming everything for which the proposal waits for a person.
        """
        store, policy = open_database(self.database), self.settings.policy
        book = PriceBook(store, self.root / ANCHOR_NAME)
        known = book.listings(), book.known(policy, now=now)
        if waits := may_approve_itself(book.proposal(proposal_id), *known, policy, now=now):
            raise RefusedError("; ".join(waits))
        with writing(store):
            book.approve(proposal_id, by=AUTOMATIC, now=now)
            version = book.publish(proposal_id, by=AUTOMATIC, now=now, policy=policy, law=self.settings.law)
        self.refresh_snapshot(now)
        return version

    def publish(self, proposal_id: str, *, by: str, now: datetime, at: datetime | None = None) -> int:
        """Put an approved proposal in force, at once or from an instant on; returns the new version of the book.

        Raises
        ------
        RefusedError
            if the owner's rules, or those of the market's law, do not allow it (any more).
        """
        policy, law = self.settings.policy, self.settings.law
        version = self.book.publish(proposal_id, by=by, now=now, policy=policy, law=law, at=at)
        self.refresh_snapshot(now)
        return version

    def refresh_snapshot(self, now: datetime) -> None:
        """Write what the servers hold, so that they start with it even when the database is down."""
        with reading(open_database(self.database)) as db:
            write(take(db, now=now, law=self.settings.law), self.root / SNAPSHOT_NAME)

    def _newest(self, dates: "pd.Series[pd.Timestamp]", now: datetime) -> datetime | None:
        """Begin of the newest day with sales that has begun; None if there is none."""
        begun = dates[dates <= self.today(now)]
        zone = ZoneInfo(self.settings.time_zone)
        return datetime.combine(begun.max().date(), time(), zone).astimezone(UTC) if len(begun) else None

    def today(self, now: datetime) -> pd.Timestamp:
        """The current day in the owner's zone; not observed yet."""
        return pd.Timestamp(now.astimezone(ZoneInfo(self.settings.time_zone)).date())

    def offers_on_sale(self, now: datetime) -> tuple[Offer, ...]:
        """Offers whose event has not begun, and those without an event.

        Raises
        ------
        InputError
            if there are no sales or no offers, or an offer is in another currency than the sales, or names an event
            that is not in the events table.
        """
        table = self.history.table("offers")
        if self.history.currency() is None:
            raise InputError("there are no sales yet; add them with: fairfare ingest sales FILE")
        if not len(table):
            raise InputError("there are no offers yet; add them with: fairfare ingest offers FILE")
        starts = starts_of(self.history.table("events"))
        offers = offers_from(table)
        if unknown := self._unknown(offers):
            raise InputError([Finding(text, file="offers") for text in unknown])
        known = self.history.currency()
        if foreign := [offer for offer in offers if offer.currency != known]:
            raise InputError(
                [Finding(f"offer {o.id} is in {o.currency}, its sales in {known}", file="offers") for o in foreign]
            )
        return tuple(offer for offer in offers if offer.event == ALL or starts[offer.event] > now)

    def begun(self, now: datetime) -> int:
        """How many offers are not priced, because their event has begun."""
        starts, offers = starts_of(self.history.table("events")), self.history.table("offers")
        return sum(event in starts and starts[event] <= now for event in offers.get("event", ()))

    def market(self, now: datetime) -> Market:
        """What is on sale now, at which prices, and how much is left."""
        known, here = self.book.known(self.settings.policy, now=now), self.available(now)
        in_force = {o.id: known.get((o.id, o.channel)) or InForce.steady(o.current_price) for o in here.offers}
        return Market(here.offers, in_force, here.resources)

    def available(self, now: datetime) -> Available:
        """What is on sale now and how much is left, as the owner's tables and the shops say."""
        store, offers = open_database(self.database), self.offers_on_sale(now)
        return available(self.root, self.settings, self.history, offers, store, now=now)

    def write_report(
        self,
        proposal: Proposal,
        target: Path,
        *,
        now: datetime,
        truth: Mapping[tuple[str, str], float] | None,
    ) -> None:
        """Write the HTML report of a proposal; `truth` is the simulator's, where there is one."""
        from api.fitting import load_fit  # noqa: PLC0415  # see fit
        from api.report import season_report  # noqa: PLC0415  # plotly is loaded only where a report is written

        market = self.market(now)
        page = season_report(
            proposal,
            load_fit(self.fits),
            self.history.daily_sales(),
            self.history.table("events"),
            market.offers,
            {resource.id: resource.capacity for resource in market.resources},
            standing=self.book.standing(proposal.id, now=now),
            truth=truth,
            now=now,
            title=self.root.resolve().name,
        )
        write_whole(page.encode(), target)
