"""`fairfare choice`: what buyers choose among alternatives, what they would pay, and how they react to prices.

Guarantees
----------
* Unusable arguments or input exit with 2, every problem listed, and no file is written.
* The same file twice gives the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from api.cli.options import Map, Out, Seed, parse_map, parse_names
from pricing.errors import Finding, InputError

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.choice import Answer, Layout

Names = Sequence[str]
Column = str | None


def parse_alternatives(text: str | Mapping[str, str]) -> Mapping[str, str]:
    """Read `train=1,car=3`, or names that stand in the table as they are."""
    if not isinstance(text, str):
        return text
    names = [part if "=" in part else f"{part}={part}" for part in parse_names(text)]
    return parse_map(",".join(f'"{name}"' for name in names))


def parse_groups(texts: Sequence[str], option: str) -> dict[str, tuple[str, ...]]:
    """Read `NAME=a,b`, once per option given."""
    groups: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, members = text.partition("=")
        if not (equals and name.strip() and members.strip()) or name.strip() in groups:
            raise typer.BadParameter(f"{text!r} is not NAME=a,b with a NAME of its own", param_hint=option)
        groups[name.strip()] = tuple(parse_names(members))
    return groups


ChoicesFile = Annotated[
    Path, typer.Argument(metavar="CHOICES", help="Choices, .csv or .parquet, wide or long (docs/choice.md).")
]
Alternatives = Annotated[
    Mapping[str, str],
    typer.Option(
        "--alternatives",
        parser=parse_alternatives,
        metavar="NAME[=VALUE],...",
        help="What can be chosen; VALUE is how the table writes it. Constants are told against the first.",
    ),
]
Price = Annotated[
    Names,
    typer.Option(
        "--price",
        parser=parse_names,
        metavar="COLUMN",
        help="Price column. In a wide table what the columns share (price for price.train, CO for TRAIN_CO), or "
        "one column per alternative.",
    ),
]
Attributes = Annotated[
    Names,
    typer.Option(
        "--attributes",
        parser=parse_names,
        metavar="COLUMN,...",
        help="Further columns, named like the price, with one coefficient for all alternatives.",
    ),
]
Specific = Annotated[
    Names,
    typer.Option(
        "--specific",
        parser=parse_names,
        metavar="COLUMN,...",
        help="Columns with a coefficient for each alternative; also what describes the buyer, such as income.",
    ),
]
Available = Annotated[
    Column,
    typer.Option("--available", metavar="COLUMN", help="0/1 column, named like the price: could it be chosen?"),
]
Nest = Annotated[
    list[str] | None,
    typer.Option(
        "--nest",
        metavar="NAME=a,b",
        help="Alternatives that are nearer substitutes: nested logit. May be repeated.",
    ),
]
Segment = Annotated[
    Column, typer.Option("--segment", metavar="COLUMN", help="Kinds of buyers, each with a price coefficient.")
]
Person = Annotated[
    Column, typer.Option("--person", metavar="COLUMN", help="Who chose: errors are clustered by person.")
]
Weights = Annotated[Column, typer.Option("--weights", metavar="COLUMN", help="How many choices a row stands for.")]
Outside = Annotated[
    Column,
    typer.Option(
        "--outside", metavar="NAME", help="The alternative that means buying nothing; needs no columns or rows."
    ),
]
Taken = Annotated[
    str,
    typer.Option(
        "--choice", metavar="COLUMN", help="Wide: the alternative chosen. Long: 1 in the row chosen, 0 elsewhere."
    ),
]
Situation = Annotated[
    Column,
    typer.Option(
        "--situation", metavar="COLUMN", help="Makes the table a long one: which rows belong to the same choice."
    ),
]
Alternative = Annotated[
    str, typer.Option("--alternative", metavar="COLUMN", help="Long: which alternative the row is about.")
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=a,b", help="Use only rows with one of these values. May be repeated."),
]
Constants = Annotated[bool, typer.Option(" /--no-constants", help="Leave out the constant of each alternative.")]
Holdout = Annotated[
    float,
    typer.Option(
        "--holdout", min=0, max=90, metavar="PERCENT", help="Keep so many people out, and foretell their choices."
    ),
]


@app.command()
def choice(
    choices: ChoicesFile,
    *,
    alternatives: Alternatives,
    price: Price,
    attributes: Attributes = (),
    specific: Specific = (),
    available: Available = None,
    nest: Nest = None,
    segment: Segment = None,
    person: Person = None,
    weights: Weights = None,
    outside: Outside = None,
    taken: Taken = "choice",
    situation: Situation = None,
    alternative: Alternative = "alternative",
    where: Where = None,
    constants: Constants = True,
    holdout: Holdout = 0.0,
    mapping: Map = None,
    out: Out = None,
    seed: Seed = 0,
) -> None:
    """Estimate a multinomial or nested logit of what buyers choose.

    Coefficients with standard errors, the fit, willingness to pay with its
    interval, own and cross elasticities. --out FILE.json holds all; with .csv
    or .parquet FILE has the coefficients, and FILE.fit, FILE.willingness and
    FILE.elasticities stand beside it.

    Example: fairfare choice yogurt.csv --price price --attributes feat
    --alternatives dannon,yoplait,hiland,weight --person id

    Example: fairfare choice swissmetro.csv --alternatives SM=2,TRAIN=1,CAR=3
    --choice CHOICE --where CHOICE=1,2,3 --where GA=0 --price CO
    --attributes TT --available AV --person ID --nest classic=TRAIN,CAR
    """
    from forecasting.choice import Layout, Model, choice_tables

    layout = Layout(
        alternatives=alternatives,
        price=tuple(price),
        choice=taken,
        attributes=tuple(attributes),
        specific=tuple(specific),
        available=available,
        person=person,
        weights=weights,
        segment=segment,
        situation=situation,
        alternative=alternative,
        outside=outside,
        where=parse_groups(where or (), "--where"),
    )
    model = Model(constants=constants, nests=parse_groups(nest or (), "--nest"))
    frame = _loaded(choices, mapping or {}, layout)
    answer = choice_tables(frame, layout, model, file=str(choices), holdout=holdout / 100, seed=seed)
    if out is None:
        _show(answer)
    else:
        _write(answer, out)


def _loaded(path: Path, mapping: Mapping[str, str], layout: "Layout") -> "pd.DataFrame":
    """The table, with the user's columns under the names asked for."""
    from api.files import load
    from pricing.names import refused

    loaded, file = load(path), str(path)
    found = [Finding("there is no such column", file, column=c) for c in mapping.values() if c not in loaded.frame]
    found += [
        Finding("is already the name of another column", file, column=name)
        for name, column in mapping.items()
        if name in loaded.frame and name != column
    ]
    found += [Finding(reason, file, column=column) for column, reason in refused(map(str, loaded.frame.columns))]
    frame = loaded.frame.rename(columns={column: name for name, column in mapping.items()})
    if found or loaded.flaws:
        raise InputError([*found, *loaded.flaws, *([] if found else _wrong(frame, layout, file))])
    return frame


