"""What things are called on the pages, in the reader's language.

Guarantees
----------
* Every rail, standing, role, mode and step of the log has a word; one that is unknown is shown as it is.
* A reason is told from the decision itself, so that it can be told in every language; what the engine wrote in full
  stands beside it.
"""

from collections.abc import Mapping

from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _

from api.pages.numbers import Numbers
from pricing.book import Decision, Standing, Verdict
from pricing.demand import Identification
from pricing.explain import STOPPED
from pricing.guardrails.rails import LADDER_ENDS, Rail
from pricing.overrides import Kind
from pricing.policy import Mode

Said = Mapping[str, LazyString]

ROLES: Said = {"viewer": _("Viewer"), "analyst": _("Analyst"), "approver": _("Approver"), "admin": _("Admin")}
MODES: Said = {
    Mode.MANUAL: _("Approve first"),
    Mode.AUTOMATIC: _("Small moves approve themselves"),
    Mode.DISCOUNT_ONLY: _("Discounts only"),
    Mode.SHADOW: _("Shadow: nothing is published"),
    Mode.EMERGENCY: _("Emergency: prices are capped"),
}
MODE_MEANINGS: Said = {
    Mode.MANUAL: _("A second person approves each proposal."),
    Mode.AUTOMATIC: _("Small moves on identified evidence approve themselves; for anything else a person is asked."),
    Mode.DISCOUNT_ONLY: _("No price rises."),
    Mode.SHADOW: _("Prices are decided and recorded, and nothing is put in force."),
    Mode.EMERGENCY: _("No price lies far above what it was when the emergency began; a proposal needs a person."),
}
MAY: Said = {
    "viewer": _("looks at everything"),
    "analyst": _("also has jobs done"),
    "approver": _("also approves, takes back, stops"),
    "admin": _("also lifts a stop, keeps accounts"),
}
"""What a role may."""
OBJECTIVES: Said = {"margin": _("margin"), "revenue": _("revenue")}
RULES: Mapping[str, tuple[LazyString, LazyString]] = {
    "step": (_("Largest step"), _("Forbids a larger move than this in one run.")),
    "weak_step": (_("Step on weak evidence"), _("The same where the data tell less of how buyers react.")),
    "daily_cap": (_("Cap of a day"), _("Forbids a price far from any in force within 24 hours.")),
    "cumulative_cap": (_("Cap over time"), _("Forbids what many small steps add up to.")),
    "band": (_("Band around the usual price"), _("Forbids a price out of proportion to that of the last 90 days.")),
    "bounds": (
        _("Floor and ceiling"),
        _("Forbids a price outside the bounds in the table of offers, or off its ladder."),
    ),
    "min_margin": (
        _("Least margin"),
        _("Forbids a price that leaves too little; one below unit cost is never allowed."),
    ),
    "endings": (_("Price endings"), _("Forbids a price that ends in another way.")),
    "segment_order": (_("Order of audiences"), _("The first never costs more than the second.")),
    "product_order": (_("Order of products"), _("The first never costs more than the second.")),
    "objective": (_("What is sought"), _("Among the allowed prices, those that are expected to bring the most of it.")),
    "confidence": (_("How sure a move must be"), _("Forbids a move that earns more in a smaller share of outcomes.")),
    "sales_age_days": (_("Age of sales"), _("On older sales every price is held.")),
    "fit_age_days": (_("Age of the model"), _("On what was learned longer ago every price is held.")),
    "breaker": (_("Breaker"), _("If more of all prices would move within a day, a person must have seen how many.")),
    "expiry_hours": (_("Proposals lapse"), _("What is not put in force by then must be proposed anew.")),
}
"""Settings: what they are called, and what they do (docs/guardrails.md)."""
OVERRIDES: Said = {
    Kind.FLOOR: _("floor"),
    Kind.CEILING: _("ceiling"),
    Kind.FIXED: _("fixed"),
}
OVERRIDE_FORMS: Mapping[Kind, tuple[LazyString, LazyString]] = {
    Kind.FLOOR: (_("Floor: never below"), _("the engine may still go higher")),
    Kind.CEILING: (_("Ceiling: never above"), _("the engine may still go lower")),
    Kind.FIXED: (_("Fixed: exactly this price"), _("the engine stops here; it learns nothing and reacts to nothing")),
}
"""The mildest first."""
STANDINGS: Said = {
    Standing.OPEN: _("Waiting for approval"),
    Standing.APPROVED: _("Approved, not in force"),
    Standing.REJECTED: _("Rejected"),
    Standing.PUBLISHED: _("In force"),
    Standing.SPLIT: _("Split"),
    Standing.EXPIRED: _("Lapsed"),
    Standing.STALE: _("Overtaken"),
}
VERSIONS: Said = {
    "import": _("Offers entered"),
    "publish": _("Published"),
    "scheduled": _("Scheduled"),
    "rollback": _("Rolled back"),
    "undone": _("Taken back"),
}
"""How versions of the book stand."""
EVIDENCE: Said = {
    Identification.IDENTIFIED: _("identified"),
    Identification.WEAK: _("weak"),
    Identification.NOT_IDENTIFIED: _("not identified"),
}
DOTS = {Identification.IDENTIFIED: 3, Identification.WEAK: 2, Identification.NOT_IDENTIFIED: 1}
RAILS: Said = {
    Rail.FINITE: _("not a price"),
    Rail.LADDER: _("price ladder"),
    Rail.ENDING: _("price endings"),
    Rail.FLOOR: _("floor"),
    Rail.CEILING: _("ceiling"),
    Rail.OVERRIDE: _("override"),
    Rail.STEP: _("largest step"),
    Rail.WEAK_STEP: _("half step on weak evidence"),
    Rail.DAILY_CAP: _("cap of a day"),
    Rail.CUMULATIVE_CAP: _("cap of four weeks"),
    Rail.BAND: _("band around the usual price"),
    Rail.UNIT_COST: _("unit cost"),
    Rail.MARGIN: _("least margin"),
    Rail.EVIDENCE: _("evidence"),
    Rail.COMING: _("a price is scheduled"),
    Rail.DISCOUNT_ONLY: _("discounts only"),
    Rail.EMERGENCY: _("emergency cap"),
    Rail.SALES_AGE: _("sales too old"),
    Rail.FIT_AGE: _("model too old"),
    Rail.PROOF: _("no proof of the best price"),
    Rail.CONFIDENCE: _("not sure enough"),
    Rail.ORDER: _("order of prices"),
}
CAPS = (
    Rail.STEP,
    Rail.WEAK_STEP,
    Rail.DAILY_CAP,
    Rail.CUMULATIVE_CAP,
    Rail.BAND,
    Rail.FLOOR,
    Rail.CEILING,
    Rail.ORDER,
)
"""Rails that stop a price on its way."""
KINDS: Said = {
    "ingest": _("Take in a file"),
    "fit": _("Learn from sales"),
    "price": _("Propose prices"),
    "report": _("Write the report"),
    "shop": _("Speak to a shop"),
}
STATES: Said = {
    "asked": _("Waits for a worker"),
    "running": _("Runs"),
    "done": _("Done"),
    "failed": _("Failed"),
    "cancelled": _("Stopped"),
}
STAGES: Said = {
    "starting": _("starting"),
    "taking in the file": _("taking in the file"),
    "reading the history": _("reading the history"),
    "fitting price response": _("learning how buyers react to prices"),
    "fitting booking curves": _("learning how events fill up"),
    "fitting forecasts": _("learning to forecast demand"),
    "keeping what was learned": _("keeping what was learned"),
    "optimizing prices": _("looking for the best prices"),
    "writing the report": _("writing the report"),
    "talking to the shop": _("speaking to the shop"),
}
"""Of jobs."""
SCHEDULE = _("the schedule")
"""Who asks for what is due daily."""
ERRANDS: Said = {
    "look": _("Test the connection"),
    "pull": _("Fetch sales"),
    "compare": _("See what a push would change"),
    "push": _("Push prices"),
    "verify": _("Look as a buyer"),
    "rollback": _("Roll back"),
    "accept": _("Take prices for right"),
}
"""What is done at a shop."""
SYSTEMS: Said = {
    "pretix": _("pretix"),
    "oscar": _("django-oscar"),
    "shopify": _("Shopify"),
    "woocommerce": _("WooCommerce"),
    "folder": _("Folder of CSV files"),
}
SHOP_STATES: Said = {
    "refused": _("Refuses"),
    "silent": _("Did not answer"),
    "drifted": _("Changed by hand"),
    "short": _("Not all pushed"),
    "held": _("Held"),
    "new": _("Not tested"),
    "unmapped": _("No offers named"),
    "waiting": _("Prices to push"),
    "in step": _("In step"),
}
OUTCOMES: Said = {
    "done": _("Written"),
    "already": _("Was there already"),
    "drifted": _("Changed by hand: left alone"),
    "failed": _("Did not arrive"),
    "refused": _("Refused by the shop"),
}
"""How writing a price to a shop ended."""
VERDICTS: Said = {
    Verdict.MOVE: _("Prices to move"),
    Verdict.KEEP: _("Prices kept"),
    Verdict.HELD: _("Prices held for you"),
}
ACTIONS: Said = {
    "propose": _("Prices proposed"),
    "approve": _("Approved"),
    "reject": _("Rejected"),
    "override": _("Prices set by hand"),
    "set-override": _("Override set"),
    "end-override": _("Override ended"),
    "split": _("Split in two"),
    "import": _("Offers entered"),
    "publish": _("Published"),
    "rollback": _("Rolled back"),
    "freeze": _("All changes stopped"),
    "unfreeze": _("Stop lifted"),
    "create-key": _("Key made"),
    "revoke-key": _("Key revoked"),
    "add-user": _("User added"),
    "set-password": _("Password set"),
    "set-role": _("Role changed"),
    "disable-user": _("User disabled"),
    "connect-shop": _("Shop connected"),
    "disconnect-shop": _("Shop disconnected"),
    "keep-in-step": _("Pace of a shop set"),
    "adopt": _("Log begun"),
}
DONE: Said = {
    "published": _("The prices are in force."),
    "scheduled": _("The prices are scheduled."),
    "rejected": _("The proposal is rejected. No price has changed."),
    "undone": _("The prices from before are in force again."),
    "cancelled": _("What was scheduled is taken back. No price has changed."),
    "job-cancelled": _("The job is stopped, or will be in a moment."),
    "user-added": _("The account is there."),
    "user-changed": _("The account is changed. Whoever had it open signs in anew."),
    "override-set": _("The override stands. No price has changed."),
    "override-waits": _("The override stands. A proposal of yours that keeps it waits for someone else's approval."),
    "override-ended": _("The override has ended. Your own floor and ceiling hold again; no price has changed."),
    "frozen": _("All changes are stopped. Prices on sale stay as they are."),
    "unfrozen": _("The stop is lifted. Prices may change again."),
    "upload-removed": _("The file is removed."),
    "shop-connected": _("The shop is connected. No price there has changed; test the connection next."),
    "shop-disconnected": _("The shop is disconnected and its key is deleted. Prices there stay as they are."),
    "shop-mapped": _("What is sold where is saved. No price has changed."),
    "shop-by-itself": _("The shop is brought in step by itself from now on."),
    "shop-asked": _("From now on prices go out to the shop only when someone pushes them."),
}
"""What is said after a step."""
ERRORS: Mapping[int, LazyString] = {
    403: _("You may not do this"),
    404: _("There is no such page"),
    408: _("It came too slowly"),
    409: _("This was not done"),
    413: _("That is too much at once"),
    422: _("This cannot be used"),
    429: _("Too many attempts"),
    503: _("Price book or settings cannot be read now"),
}
ADVICE: Mapping[int, LazyString] = {
    403: _(
        "Your role does not allow it, or this form is from before you signed in again. Reload the page you came from."
    ),
    404: _("It may have been renamed, or it is over."),
    408: _("Nothing of it was kept. Try again on a better line."),
    409: _("A rule of the price book forbids it. Nothing has changed."),
    413: _("What was sent is larger than this page takes. Nothing has changed."),
    422: _("Nothing has changed."),
    429: _("Wait a minute, then try again."),
    503: _("Prices go on being served as they were. Try again in a moment."),
}
FAILED = _("Something went wrong on our side")
FAILED_ADVICE = _("It was logged. Nothing that was begun has been left half done.")


