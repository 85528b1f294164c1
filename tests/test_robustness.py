"""Pricing on the whole posterior earns what it promises, through the real pooling, curves and optimizer."""

import numpy as np
import pytest

robustness = pytest.importorskip("benchmarks.robustness", reason="benchmarks are not part of this distribution")


def test_the_whole_posterior_earns_more_than_a_number_and_more_than_keeping_the_price() -> None:
    """At least .955 of the oracle's profit over 2,000 truths, where the plug-in earns about .944 and keeping .90."""
    rng = np.random.default_rng(0)
    catalogues = [robustness.Catalogue.draw(100, rng) for _ in range(20)]
    share = {
        rule: robustness.shares(catalogues, rule)[0]
        for rule in (robustness.keep, robustness.plug_in, robustness.whole_posterior, robustness.informed)
    }
    assert share[robustness.whole_posterior] >= 0.955
    assert share[robustness.plug_in] == pytest.approx(0.944, abs=0.008)
    assert share[robustness.keep] == pytest.approx(0.90, abs=0.01)
    assert share[robustness.whole_posterior] <= share[robustness.informed]
