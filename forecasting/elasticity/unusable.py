"""Sales and prices that no fit can help: what is true of them, in words.

Guarantees
----------
* What is said is true of every row: a price that differs is never said not to have changed.
"""

import numpy as np

from forecasting.elasticity.cells import Panel

MISTAKEN = 20.0
"""A price so many times above or below the unit's usual one is of another kind: cents, a pack, a gift."""
RULED = 0.5
"""Share of the price's variation around what is usual from which such prices rule the slope."""


def without_sales(panel: Panel) -> str:
    """Why sales tell nothing, whatever the price did; empty where they may."""
    if not len(panel) and panel.priceless:
        return f"No unit was sold at a known price: of {rows(panel.priceless)} none has a price above 0."
    if not panel.quantity.any():
        return f"No unit was sold at a known price in {rows(len(panel))}."
    if len(panel) > 1 and np.ptp(panel.quantity) == 0:
        return f"Sales never changed: {panel.quantity[0]:,.6g} in each of {rows(len(panel))}."
    return ""


def still(panel: Panel, *, absorbed: bool) -> str:
    """What is true of prices that do not move from one date to the next.

    Parameters
    ----------
    absorbed : whether effects and other regressors explain what differs
    """
    if panel.prices <= 1:
        return "The price never changed, so there is nothing to learn from."
    if absorbed:
        controls = " and the controls" if panel.others.shape[1] > ("trend" in panel.effects) else ""
        effects = f"the effects{controls} take out ({', '.join(panel.effects)})"
        return f"Prices differ only by what {effects}, so there is nothing to learn from."
    return (
        "No price changed by more than half a per cent from one date to the next; that some things are dearer than "
        "others goes with all else in which they differ."
    )


def mistaken(panel: Panel) -> int:
    """Cells whose price is beyond `MISTAKEN` times their unit's median; 0 where they do not rule the slope."""
    order = np.lexsort((panel.price, panel.unit))
    counts = np.bincount(panel.unit)
    median = panel.price[order][np.cumsum(counts) - counts + counts // 2]
    away = np.abs(panel.price - median[panel.unit])
    far = away > np.log(MISTAKEN)
    return int(far.sum()) if away[far] @ away[far] > RULED * (away @ away) else 0


def rows(n: int) -> str:
    """So many rows, in words."""
    return "1 row" if n == 1 else f"{n} rows"
