"""The command prints and writes all its tables, the same twice, and refuses what it cannot use."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from api.cli.choice import choice
from pricing.errors import InputError
from tests.forecasting.choice.markets import choices, long, wide
from tests.real_data import ROOT, real_data

FAIRFARE = (sys.executable, "-c", "from api.cli import main; main()")
WIDE = ("--alternatives", "bus,rail,car", "--price", "price", "--attributes", "time", "--available", "av")
LONG = (
    "--alternatives", "bus,rail,car", "--price", "price", "--attributes", "time", "--situation", "trip",
    "--alternative", "mode", "--choice", "chosen",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same choices as wide.csv and long.csv."""
    path = tmp_path_factory.mktemp("choices")
    made = choices(np.random.default_rng(0), n=500)
    wide(made).to_csv(path / "wide.csv", index=False)
    long(made).to_csv(path / "long.csv", index=False)
    return path


def fairfare(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [*FAIRFARE, "choice", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def here(*arguments: object) -> Result:
    """Run the command in this process, which starts quicker; what is wrong with the input is raised."""
    app = typer.Typer()
    app.command()(choice)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(done.exception, InputError):
        raise done.exception
    return done


def test_json_holds_every_table_and_the_same_bytes_twice(folder: Path, tmp_path: Path) -> None:
    """Of wide and long tables of the same choices, also the same numbers."""
    outs = [tmp_path / "a.json", tmp_path / "b.json", tmp_path / "long.json"]
    for out, arguments in zip(outs, [("wide.csv", *WIDE), ("wide.csv", *WIDE), ("long.csv", *LONG)], strict=True):
        assert fairfare(folder / arguments[0], *arguments[1:], "--out", out).returncode == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    whole, other = (json.loads(out.read_text(encoding="utf-8")) for out in (outs[0], outs[2]))
    assert set(whole) == {"coefficients", "fit", "willingness", "elasticities", "notes"}
    assert [row["coefficient"] for row in whole["coefficients"]] == pytest.approx(
        [row["coefficient"] for row in other["coefficients"]]
    )


def test_csv_has_the_coefficients_and_the_other_tables_beside_it(folder: Path, tmp_path: Path) -> None:
    """With --holdout also the shares."""
    assert here(folder / "wide.csv", *WIDE, "--holdout", "20", "--out", tmp_path / "logit.csv").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"logit{part}.csv" for part in ("", ".fit", ".willingness", ".elasticities", ".shares")
    }
    table = pd.read_csv(tmp_path / "logit.csv")
    assert list(table.columns) == [
        "term", "alternative", "segment", "coefficient", "se", "z", "p_value", "lower", "upper", "se_classical",
    ]  # fmt: skip
    assert len(pd.read_csv(tmp_path / "logit.elasticities.csv")) == 9


def test_without_out_it_prints_every_table_and_what_to_mind(folder: Path) -> None:
    """In words, also of nests."""
    done = here(folder / "wide.csv", *WIDE, "--nest", "public=bus,rail", "--holdout", "20")
    assert done.exit_code == 0
    for word in (
        "Coefficients",
        "logsum",
        "multinomial",
        "Fit",
        "Willingness",
        "rises by 1 %",
        "held out",
        "identified",
    ):
        assert word in done.stdout


def test_columns_can_be_renamed(folder: Path, tmp_path: Path) -> None:
    """A price column that shares nothing with the others."""
    renamed = tmp_path / "renamed.csv"
    pd.read_csv(folder / "wide.csv").rename(columns={"price.rail": "Fahrpreis", "choice": "Wahl"}).to_csv(
        renamed, index=False
    )
    assert here(renamed, *WIDE, "--map", "price.rail=Fahrpreis,choice=Wahl").exit_code == 0
    with pytest.raises(InputError, match=r"(?s)Tarif.*price\.bus"):
        here(renamed, *WIDE, "--map", "price.rail=Tarif,price.bus=Wahl")


def test_what_cannot_be_used_exits_2_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    """Every column and option is named at once."""
    wrong = ("--specific", "comfort", "--segment", "kind", "--nest", "a=bus", "--out", tmp_path / "out.csv")
    done = fairfare(folder / "wide.csv", *WIDE, *wrong)
    assert done.returncode == 2
    assert [word for word in ("comfort", "kind", "'a'") if word not in done.stderr] == []
    assert not list(tmp_path.iterdir())


def test_rows_of_another_length_are_said_with_all_else(tmp_path: Path) -> None:
    """A row too short, and a cell that is no number in another."""
    file = tmp_path / "ragged.csv"
    file.write_text("choice,p.a,p.b\na,1,2\nb,1\nb,2,x\n")
    with pytest.raises(InputError, match=r"(?s)row 3: has 2 cells.*row 4, column p\.b"):
        here(file, "--alternatives", "a,b", "--price", "p")


@pytest.mark.parametrize("wrong", [("--nest", "bus,rail"), ("--where", "choice"), ("--holdout", "95")])
def test_an_option_that_cannot_be_read_exits_2(folder: Path, wrong: tuple[str, str]) -> None:
    """And is named."""
    done = here(folder / "wide.csv", *WIDE, *wrong)
    assert done.exit_code == 2
    assert wrong[0] in done.output


def examples() -> list[list[str]]:
    """Every `fairfare choice` of the pages and of --help, as its words."""
    pages = [ROOT / "docs" / name for name in ("choice.md", "walkthrough.md")]
    texts = [page.read_text(encoding="utf-8").replace("\\\n", " ") for page in pages]
    found = [line for text in texts for line in re.findall(r"^\$ fairfare choice (.*)$", text, re.MULTILINE)]
    told = (ROOT / "api" / "cli" / "choice.py").read_text(encoding="utf-8")
    found += [" ".join(part.split()) for part in re.findall(r"Example: fairfare choice ((?:(?!\s*\"\"\").+\n)+)", told)]
    return [shlex.split(line) for line in found]


@pytest.mark.real_data
@pytest.mark.parametrize("words", examples(), ids=" ".join)
def test_every_example_runs_on_the_files_as_they_are(words: list[str], tmp_path: Path) -> None:
    """Of the documentation and of --help."""
    file, *options = words
    if "--out" in options:
        options[options.index("--out") + 1] = str(tmp_path / "logit.json")
    assert here(real_data(f"fixtures/{file}"), *options).exit_code == 0
