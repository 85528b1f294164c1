"""What the price book promises, said once more and as simply as possible: in memory, without a database.

A price is a setting: from an instant on, an offer costs so much. Of the settings that have begun and were not taken
back the latest counts; a new one takes back those that were to begin then or later. Everything else follows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pricing.book import Change, Decision, Listing, Proposal, Standing, Verdict
from pricing.policy import Policy

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Setting:
    """From `begins` on the price is `price`, unless it was taken back."""

    version: int
    begins: datetime
    price: Decimal
    taken_back: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """What made a version, when, which one it took back, and what was split for it."""

    change: Change
    at: datetime
    begins: datetime
    undone: int | None = None
    origin: str | None = None

    @property
    def ahead(self) -> bool:
        """Whether its prices had not begun when it was made."""
        return self.begins > self.at


@dataclass(slots=True)
class Proposed:
    """A proposal and what became of it; `origin` is what was split first, where it is a part."""

    proposal: Proposal
    origin: str | None = None
    split: bool = False
    approved: bool = False
    rejected: bool = False
    published: bool = False


@dataclass(slots=True)
class Model:
    """The book in memory; `may_...` says whether a step is allowed, the others take it."""

    policy: Policy
    settings: dict[str, list[Setting]] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    proposals: dict[str, Proposed] = field(default_factory=dict)
    frozen: bool = False

    @property
    def version(self) -> int:
        """The latest."""
        return len(self.versions)

    def at(self, now: datetime) -> datetime:
        """What counts as now: never before the latest version."""
        return max([now, *(made.at for made in self.versions.values())])

    def dated(self, now: datetime) -> datetime:
        """When a version made now is made: after the latest."""
        return max([now, *(made.at + TICK for made in self.versions.values())])

    def spans(self, offer: str) -> list[tuple[datetime, datetime, Decimal, int]]:
        """The prices of an offer: from, until, price, version."""
        kept = [setting for setting in self.settings[offer] if not setting.taken_back]
        ends = [*(setting.begins for setting in kept[1:]), NEVER]
        return [(each.begins, end, each.price, each.version) for each, end in zip(kept, ends, strict=True)]

    def price(self, offer: str, at: datetime) -> Decimal | None:
        """What an offer costs at an instant; None before it came on sale."""
        return next((price for begins, end, price, _ in self.spans(offer) if begins <= at < end), None)

    def coming(self, offer: str, at: datetime) -> Decimal | None:
        """The price that begins next after an instant."""
        return next((price for begins, _, price, _ in self.spans(offer) if begins > at), None)

    def since(self, offer: str, start: datetime, end: datetime) -> list[Decimal]:
        """Every price in force between two instants."""
        return [price for begins, until, price, _ in self.spans(offer) if begins <= end and until > start]

    def standing(self, name: str, now: datetime) -> Standing:
        """How far a proposal has come."""
        known = self.proposals[name]
        states = {
            Standing.PUBLISHED: known.published,
            Standing.REJECTED: known.rejected,
            Standing.SPLIT: known.split,
            Standing.EXPIRED: now >= known.proposal.expires_at,
            Standing.STALE: self.overtaken(known),
            Standing.APPROVED: known.approved,
        }
        return next((standing for standing, holds in states.items() if holds), Standing.OPEN)

    def behind(self, name: str) -> set[str | None]:
        """Whose prices a proposal moves."""
        known = self.proposals[name].proposal
        return {known.proposed_by, *(each.set_by for each in known.decisions if each.verdict is Verdict.MOVE)}

    def overtaken(self, known: Proposed) -> bool:
        """Whether something else than parts of the same proposal came since."""
        later = [made for number, made in self.versions.items() if number > known.proposal.base_version]
        return any(known.origin is None or made.origin != known.origin for made in later)

    def may_publish(self, name: str, now: datetime, at: datetime | None) -> bool:
        """Approved by another, in time, on this version, not frozen, and every move inside every rail."""
        begins = max(self.dated(now), at or now)
        return (
            name in self.proposals
            and self.standing(name, now) is Standing.APPROVED
            and not self.frozen
            and (at is None or at > now)
            and all(self.may_move(decision, begins) for decision in self.proposals[name].proposal.decisions)
        )

    def may_move(self, decision: Decision, begins: datetime) -> bool:
        """Whether a decision is inside the rails that invariant 1 names, by what is in force when it begins."""
        if decision.offer not in self.settings or decision.currency != "EUR":
            return False
        price, before = decision.allowed, self.price(decision.offer, begins)
        if before is None or decision.in_force != before:
            return False
        if decision.verdict is not Verdict.MOVE:
            return True
        offer = self.listings[decision.offer].offer
        return (
            price.is_finite()
            and max(offer.floor, decision.floor) <= price <= min(offer.ceiling, decision.ceiling)
            and price in tuple(offer.ladder)
            and price in tuple(decision.ladder)
            and self.coming(decision.offer, begins) is None
            and abs(price - before) <= self.policy.step * before
            and self._capped(decision.offer, price, self.policy.daily_cap, begins - DAY, begins)
            and self._capped(
                decision.offer,
                price,
                self.policy.cumulative_cap,
                begins - timedelta(days=self.policy.cumulative_days),
                begins,
            )
        )

    def _capped(self, offer: str, price: Decimal, cap: Decimal, start: datetime, end: datetime) -> bool:
        return all((1 - cap) * past <= price <= (1 + cap) * past for past in self.since(offer, start, end))

    def publish(self, name: str, now: datetime, at: datetime | None) -> None:
        """Every move of a proposal begins."""
        made_at = self.dated(now)
        begins = max(made_at, at or made_at)
        known = self.proposals[name]
        self._made(Change.PUBLISH, made_at, begins, origin=known.origin)
        for decision in known.proposal.decisions:
            if decision.verdict is Verdict.MOVE:
                self._set(decision.offer, begins, decision.allowed)
        known.published = True

    def may_roll_back(self, version: int, now: datetime) -> bool:
        """A publication or a rollback that was not taken back; what it restores is inside the owner's bounds."""
        made = self.versions.get(version)
        if self.frozen or made is None or made.change is Change.IMPORT:
            return False
        if any(later.undone == version for later in self.versions.values()) or self._cancelled(made):
            return False
        return all(self._inside(offer, price, now) for offer, price in self.restored(version, now))

    def _inside(self, offer: str, price: Decimal, now: datetime) -> bool:
        known = self.listings[offer].offer
        return price == self.price(offer, self.dated(now)) or known.floor <= price <= known.ceiling

    def _cancelled(self, made: Version) -> bool:
        """Whether it took back prices that had not begun: there is nothing to bring back."""
        return made.undone is not None and self.versions[made.undone].begins > made.at

    def restored(self, version: int, now: datetime) -> Iterator[tuple[str, Decimal]]:
        """The prices a rollback brings back, of what this version and later ones set, or it alone if it has not begun.

        It is the price that versions before it put in force last.
        """
        at = self.dated(now)
        alone = self.versions[version].begins > at
        for offer in sorted(self.settings):
            kept = [each for each in self.settings[offer] if not each.taken_back]
            touched = any(each.version == version if alone else each.version >= version for each in kept)
            earlier = [each.price for each in kept if each.version < version and each.begins <= at]
            if touched and earlier and (earlier[-1] != self.price(offer, at) or self.coming(offer, at) is not None):
                yield offer, earlier[-1]

    def roll_back(self, version: int, now: datetime) -> None:
        """Bring back what was before."""
        restored, at = list(self.restored(version, now)), self.dated(now)
        self._made(Change.ROLLBACK, at, at, undone=version)
        for offer, price in restored:
            self._set(offer, at, price)

    def may_import(self, listings: Sequence[Listing], now: datetime) -> bool:
        """What is known costs what the book says, what is new lies inside its bounds; new prices not while frozen."""
        at = self.at(now)
        for offer in (listing.offer for listing in listings):
            known = self.price(offer.id, at) if offer.id in self.settings else None
            coming = self.coming(offer.id, at) if offer.id in self.settings else None
            if coming is not None and not offer.floor <= coming <= offer.ceiling:
                return False
            if known is not None and known != offer.current_price:
                return False
            if known is None and (self.frozen or not offer.floor <= offer.current_price <= offer.ceiling):
                return False
        return True

    def take_in(self, listings: Sequence[Listing], now: datetime) -> None:
        """Bounds are known anew; what is new comes on sale."""
        new = [listing.offer for listing in listings if listing.offer.id not in self.settings]
        self.listings |= {listing.offer.id: listing for listing in listings}
        if new:
            at = self.dated(now)
            self._made(Change.IMPORT, at, at)
            for offer in new:
                self.settings[offer.id] = []
                self._set(offer.id, at, offer.current_price)

    def freeze(self, now: datetime) -> None:
        """Nothing changes from now on; what was to begin later is taken back."""
        at = self.at(now)
        if not self.frozen:
            ahead = {version for offer in self.settings for begins, _, _, version in self.spans(offer) if begins > at}
            for version in sorted(ahead):
                self.roll_back(version, now)
        self.frozen = True

    def _made(
        self, change: Change, at: datetime, begins: datetime, *, undone: int | None = None, origin: str | None = None
    ) -> None:
        self.versions[self.version + 1] = Version(change, at, begins, undone, origin)

    def _set(self, offer: str, begins: datetime, price: Decimal) -> None:
        for setting in self.settings[offer]:
            if setting.begins >= begins:
                setting.taken_back = True
        self.settings[offer].append(Setting(self.version, begins, price))
