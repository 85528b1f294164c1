"""What a what-if plays on is kept only while it is true."""

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    settings = priced.root / "fairfare.toml"
    text = settings.read_text()
    for changed in (text.replace("horizon_days = 28", "horizon_days = 27"), text + "nonsense"):
        settings.write_text(changed)
        assert load_stage(priced.root, now=NOW) is None
    settings.write_text(text)
    priced.stage(now=NOW)
    assert load_stage(priced.root, now=NOW) is not None
    priced.ingest("sales", bring("date,product,quantity,price\n2024-01-01,cup,3,1.50\n", "more.csv"), by="me", now=NOW)
    assert load_stage(priced.root, now=NOW) is None
    priced.stage(now=NOW)
    whole = (priced.root / STAGE_NAME).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"x" * 100, whole[:-300] + b"\0" * 300):
        (priced.root / STAGE_NAME).write_bytes(damaged)
        assert load_stage(priced.root, now=NOW) is None


def test_a_shop_that_is_connected_leaves_it_as_good_as_it_was(priced: Workspace) -> None:
    """Nor does a word of comment change a price."""
    with (priced.root / "fairfare.toml").open("a") as settings:
        settings.write('\n# ours\n[[shops]]\nname = "till"\nsystem = "folder"\naddress = "exchange"\n')
    assert load_stage(priced.root, now=NOW) is not None


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


class Code:
    """What would run if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("it-ran"),)


def header(shape: str, kind: str = "<f8") -> bytes:
    """The begin of an array's file that claims a shape."""
    told = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(told).to_bytes(2, "little") + told.encode()


def array(values: Any) -> bytes:
    """An array's file."""
    np.save(file := io.BytesIO(), values, allow_pickle=True)
    return file.getvalue()


def test_nothing_in_it_runs_and_none_of_it_is_believed(priced: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickled objects, bombs, claims that are too large, and numbers that cannot be, under checksums that are right."""
    monkeypatch.chdir(priced.root)
    place = priced.root / STAGE_NAME
    with np.load(place) as kept:
        told, units = kept["told"].tobytes(), kept["units"]
    parts = {"told": array(np.frombuffer(told, dtype=np.uint8)), "units": array(units)}
    objects = np.array([Code()], dtype=object)
    numbers = {"nan": np.nan, "infinite": np.inf, "negative": -1.0}
    made_up: dict[str, tuple[dict[str, bytes], int]] = {
        "objects": ({"units": array(objects)}, zipfile.ZIP_STORED),
        "a plain pickle": ({"units": pickled(Code())}, zipfile.ZIP_STORED),
        "told by objects": ({"told": array(objects)}, zipfile.ZIP_STORED),
        "a bomb": ({"units": header("(200000000,)") + b"\0" * 10**8}, zipfile.ZIP_DEFLATED),
        "compressed": ({}, zipfile.ZIP_DEFLATED),
        "a claim": ({"units": header("(1000000000000,)")}, zipfile.ZIP_STORED),
        "a claim of nothing": ({"units": header("(0, 10**9)")}, zipfile.ZIP_STORED),
        "code for a shape": ({"units": header("(__import__('os').mkdir('it-ran'),)")}, zipfile.ZIP_STORED),
        "brackets": ({"told": array(np.frombuffer(b"[" * 10**6, dtype=np.uint8))}, zipfile.ZIP_STORED),
        "another shape": ({"units": array(units[..., :1])}, zipfile.ZIP_STORED),
        "complex": ({"units": array(units.astype(complex))}, zipfile.ZIP_STORED),
        "text": ({"units": array(units.astype(str))}, zipfile.ZIP_STORED),
        "no floor": (
            {"told": array(np.frombuffer(told.replace(b'"floor"', b'"flour"'), np.uint8))},
            zipfile.ZIP_STORED,
        ),
        **{
            name: ({"units": array(np.full_like(units, number))}, zipfile.ZIP_STORED)
            for name, number in numbers.items()
        },
    }
    write(place, parts, zipfile.ZIP_STORED)
    assert load_stage(priced.root, now=NOW) is not None, "made up with care it is as good as a real one"
    for name, (changed, method) in made_up.items():
        write(place, parts | changed, method)
        assert load_stage(priced.root, now=NOW) is None, name
    assert not (priced.root / "it-ran").exists()


def write(place: Path, parts: dict[str, bytes], method: int) -> None:
    """An archive of these members."""
    with zipfile.ZipFile(place, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(f"{name}.npy", data)


def pickled(thing: object) -> bytes:
    """As numpy writes an object that is no array."""
    return array(np.array(thing, dtype=object)).split(b"\n", 1)[1]


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
