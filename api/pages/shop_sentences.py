"""Every template that what speaks to shops writes sentences from; see `api.pages.sentences`."""


def _(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


SENTENCES = (
    # Errands
    _("Shop %(shop)s does not answer now; try again later: %(why)s"),
    _("Shop %(shop)s refuses, and will again until something is changed: %(why)s"),
    _("Prices are frozen, so nothing is pushed."),
    _("there is no shop %(name)s in the settings"),
    _("what would be written is no longer what was shown: look at it again (%(decision)s)"),
    _("nothing of decision %(decision)s was pushed to this shop"),
    _("another push to this shop is running"),
    # Places
    _("no price is in force for offer %(offer)s in %(channel)s"),
    _("it is to be given two prices"),
    _("the shop has no price there"),
    _("the shop no longer has it"),
    _("it is priced in %(code)s, not in %(other)s"),
    _("%(n)s is not between %(n2)s and %(n3)s"),
    _("floor %(n)s and ceiling %(n2)s do not enclose a price"),
    _("somebody changed %(n)s to %(n2)s"),
    _("the shop took %(n)s and shows %(n2)s"),
    _("the shop has %(n)s, not %(n2)s"),
    _("a buyer is asked for %(n)s, not %(n2)s"),
    _("a buyer is asked for %(n)s, tax included"),
    _("whether it arrived is not known: %(why)s"),
    _("version %(n)s is in force"),
    _("a price set by hand was taken for right there"),
    _("%(n)s is %(why)s"),
    # Addresses and keys
    _("%(host)s cannot be reached: %(error)s"),
    _("%(name)s was refused whole: %(path)s says why"),
    _("GET /%(path)s: %(n)s %(answer)s"),
    _("PATCH /%(path)s: %(n)s %(answer)s"),
    _("POST /%(path)s: %(n)s %(answer)s"),
    _("PUT /%(path)s: %(n)s %(answer)s"),
    _("the shop links to a page that is not its own"),
    _("the shop's answer is larger than any list of prices"),
    _("%(host)s would be told keys over plain http: write https"),
    _("no host is called %(host)s"),
    _(
        "%(host)s is %(address)s, which is not on the public internet; if it is yours, write at the top of "
        "fairfare.toml: %(line)s"
    ),
    _("%(host)s is not on the public internet; if it is yours, write at the top of fairfare.toml: %(line)s"),
    _("%(host)s is %(address)s, which is no place for a shop"),
    _("%(host)s is no place for a shop"),
    _("it does not know the key: %(why)s"),
    _("the key may not do this, or what the settings name is not there: %(why)s"),
    _("nothing is there, so look at the address and the names in the settings: %(why)s"),
    _("an address begins with https://"),
    _("an address holds no name or password: they hide the host behind them"),
    _("an address names a host such as shop.example"),
    _("a port is a number from 1 to 65535"),
    _("this is not an address such as https://shop.example"),
    _("the secret of shop %(shop)s is empty, or has spaces or signs that no token has"),
    _("there is a shop %(name)s in the settings already"),
    _("a folder outside the workspace is connected in fairfare.toml only"),
    _("%(name)s was another shop, whose journal is kept: give this one another name"),
    _("fairfare.toml writes its shops in a way that is not changed here: change it by hand"),
    _("%(file)s cannot be read: No such file or directory"),
    _("%(file)s cannot be read: Permission denied"),
    # Stock
    _("What %(shop)s has left is not reckoned with: %(why)s"),
    _("What %(shop)s had left is of %(when)s UTC, too old to be reckoned with."),
    _("%(stock)s has %(n)s, %(name)s %(n2)s left; other offers draw on %(name2)s too, so only that is reckoned with."),
    # What is sold where
    _("%(place)s: %(why)s"),
    _("there is no offer %(offer)s in %(channel)s"),
    _("the shop sells it in %(code)s, and offer %(offer)s is priced in %(other)s"),
    _("a place has a name of one line"),
    _("a place has one price, so it cannot have two offers"),
    _("somebody else has saved something else there since; save again to put yours in its place"),
    _("say of at least one place which offer is sold there"),
    _("%(name)s has no column %(names)s"),
)
