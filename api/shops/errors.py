"""What can go wrong with a shop."""

from pricing.errors import FairfareError, printable


class ShopError(FairfareError):
    """A shop did not do what it was asked for.

    Usual cause: a token that was revoked or lacks a permission (`permanent`), a shop that is down or overloaded (not
    `permanent`: the same request may succeed later).

    Attributes
    ----------
    permanent : whether trying again is of no use
    status : of HTTP, where the shop answered
    """

    def __init__(self, reason: str, *, permanent: bool, status: int | None = None) -> None:
        super().__init__("\n".join(map(printable, reason.split("\n"))))
        self.permanent, self.status = permanent, status