def named(said: Said, key: object) -> str:
    """The word for something; what has none is shown as it is."""
    return str(said.get(str(key), key))


def reason(decision: Decision, n: Numbers) -> str:
    """Why a price is what it is, in a sentence."""
    if decision.verdict is Verdict.HELD:
        return _held(decision)
    if decision.verdict is Verdict.KEEP:
        return gettext("No allowed step is expected to earn more.")
    if decision.set_by:
        return gettext("Set by %(name)s.", name=decision.set_by)
    return _moved(decision, n)


def _held(decision: Decision) -> str:
    if Rail.EVIDENCE in decision.explanation.acted:
        return gettext("Sales cannot show how these buyers react to the price, so it stays until you decide.")
    rails = ", ".join(named(RAILS, rail) for rail in decision.explanation.acted)
    return gettext("A guard rail holds the price (%(rails)s), so it stays until you decide.", rails=rails)


def _moved(decision: Decision, n: Numbers) -> str:
    step = n.percent(abs(float(decision.allowed / decision.in_force) - 1))
    change = decision.then.units / decision.now.units - 1 if decision.now.units else 0.0
    up, more = decision.allowed > decision.in_force, n.percent(abs(change))
    if up and decision.shadow_price > 0:
        return gettext("More buyers than places: at %(step)s more it still fills, and each sale earns more.", step=step)
    if up and change < 0:
        return gettext("At %(step)s more, only %(more)s fewer are expected to be sold.", step=step, more=more)
    if up:
        return gettext("At %(step)s more, as many are expected to be sold.", step=step)
    if decision.now.units and change > 0:
        return gettext("At %(step)s less, %(more)s more are expected to be sold.", step=step, more=more)
    return gettext("At %(step)s less, about as many are expected to be sold.", step=step)


def stopped_by(decision: Decision) -> str:
    """The rail that stopped a price where it is; empty if it would go no further anyway."""
    stops = any(text.startswith(STOPPED) and LADDER_ENDS not in text for text in decision.reasons)
    first = decision.explanation.acted[:1] if stops else ()
    return next((named(RAILS, rail) for rail in first if rail in CAPS), "")
