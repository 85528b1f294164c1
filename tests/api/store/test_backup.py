"""A workspace goes into one file and comes back as it was, price for price; what is not sound is refused whole."""

import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from api import backup, quote_ids
from api.absorb import absorbed
from api.archive import MANIFEST, Member, pack, unpack
from api.backup import Upgraded, back_up, bring_up_to_date, restore
from api.history import API
from api.quote_ids import Quote, sign
from api.served.answers import take
from api.served.snapshot import SNAPSHOT_NAME, load
from api.settings import default_text
from api.store import migrations
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, Place, open_database, reading, writing
from api.store.log import ANCHOR_NAME, verify
from api.store.migrations import HEAD, revision
from api.store.sales import Sale, latest_number, record
from api.workspace import Workspace
from pricing.errors import InputError, RefusedError, UnavailableError
from tests.api.store.book_kit import DAY, IDS, LISTINGS, NOW, Home, decision, price_list, publish

FAIRFARE = [sys.executable, "-c", "from api.cli import main; main()"]


@pytest.fixture
def shop(home: Home, tmp_path: Path) -> Workspace:
    """A workspace with a history, a fit and two versions of the book."""
    place = Workspace.create(tmp_path / "shop", default_text(database=home if isinstance(home, str) else None))
    for name in ("history/sales/0a1b.parquet", "fits/f1/demand.parquet", "fits/current.json"):
        (place.root / name).parent.mkdir(parents=True, exist_ok=True)
        (place.root / name).write_bytes(name.encode())
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(place.book, decision())
    return place


@pytest.fixture
def empty(request: pytest.FixtureRequest, shop: Workspace) -> str | None:
    """Where the book of a restored workspace goes: nowhere in particular, or an empty PostgreSQL database."""
    return request.getfixturevalue("postgres").blank_database() if shop.settings.database else None


def test_a_restored_workspace_is_the_one_backed_up(shop: Workspace, empty: str | None, tmp_path: Path) -> None:
    """Same prices, history, fits, settings, log and anchor; and it serves them at once, without its database."""
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database=empty)
    again = Workspace.open(tmp_path / "again")
    assert again.book.publications() == shop.book.publications()
    assert [again.book.history(offer) for offer in IDS] == [shop.book.history(offer) for offer in IDS]
    assert again.history.fingerprint() == shop.history.fingerprint()
    assert (again.fits / "current.json").read_bytes() == b"fits/current.json"
    assert (again.root / ANCHOR_NAME).read_bytes() == (shop.root / ANCHOR_NAME).read_bytes()
    with reading(open_database(shop.database)) as db:
        served = take(db, now=NOW).content
    assert (kept := load(again.root / SNAPSHOT_NAME)) is not None
    assert (kept.content.version, kept.content.entries) == (2, served.entries)
    assert publish(again.book, decision(IDS[1]), name="p2", at=NOW + DAY) == 3, "it goes on where it was"
    assert verify(open_database(again.database), again.root / ANCHOR_NAME) == ()


def test_what_is_known_of_shops_is_kept_and_their_secrets_are_not(
    shop: Workspace, empty: str | None, tmp_path: Path
) -> None:
    """The journal and the table of offers come back; a secret is put there anew."""
    for name in ("shops/tickets/offers.csv", "shops/tickets/journal.jsonl", "secrets/tickets"):
        (shop.root / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / name).write_text(f"text of {name}")
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    assert b"text of secrets" not in (tmp_path / "a.backup").read_bytes()
    restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database=empty)
    assert (tmp_path / "again/shops/tickets/journal.jsonl").read_text() == "text of shops/tickets/journal.jsonl"
    assert not (tmp_path / "again/secrets").exists()


def test_no_quote_given_before_holds_after_restoring(shop: Workspace, empty: str | None, tmp_path: Path) -> None:
    """The row that it locks stands for another price in the restored book."""
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    publish(shop.book, decision(IDS[1], "12.00"), name="p2")
    told = shop.book.price_at(IDS[1], "all", NOW + DAY)
    assert told is not None
    assert told.number is not None
    quote = sign(Quote(told.number, 1200, NOW.replace(microsecond=0) + DAY), secret_of(shop))
    restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database=empty)
    again = Workspace.open(tmp_path / "again")
    publish(again.book, decision(IDS[2]), name="p2")
    other = again.book.price_at(IDS[2], "all", NOW + DAY)
    assert other is not None
    assert (other.number, other.price) == (told.number, Decimal("11.00"))
    assert quote_ids.verify(quote, secret_of(shop), NOW) is not None
    assert quote_ids.verify(quote, secret_of(again), NOW) is None
    assert (kept := load(again.root / SNAPSHOT_NAME)) is not None
    assert quote_ids.verify(quote, kept.content.secret.encode(), NOW) is None


