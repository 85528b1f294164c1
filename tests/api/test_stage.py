"""What a what-if plays on is kept only while it is true."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from api.stage import STAGE_NAME, load_stage
from api.workspace import Workspace
from tests.api.test_workspace import NOW, Bring, busy


@pytest.fixture
def priced(place: Workspace, bring: Bring) -> Workspace:
    """A workspace with a fit, a proposal, and a stage."""
    busy(place, bring)
    return place


def test_what_is_kept_is_what_was_made(priced: Workspace) -> None:
    """Offers, prices, stock, evidence and every draw."""
    kept, made = load_stage(priced.root, now=NOW), priced.stage(now=NOW)
    assert kept is not None
    assert (kept.market, kept.curves, kept.objective) == (made.market, made.curves, made.objective)


def test_it_is_not_used_when_anything_has_changed(priced: Workspace, bring: Bring) -> None:
    """Another day, other sales, other settings, a damaged file."""
    assert load_stage(priced.root, now=NOW + timedelta(days=1)) is None
    text = (priced.root / "fairfare.toml").read_text()
    (priced.root / "fairfare.toml").write_text(text + "\n")
    assert load_stage(priced.root, now=NOW) is None
    priced.stage(now=NOW)
    assert load_stage(priced.root, now=NOW) is not None
    priced.ingest("sales", bring("date,product,quantity,price\n2024-01-01,cup,3,1.50\n", "more.csv"), by="me", now=NOW)
    assert load_stage(priced.root, now=NOW) is None
    priced.stage(now=NOW)
    whole = (priced.root / STAGE_NAME).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"x" * 100, whole[:-300] + b"\0" * 300):
        (priced.root / STAGE_NAME).write_bytes(damaged)
        assert load_stage(priced.root, now=NOW) is None


@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # a damaged header
def test_however_a_file_is_damaged_it_counts_as_none_or_is_what_was_kept(priced: Workspace) -> None:
    """Any bytes of it, most of them where archive and arrays say what they hold."""
    place, kept = priced.root / STAGE_NAME, load_stage(priced.root, now=NOW)
    assert kept is not None
    whole, rng = place.read_bytes(), np.random.default_rng(0)
    heads = [at for at in range(len(whole)) if whole.startswith((b"PK", b"\x93NUMPY"), at)]
    none = 0
    for _ in range(800):
        damaged = bytearray(whole)
        for at in rng.choice(heads, 2) + rng.integers(0, 140, 2):
            damaged[at % len(whole)] = rng.integers(256)
        place.write_bytes(damaged)
        if (found := load_stage(priced.root, now=NOW)) is None:
            none += 1
        else:
            assert (found.market, found.curves, found.good_until) == (kept.market, kept.curves, kept.good_until)
    assert none > 400


def test_a_publication_is_taken_over_at_once(priced: Workspace) -> None:
    """The next what-if starts from the price now in force, without a fit being read."""
    proposal = priced.book.latest_proposal()
    assert proposal is not None
    priced.publish(proposal.id, by="me", now=NOW)
    kept = load_stage(priced.root, now=NOW)
    assert kept is not None
    assert kept.market.prices == {"mug": proposal.decisions[0].allowed}


def test_reading_it_loads_no_pandas_no_model_and_no_solver(priced: Workspace) -> None:
    """So that the answer is there at once."""
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path; from api.stage import load_stage; "
        "import pricing.whatif; now = datetime.fromisoformat(sys.argv[2]); "
        "assert load_stage(Path(sys.argv[1]), now=now) is not None; "
        "print(*{'pandas', 'scipy', 'sqlalchemy', 'pyomo'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code, str(priced.root), NOW.isoformat()]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert loaded.stdout.strip() == ""
    assert datetime.fromisoformat(NOW.isoformat()).tzinfo == UTC