def _wrong(frame: "pd.DataFrame", layout: "Layout", file: str) -> Sequence[Finding]:
    """What is wrong with the rows that could be read, so that all is said at once."""
    from forecasting.choice import read_choices

    try:
        read_choices(frame, layout, file=file)
    except InputError as error:
        return error.findings
    return ()


def _tables(answer: "Answer") -> dict[str, "pd.DataFrame"]:
    shares = {} if answer.shares is None else {"shares": answer.shares}
    return {"fit": answer.summary, "willingness": answer.willingness, "elasticities": answer.elasticities, **shares}


def _write(answer: "Answer", out: Path) -> None:
    from api.tabular import write_atomically, write_table

    if out.suffix.lower() != ".json":
        write_table(answer.coefficients, out)
        for name, table in _tables(answer).items():
            write_table(table, out.with_suffix(f".{name}{out.suffix}"))
        return
    whole: dict[str, object] = {
        name: table.astype("object").where(table.notna(), None).to_dict("records")
        for name, table in {"coefficients": answer.coefficients, **_tables(answer)}.items()
    }
    text = json.dumps({**whole, "notes": answer.notes}, ensure_ascii=False, allow_nan=False, indent=1)

    def write(file: IO[bytes]) -> None:
        file.write(f"{text}\n".encode())

    write_atomically(out, write)


def _show(answer: "Answer") -> None:
    from api.tabular import write_table

    typer.echo("Coefficients (95 % interval; errors robust, by person where --person is given)")
    write_table(_brief(answer.coefficients.drop(columns=["z", "se_classical"])), None)
    typer.echo("\nFit")
    write_table(answer.summary.assign(value=answer.summary["value"].map(_plain)), None)
    worth = answer.willingness.dropna(subset=["willingness_to_pay"]).rename(columns={"willingness_to_pay": "worth"})
    if not worth.empty:
        typer.echo("\nWillingness to pay: by how much dearer for one more of it, with 95 % interval")
        write_table(_brief(worth.drop(columns=["reason"])), None)
    for segment, rows in answer.elasticities.dropna(subset=["elasticity"]).groupby("segment", sort=False):
        who = "" if segment == "all" else f" ({segment})"
        typer.echo(f"\nPer cent of choices of each row, when the price of each column rises by 1 %{who}")
        write_table(_square(rows), None)
    if answer.shares is not None:
        typer.echo("\nShares of the choices held out")
        write_table(answer.shares, None)
    typer.echo()
    for note in answer.notes:
        typer.echo(note)


def _brief(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with what a row is about in one column, and p-values short."""
    of = table["alternative"].where(table["alternative"] == "", " of " + table["alternative"])
    segment = table["segment"].where(table["segment"].isin(["", "all"]), " in " + table["segment"])
    about = table["term"] + of + segment.replace("all", "")
    short = table.drop(columns=["alternative", "segment"]).assign(term=about)
    if "p_value" in short:
        short["p_value"] = short["p_value"].map(lambda p: "<0.0001" if p < 1e-4 else f"{p:.4f}")
    return short.rename(columns={"p_value": "p"})


def _plain(value: float) -> str:
    """A statistic: counts without decimals."""
    return f"{value:,.0f}" if value == round(value) and abs(value) >= 1 else f"{value:,.3f}"


def _square(rows: "pd.DataFrame") -> "pd.DataFrame":
    wide = rows.pivot_table(index="alternative", columns="on_price_of", values="elasticity", sort=False, observed=True)
    return wide.round(3).reset_index()