def secret_of(place: Workspace) -> bytes:
    """What signs quotes."""
    with reading(open_database(place.database)) as db:
        return take(db, now=NOW).content.secret.encode()


def test_no_sale_is_lost_that_comes_during_a_backup(
    shop: Workspace, empty: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken over into the history while the book is copied: the restored history is not ahead of the restored book."""

    def sell_meanwhile(place: Place, folder: Path) -> Path:
        copied = copy(place, folder)
        sale = Sale("s1", IDS[0], NOW, 1.0, Decimal("11.00"), "EUR")
        record(open_database(shop.database), [sale], by="till", now=NOW)
        batch = shop.history.folder / "sales" / f"{API}{1:012d}-{1:012d}.parquet"
        batch.write_bytes(b"taken over")
        return copied

    copy = backup._copy_book
    monkeypatch.setattr(backup, "_copy_book", sell_meanwhile)
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database=empty)
    again = Workspace.open(tmp_path / "again")
    with reading(open_database(again.database)) as db:
        assert absorbed(again.history.folder) <= latest_number(db)


def test_a_backup_without_an_anchor_is_restored(kept: Path) -> None:
    """One that was begun before the first step; its log goes on, and its anchor begins, with the next."""
    (kept.with_name("shop") / ANCHOR_NAME).unlink()
    back_up(kept.with_name("shop"), kept, now=NOW)
    restore(kept, kept.with_name("again"), now=NOW)
    assert price_list(Workspace.open(kept.with_name("again")).book)[IDS[0]] == "11.00"


def test_a_backup_is_read_by_its_owner_only(shop: Workspace, tmp_path: Path) -> None:
    """It holds the hashes of keys and the secret that signs quotes; so do the files it becomes."""
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    assert (tmp_path / "a.backup").stat().st_mode & 0o077 == 0
    if shop.settings.database is None:
        restore(tmp_path / "a.backup", tmp_path / "again", now=NOW)
        assert (tmp_path / "again" / DATABASE_NAME).stat().st_mode & 0o077 == 0


def test_a_backup_is_one_moment_while_others_publish(shop: Workspace, empty: str | None, tmp_path: Path) -> None:
    """Five backups while another thread publishes: each is a whole version, its log verified on restoring."""
    done = threading.Event()
    writer = threading.Thread(target=_publish_until, args=(shop.book, done))
    writer.start()
    try:
        for number in range(5):
            back_up(shop.root, tmp_path / f"{number}.backup", now=NOW)
    finally:
        done.set()
        writer.join()
    restore(tmp_path / "4.backup", tmp_path / "again", now=NOW, database=empty)
    assert 2 <= Workspace.open(tmp_path / "again").book.version() <= shop.book.version()


def _publish_until(book: PriceBook, done: threading.Event) -> None:
    number = 0
    while not done.wait(0.01):
        number += 1
        now = price_list(book)[IDS[1]]
        wanted = "11.00" if now == "10.00" else "10.00"
        publish(book, decision(IDS[1], wanted, now=now), name=f"w{number}", at=NOW + number * 2 * DAY)


def test_restoring_refuses_what_is_there(shop: Workspace, empty: str | None, tmp_path: Path) -> None:
    """Neither a folder nor a database that holds anything is touched; an empty folder will do."""
    back_up(shop.root, tmp_path / "a.backup", now=NOW)
    with pytest.raises(InputError, match="something here already"):
        restore(tmp_path / "a.backup", shop.root, now=NOW)
    if empty:
        with pytest.raises(InputError, match="holds tables already"):
            restore(tmp_path / "a.backup", tmp_path / "again", now=NOW)
    else:
        with pytest.raises(InputError, match="needs no --database"):
            restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database="postgresql://ann@/prices")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "shop"], "nothing is left of a refusal"
    (tmp_path / "again").mkdir()
    restore(tmp_path / "a.backup", tmp_path / "again", now=NOW, database=empty)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A backup of a workspace on SQLite."""
    place = Workspace.create(tmp_path / "shop", default_text())
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(place.book, decision())
    back_up(place.root, tmp_path / "a.backup", now=NOW)
    return tmp_path / "a.backup"


def refused(source: Path, reason: str) -> None:
    """Restoring says why it is refused, and leaves nothing."""
    target = source.parent / "again"
    with pytest.raises((InputError, UnavailableError), match=reason):
        restore(source, target, now=NOW)
    assert {path.name for path in source.parent.iterdir()} <= {"shop", "a.backup", "b.backup", source.name}


def test_a_damaged_backup_is_refused(kept: Path) -> None:
    """Wherever a byte is changed, and wherever it is cut off."""
    data = kept.read_bytes()
    for place in range(0, len(data), len(data) // 60):
        changed = bytearray(data)
        changed[place] ^= 0x10
        kept.with_name("b.backup").write_bytes(changed)
        try:
            manifest = restore(kept.with_name("b.backup"), kept.with_name("again"), now=NOW)
        except InputError:
            continue
        assert manifest.about["book"] == DATABASE_NAME, "a byte that means nothing, such as a date"
        assert price_list(Workspace.open(kept.with_name("again")).book)[IDS[0]] == "11.00"
        kept.with_name("again").rename(kept.with_name(f"whole-{place}"))
    for length in (0, 1, len(data) // 2, len(data) - 1):
        kept.write_bytes(data[:length])
        with pytest.raises(InputError, match="cannot be used"):
            restore(kept, kept.with_name("again"), now=NOW)
    assert not kept.with_name("again").exists()


def rewritten(kept: Path, change: str) -> Path:
    """The backup with something done to it that its checksums cannot tell."""
    target = kept.with_name("b.backup")
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if change == "a link" and entry.filename == "fairfare.toml":
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            if change == "a device" and entry.filename == "fairfare.toml":
                entry.external_attr = (stat.S_IFBLK | 0o777) << 16
            if change == "a file missing" and entry.filename == "fairfare.toml":
                continue
            if change == "another manifest" and entry.filename == MANIFEST:
                data = data.replace(b"prices.db", b"prices.no")
            new.writestr(entry, data)
        if change.startswith("a path"):
            new.writestr(change.removeprefix("a path "), b"x")
        if change == "a name twice":
            with pytest.warns(UserWarning, match="Duplicate name"):
                new.writestr("fairfare.toml", b"x")
    return target


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("a link", "not a plain file"),
        ("a device", "not a plain file"),
        ("a file missing", "not hold exactly"),
        ("a name twice", "not hold exactly"),
        ("another manifest", "checksum of its manifest"),
        ("a path ../evil", "not hold exactly"),
        ("a path /etc/evil", "not hold exactly"),
        ("a path history/../../evil", "not hold exactly"),
    ],
)
def test_a_backup_holds_plain_files_of_its_manifest_only(kept: Path, change: str, reason: str) -> None:
    """No link, no device, no path that leads out, nothing missing, nothing more."""
    refused(rewritten(kept, change), reason)


@pytest.mark.parametrize("name", ["../evil", "/evil", "history/../../evil", ".hidden", "history//x", "a\\b", ""])
def test_a_manifest_cannot_name_what_lies_outside(tmp_path: Path, name: str) -> None:
    """Not even one whose checksum is right."""
    (tmp_path / "x").write_bytes(b"x")
    pack({name: tmp_path / "x"}, {}, tmp_path / "b.backup")
    with pytest.raises(InputError, match=r"not a plain file|exactly"):
        unpack(tmp_path / "b.backup", tmp_path / "in")
    assert {path.name for path in tmp_path.rglob("*")} == {"x", "b.backup"}


def test_a_file_that_unpacks_to_more_than_it_should_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte more is written than the manifest says: a small file that unpacks to a full disk is none."""
    (tmp_path / "x").write_bytes(bytes(5 * 2**20))
    monkeypatch.setattr("api.archive.Member", lambda size, sha256: Member(size - 3 * 2**20, sha256))
    pack({"x": tmp_path / "x"}, {}, tmp_path / "b.backup")
    with pytest.raises(InputError, match="x is damaged"):
        unpack(tmp_path / "b.backup", tmp_path / "in")
    assert (tmp_path / "in" / "x").stat().st_size <= 2 * 2**20


def test_a_backup_of_a_book_that_was_tampered_with_is_refused(kept: Path) -> None:
    """Every checksum is right, and the log says that a price is not what was published."""
    shop = kept.with_name("shop")
    with closing(sqlite3.connect(shop / DATABASE_NAME)) as db, db:
        db.execute("DROP TRIGGER prices_close_only")
        db.execute("UPDATE prices SET price = '0.01' WHERE version = 2")
    back_up(shop, kept.with_name("b.backup"), now=NOW)
    refused(kept.with_name("b.backup"), "is not what the log tells")


@pytest.mark.usefixtures("kept")
def test_what_is_no_workspace_has_no_backup(tmp_path: Path) -> None:
    """Nor does a workspace whose database is gone; and a backup is not put into what it backs up."""
    with pytest.raises(InputError, match="not a workspace"):
        back_up(tmp_path, tmp_path / "b.backup", now=NOW)
    with pytest.raises(InputError, match="lost with it"):
        back_up(tmp_path / "shop", tmp_path / "shop" / "b.backup", now=NOW)
    (tmp_path / "shop" / DATABASE_NAME).unlink()
    with pytest.raises(UnavailableError, match="not where it was"):
        back_up(tmp_path / "shop", tmp_path / "b.backup", now=NOW)
    assert not (tmp_path / "b.backup").exists()


@pytest.fixture
def older(home: Home, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A workspace as the first revision of the database left it, with three prices."""
    url = None if isinstance(home, Path) else request.getfixturevalue("postgres").blank_database()
    root = tmp_path / "shop"
    root.mkdir()
    (root / "fairfare.toml").write_text(default_text(database=url), encoding="utf-8")
    with writing(open_database(url or root / DATABASE_NAME)) as db:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.execute(text("INSERT INTO publications (version, change, by, at) VALUES (1, 'import', 'ann', '2026-03-02')"))
        for offer in IDS:
            db.execute(text(PRICE), {"offer": offer, "terms": '{"product": "hamlet", "segment": null, "event": null}'})
    return root


PRICE = (
    "INSERT INTO prices (offer, channel, currency, price, version, valid_from, terms) "
    "VALUES (:offer, 'all', 'EUR', '10.00', 1, '2026-03-02 00:00:00.000000', :terms)"
)


def test_a_workspace_of_an_older_revision_is_brought_up_to_date(older: Path) -> None:
    """Until then other commands say what to do; a file is copied first; the prices are what they were."""
    with pytest.raises(RefusedError, match="run `fairfare upgrade`"):
        _ = Workspace.open(older).book
    done = bring_up_to_date(older)
    assert (done.before, done.after) == ("0001", HEAD)
    assert price_list(book := Workspace.open(older).book) == dict.fromkeys(IDS, "10.00")
    assert verify(book._engine, older / ANCHOR_NAME) == ()
    assert bring_up_to_date(older) == Upgraded(HEAD, HEAD, None), "the second time there is nothing to do"
    if (older / DATABASE_NAME).exists():
        assert done.copy == older / f"{DATABASE_NAME}.0001"
        assert done.copy.stat().st_mode & 0o077 == 0
        assert revision(open_database(done.copy)) == "0001"
    else:
        assert done.copy is None


def test_a_database_newer_than_the_code_is_left_alone(shop: Workspace) -> None:
    """It is a later version's, which alone knows what it means."""
    with writing(open_database(shop.database)) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="install a newer one"):
        bring_up_to_date(shop.root)


def fairfare(*arguments: str | Path) -> tuple[int, str]:
    """Run a command to its end; its exit code and all it printed."""
    done = subprocess.run([*FAIRFARE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_commands_say_what_they_did(kept: Path) -> None:
    """Back up, restore, upgrade; refused is exit 2, with the place."""
    again = kept.with_name("again")
    assert fairfare("backup", kept, "--workspace", kept.with_name("shop"))[0] == 0
    code, said = fairfare("restore", kept, "--workspace", again)
    assert (code, "is as it was at" in said) == (0, True)
    assert fairfare("upgrade", "--workspace", again) == (0, f"The database is at revision {HEAD} already.\n")
    assert fairfare("restore", kept, "--workspace", again)[0] == 2
    code, said = fairfare("restore", kept.with_name("none"), "--workspace", kept.with_name("third"))
    assert (code, "there is no such file" in said) == (2, True)
