"""Templates."""


def _(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


SENTENCES = (_("Kept: nothing is left to sell."), _("Held: %(why)s."))
