"""What is linked through others has one representative, and nothing else has it."""

from hypothesis import given
from hypothesis import strategies as st

from pricing.links import roots

NAMES = [f"n{i}" for i in range(12)]


@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), max_size=8))
def test_names_share_a_representative_exactly_where_links_lead_from_one_to_the_other(links: list[list[str]]) -> None:
    """Held against groups merged one link at a time."""
    groups = [{name} for name in NAMES]
    for link in links:
        met = [group for group in groups if group & set(link)]
        groups = [group for group in groups if group not in met] + [set().union(*met)]
    found = roots(NAMES, links)
    for group in groups:
        assert len({found[name] for name in group}) == 1
    assert len(set(found.values())) == len(groups)
