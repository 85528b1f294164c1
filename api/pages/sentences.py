"""Every template that engine, guard rails and price book write sentences from, marked for the catalogue.

Guarantees
----------
* What a rail or a refusal may say stands here; `tests/api/pages/test_retold.py` looks for it.

A hole `why...` holds another of these sentences, `n...` a figure, `any...` alternatives, `file` the name of a table;
the others hold what stays as it is.
"""

from api.pages import shop_sentences


def _(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


SENTENCES = (
    # Guard rails
    _("an elasticity of %(n)s is not how buyers react; check the prices and units uploaded"),
    _(
        "buyers seem to mind the price so little (elasticity %(n)s) that ever higher prices would look better; sales "
        "at higher prices are missing to tell where that ends"
    ),
    _("a price that takes effect at %(when)s is scheduled; cancel it first: fairfare rollback VERSION"),
    _("held: %(why)s"),
    _("not a number"),
    _("not a step of the ladder"),
    _("does not end in %(any)s"),
    _("below its floor of %(n)s"),
    _("above its ceiling of %(n)s"),
    _("moves more than %(n)s%% in one run"),
    _("moves more than %(n)s%% in a day"),
    _("moves more than %(n)s%% in %(n2)s days"),
    _("further than a factor of %(n)s from its usual price of %(n2)s"),
    _("below its unit cost of %(n)s"),
    _("leaves less than %(n)s%% margin"),
    _("rises, and only discounts are allowed (mode discount-only)"),
    _("rises in an emergency, and the price before it is not known"),
    _("more than %(n)s%% above %(n2)s, its price before the emergency"),
    _("the end of its ladder"),
    _("no price is in force at %(when)s"),
    _("price %(n)s lies outside its own range, %(n2)s to %(n3)s"),
    # Publication
    _("in mode shadow prices are decided and recorded, never published"),
    _("the newest sales are of unknown age"),
    _("the newest sales are from %(day)s, more than %(n)s days ago"),
    _("the newest sales are from %(day)s, ahead of the clock"),
    _("the model is of unknown age"),
    _("the model is from %(day)s, more than %(n)s days ago"),
    _("the model is from %(day)s, ahead of the clock"),
    _("when its prices begin, %(why)s"),
    _("%(offer)s (%(channel)s): %(why)s"),
    _("%(offer)s (%(channel)s) is not listed, so its floor and ceiling are not known"),
    _("%(offer)s (%(channel)s) has no price in force to start from"),
    _("is in %(code)s, its listing in %(other)s"),
    _("is on sale until %(when)s UTC only"),
    _(
        "with it %(n)s of %(n2)s offers on sale would have moved within 24 hours, more than %(n3)s%%; whoever "
        "approves it must say that they have seen that it is large"
    ),
    _("%(offer)s (%(channel)s) at %(n)s would cost more than %(other)s (%(channel2)s) at %(n2)s"),
    _("%(offer)s (%(channel)s), whose price is tied to a moving one by an order, has a price scheduled"),
    _("in mode %(mode)s a person approves"),
    _("no price moves"),
    _("%(by)s set its price"),
    _("the evidence is not-identified"),
    _("the evidence is weak"),
    _("moves more than the %(n)s%% that approve themselves"),
    # Overrides
    _("below the floor of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("above the ceiling of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("not the fixed price of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("floor of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("ceiling of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("fixed price of %(n)s that %(by)s set until %(when)s (%(reason)s)"),
    _("Override: %(why)s."),
    _("Kept by override: %(why)s."),
    _("Moved by override: %(why)s."),
    _("there is no offer %(offer)s in channel %(channel)s"),
    _("%(n)s begins at %(when)s, %(why)s; cancel it first: fairfare rollback %(version)s"),
    _("it is in %(code)s, the offer in %(other)s"),
    _("%(n)s is outside %(n2)s to %(n3)s; an override only tightens these bounds"),
    _("%(n)s is no step of the price ladder"),
    _("its sale ends at %(when)s UTC, so an override ends by then"),
    _("it leaves no price to move to from %(n)s: %(n2)s is refused (%(why)s)"),
    _("%(offer)s would cost more than %(other)s, against their order"),
    _("%(offer)s would cost more than %(other)s, against their order; there is a %(why)s"),
    _("offer %(offer)s: %(n)s to %(n2)s leaves no price beside the %(why)s; end it first"),
    _("an override ends in the future, within %(n)s days, not at %(when)s"),
    _("an override has a reason of one line, of at most %(n)s characters"),
    _("the instants of an override have a time zone"),
    _("%(n)s is not a price"),
    # Reasons of a decision
    _("Held: %(why)s."),
    _("Kept: no allowed step is expected to earn more."),
    _("Kept: nothing is left to sell."),
    _("Kept: guard rails leave no other price: %(why)s."),
    _("Kept: no other allowed price is expected to earn more and does so in %(n)s%% of outcomes."),
    _("Moved although it earns no more: prices in force break a declared order, or a bound."),
    _("Demand exceeds the %(n)s left, so the seats go to those who value them more."),
    _("Demand exceeds the %(n)s left, so they go to those who value them more."),
    _("At %(n)s%% more, %(why)s expected to be sold, and each sale earns more."),
    _("At %(n)s%% less, %(why)s expected to be sold."),
    _(
        "At %(n)s%% less, %(why)s expected to be sold, which earns more than the %(n2)s %(code)s that one of the "
        "%(n3)s left would bring elsewhere."
    ),
    _("At %(n)s%% less, %(why)s expected to be sold and seats would stay empty otherwise (%(n2)s left)."),
    _("At %(n)s%% less, %(why)s expected to be sold and some would stay unsold otherwise (%(n2)s left)."),
    _("about as many are"),
    _("%(n)s%% more are"),
    _("%(n)s%% fewer are"),
    _("only %(n)s%% fewer are"),
    _(
        "Expected %(n)s to %(n2)s units, %(n3)s %(code)s revenue (80%% range %(n4)s to %(n5)s); %(why)s outcomes earn"
        " less."
    ),
    _(
        "Expected %(n)s to %(n2)s units, %(n3)s %(code)s revenue (80%% range %(n4)s to %(n5)s); %(why)s outcomes earn"
        " less, mostly those that sell out."
    ),
    _(
        "Expected %(n)s to %(n2)s units, %(n3)s %(code)s margin (80%% range %(n4)s to %(n5)s); %(why)s outcomes earn "
        "less."
    ),
    _(
        "Expected %(n)s to %(n2)s units, %(n3)s %(code)s margin (80%% range %(n4)s to %(n5)s); %(why)s outcomes earn "
        "less, mostly those that sell out."
    ),
    _("%(n)s of 20"),
    _("fewer than 1 of 20"),
    _("Stopped there by a guard rail; one step further: %(why)s."),
    _("Weak evidence, so half a step at most: %(why)s."),
    _("%(by)s set this price: %(reason)s"),
    _("an offer that an order ties to it has a price scheduled"),
    _("the %(why)s and the order that %(offer)s never costs more than %(other)s cannot both be kept today"),
    _("no proven prices were found (%(why)s)"),
    _("infeasible"),
    _("time-limit"),
    _("the optimizer gave no prices"),
    _("the optimizer's bound does not prove its answer"),
    # What is known of a price response
    _(
        "The price changed on %(why)s and sales answered; no sign that price followed demand. A reaction of price to "
        "demand within the same period cannot be seen in sales; something unseen would have to explain %(n)s%% of "
        "what is left of both price and demand to explain this away."
    ),
    _("1 date"),
    _("%(n)s dates"),
    _("1 row"),
    _("%(n)s rows"),
    _("The price moved too seldom: it changed on %(why)s; at least %(n)s are needed."),
    _(
        "The price hardly moved on its own: it changed on %(why)s, but by only %(n)s%% beyond what season, product "
        "and other effects and controls explain; at least %(n2)s%% is needed."
    ),
    _("Too few data: %(why)s for %(n)s numbers to estimate."),
    _(
        "In %(why)s the price is more than %(n)s times above or below what the same thing usually costs: put right "
        "what is in cents, by the pack or given away, or leave it out."
    ),
    _(
        "On %(n)s%% of the dates nothing was sold and the table has no row, while the price changed: add rows with a "
        "quantity of 0 and the price of the day."
    ),
    _("The data do not settle on a number in %(why)s."),
    _("Price and effects account for the sales without any error, as they never do: planned, filled in or made up?"),
    _("%(n)s, 95 %% interval %(n2)s to %(n3)s"),
    _("Too uncertain: the sales fit with no reaction to price at all (%(why)s)."),
    _("Price followed demand: it was %(why)s, so sales cannot show how buyers react (%(why2)s)."),
    _("raised when demand was strong"),
    _("lowered when demand was strong"),
    _("raised when less was left to sell than expected"),
    _("dearer went with more sales: %(why)s"),
    _("later prices already show in today's sales: %(n)s"),
    _(
        "The number is absurd (%(why)s): as a rule because large orders got a lower price, not because buyers reacted"
        " to it."
    ),
    _("Use with care: %(why)s."),
    _("the number is imprecise (%(n)s to %(n2)s)"),
    _(
        "the answer depends on what counts: %(n)s where each unit counts alike, %(n2)s where each row does, so buyers"
        " in large and small rows differ, and one number does not hold for all"
    ),
    _("prices partly followed demand, %(why)s"),
    _("prices partly followed what was left to sell, %(why)s"),
    _("so buyers may be more price sensitive than this"),
    _("so buyers may be less price sensitive than this"),
    _(
        "on %(n)s%% of the dates buyers paid different prices, and a discount for large orders looks like price "
        "sensitivity"
    ),
    _("on %(n)s%% of the dates nothing was sold and the price is not known; rows with a quantity of 0 would tell it"),
    _("only %(n)s of the %(n2)s rows needed to check whether price followed demand"),
    _(
        "Price followed demand in %(n)s of the %(n2)s groups with a clear answer, and here there are too few rows to "
        "check whether it did."
    ),
    _(
        "over the %(n)s groups of this table that could be tested prices partly followed demand, though here alone it"
        " does not show"
    ),
    _(
        "The reaction changed: %(n)s before %(day)s, %(n2)s since; the number given is of the whole time, the sales "
        "since then alone tell today's."
    ),
    _(
        "No price changed by more than half a per cent from one date to the next; that some things are dearer than "
        "others goes with all else in which they differ."
    ),
    _("No unit was sold at a known price: of %(why)s none has a price above 0."),
    _("No unit was sold at a known price in %(why)s."),
    _("Sales never changed: %(n)s in each of %(why)s."),
    _("The price never changed, so there is nothing to learn from."),
    _("Prices differ only by what the effects take out (%(names)s), so there is nothing to learn from."),
    _("1 row has no price above 0 and was left out."),
    _("%(n)s rows have no price above 0 and were left out."),
    _("There are no past sales of this kind to forecast from."),
    _("Past sales do not say through which channel, and several channels offer it: whose they are is not known."),
    _("No past sale of this kind has a price above 0 to compare with."),
    _("The price in force, %(n)s, is far from the %(n2)s of past sales; check both."),
    _("The price is too low to move it by a cent or more without moving it too far."),
    _("Not sold in the last %(n)s weeks."),
    _("Only %(n)s of the %(n2)s weeks of sales needed to foresee what a test would show."),
    _("Nothing was sold at a known price."),
    _("These sales are too coarse to foresee a test of some weeks: bring daily or weekly ones."),
    # Files that are no tables
    _("the file is empty"),
    _("is larger than %(n)s MB"),
    _("has more than %(n)s columns"),
    _("the first row must name the columns"),
    _("is no text: bring the table as CSV UTF-8"),
    _("is an Excel workbook, or packed: save the sheet as CSV UTF-8 and bring that"),
    _("is an old Excel workbook: save the sheet as CSV UTF-8 and bring that"),
    _("is a PDF: bring the table as CSV UTF-8"),
    _("is packed (gzip): unpack it first"),
    _("is a database: bring the table as CSV UTF-8"),
    _("cannot be read as Parquet; truncated? (%(reason)s)"),
    _("one column of the file cannot stand for two: %(names)s"),
    # Refusals of the price book
    _(
        "proposal %(id)s is stale: it was made against version %(n)s of the price book, which is at %(n2)s; propose "
        "again"
    ),
    _("proposal %(id)s is not approved"),
    _("proposal %(id)s is approved already"),
    _("proposal %(id)s was rejected"),
    _("proposal %(id)s was published already"),
    _("proposal %(id)s was split; decide about its parts"),
    _("proposal %(id)s expired at %(when)s UTC; propose again"),
    _("there already is a proposal %(id)s"),
    _("there is no proposal %(id)s"),
    _("the override of %(by)s that asked for it stands no longer"),
    _("%(by)s proposed %(id)s: someone else must approve it"),
    _("%(by)s set the price of %(offers)s: someone else must approve it"),
    _("proposal %(id)s decides nothing about %(offers)s"),
    _("a proposal with these prices could not be published: %(why)s"),
    _("%(when)s is past: prices begin later, or at once"),
    _("proposal %(id)s may not be published: %(why)s"),
    _("proposal %(id)s may not be approved: %(why)s"),
    _("version %(n)s may not be rolled back: %(why)s"),
    _("from %(when)s UTC on %(why)s"),
    _("take version %(version)s back first"),
    _("version %(n)s is not a publication that can be rolled back"),
    _("version %(n)s was rolled back already"),
    _("version %(n)s took back prices that had not begun; propose them again"),
    _("offer %(offer)s would cost %(n)s, outside its bounds %(n2)s to %(n3)s"),
    _("offer %(offer)s would cost %(n)s, %(why)s"),
    _("prices are frozen since %(when)s UTC by %(by)s (%(reason)s); unfreeze them first"),
    _(
        "offer %(offer)s: %(n)s to %(n2)s leaves out %(n3)s, in force from %(when)s UTC; roll back version "
        "%(version)s first"
    ),
    _(
        "offer %(offer)s (%(channel)s) costs %(n)s %(code)s in the price book, not %(n2)s %(other)s; a price in force"
        " changes through a proposal"
    ),
    _("offer %(offer)s: current price %(n)s is outside %(n2)s to %(n3)s"),
    _("offer %(offer)s (%(channel)s) has no price in force to start from"),
    _("offer %(offer)s (%(channel)s) is in %(code)s, its price in force in %(other)s"),
    _("offer %(offer)s (%(channel)s) was decided at %(n)s, but %(n2)s is in force"),
    _("offer %(offer)s (%(channel)s) costs %(n)s, outside its bounds %(n2)s to %(n3)s"),
    _("offer %(offer)s (%(channel)s) costs %(n)s, which is not on its ladder"),
    _("offer %(offer)s (%(channel)s) costs %(n)s, which is not a price"),
    _("offer %(offer)s (%(channel)s) costs %(n)s, which %(code)s cannot express"),
    _("%(n)s is outside %(n2)s to %(n3)s"),
    _("%(n)s is not a step of the ladder"),
    _("say who takes this step"),
    _(
        "%(offer)s rises to %(n)s, which market %(market)s wants announced %(n2)s hours ahead: let it begin at "
        "%(when)s or later"
    ),
    _("whose law holds for %(offer)s in every channel is not clear: give it a channel of one of the markets %(names)s"),
    _(
        "whose law holds for %(offer)s in channel %(channel)s is not clear: "
        "give it a channel of one of the markets %(names)s"
    ),
    _("%(offer)s is in %(code)s, but the amount of the fee %(fee)s in %(other)s"),
    _("a user's name has 1 to %(n)s printable characters"),
    _("a password has %(n)s to %(n2)s characters"),
    _("this password is among the first that anyone would try"),
    _("there is no user %(name)s"),
    _("there is a user %(name)s already"),
    _("%(name)s is disabled since %(when)s UTC"),
    _("nobody would be left who is admin; make another admin first"),
    _("%(name)s is a name the program itself acts under; take another"),
    # Jobs
    _("asked for by schedule"),
    _("asked for by %(name)s"),
    _("attempt %(n)s, by worker %(name)s"),
    _("attempt %(n)s, by worker %(name)s; worker %(name2)s has not been heard of"),
    _("cancelled by %(name)s"),
    _("given back by worker %(name)s, which ends"),
    _("there is no run %(id)s"),
    _("run %(id)s is done already"),
    _("run %(id)s is failed already"),
    _("run %(id)s is cancelled already"),
    _("%(n)s runs wait already; is a worker running (fairfare worker)?"),
    _("It was begun %(n)s times, and its worker ended in the middle of it."),
    _("We failed to do it; the worker's log says how."),
    _("there is no proposal yet; ask for a run of kind price first"),
    _("there is no fit yet; make one with: fairfare fit"),
    _("there are no sales yet; add them with: fairfare ingest sales FILE"),
    _("there are no offers yet; add them with: fairfare ingest offers FILE"),
    _("there are no sales before today yet; today is not observed to its end"),
    _("no sale before today has a price above 0: there is no price response to learn"),
    _("this is damaged, or from an earlier Fairfare; make it again with: fairfare fit"),
    _("offer %(offer)s is in %(code)s, its sales in %(other)s"),
    _("there is no event %(name)s; ingest events first"),
    _("there is no resource %(name)s; ingest resources first"),
    _(
        "%(n)s rows of these products between %(day)s and %(day2)s are in the history already; to replace them add "
        "--replace"
    ),
    _(
        "%(n)s rows of these products between %(day)s and %(day2)s are in the history already (%(n2)s of them came "
        "over the API); to replace them add --replace"
    ),
    _("is in %(code)s, the history in %(other)s; keep each currency in a workspace of its own"),
    # Findings in tables
    _("%(file)s, row %(n)s, column %(column)s: %(why)s"),
    _("%(file)s, row %(n)s: %(why)s"),
    _("%(file)s, column %(column)s: %(why)s"),
    _("%(file)s: %(why)s"),
    _("row %(n)s, column %(column)s: %(why)s"),
    _("row %(n)s: %(why)s"),
    _("column %(column)s: %(why)s"),
    _("and %(n)s more rows: %(why)s"),
    _("%(why)s: '%(value)s'"),
    _("is missing"),
    _("repeats: it names one row only"),
    _("not an ISO 4217 currency (for example EUR)"),
    _("must lie between %(n)s and %(n2)s"),
    _("decimals are written with a point, and no thousands separator (12.50)"),
    _("not a finite number"),
    _("not a date: write year, month, day (2025-04-03), or 2025-04-03T19:30+02:00"),
    _("day and month can be mistaken for each other: write the year first (2025-04-03)"),
    _("there is no such day or time"),
    _("not between 1900 and 2199"),
    _("has no time zone: write for example 2025-04-03T19:30+02:00"),
    _("has a null byte"),
    _(
        "timestamps with and without a time zone are mixed (row %(n)s has one, row %(n2)s has none): give all of them"
        " a zone, or none"
    ),
    _(
        "there is no column '%(name)s', which is needed; there are %(names)s (nearest: %(near)s); name yours with "
        "--map %(map)s=..."
    ),
    _("there is no column '%(name)s', which is needed; there are %(names)s; name yours with --map %(map)s=..."),
    _("sales and their offers are of one currency, here %(code)s"),
    _("lies in the future: today is %(day)s"),
    _("%(n)s rows repeat an earlier one exactly; they are kept"),
    _("offer %(offer)s: floor %(n)s and ceiling %(n2)s do not enclose a price"),
    _("offer %(offer)s: current price %(n)s is not a price"),
    _("offer %(offer)s: unit cost %(n)s is not a cost"),
    _("offer %(offer)s: no step of the ladder lies between floor and ceiling"),
    _("event %(name)s: it goes on sale after it starts"),
    _("resource %(name)s: capacity %(n)s is not a number of units"),
    _("'%(text)s' is not a ladder: write a JSON list, or low:high:step, or low:high:step ending .99"),
    _("'%(text)s' is not a ladder: low, high and step must be positive and low not above high"),
    _("'%(text)s' is not a JSON list of prices"),
    _("'%(text)s' has more than %(n)s steps"),
    _("'%(text)s' is not an amount"),
    _("'%(text)s' has a comma: write decimals with a point and no thousands separator"),
    _("'%(text)s' has more decimals than %(code)s has (%(n)s)"),
    _("claims a reduction, which only the history of prices in force can bear out; leave it out"),
    _(
        "is named after a protected characteristic (%(what)s), which may not enter a price; leave it out, or give it "
        "another name if it says something else"
    ),
    _(
        "is named after prices of competitors, which are off (competitor_prices); leave it out, or give it another "
        "name if it says something else"
    ),
    *shop_sentences.SENTENCES,
)
