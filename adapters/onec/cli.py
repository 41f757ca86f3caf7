"""``bridge onec``: what an integrator asks about an infobase."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapters.onec.odata import mapping
from adapters.onec.odata.check import Problem, compare, looks_like, named
from adapters.onec.odata.client import OdataClient
from adapters.onec.odata.mapping import DocumentMapping
from adapters.onec.odata.metadata import read_metadata
from adapters.onec.odata.money_forms import NUMBER
from adapters.onec.odata.numbers import NEWEST, NEWEST_ROWS, misnumbered
from adapters.onec.odata.references import dangling
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError

METADATA_S = 300.0
LOOK_UP_S = 60.0
# What the command that holds this group gives it: a way to read the settings, once they are needed.
ReadSettings = Callable[[], Any]


@click.group()
def onec() -> None:
    """Look at an infobase of 1C."""


@onec.command()
@click.option("--mapping", "name", help="Name or path of a mapping; that of the settings if left out.")
@click.option(
    "--metadata", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A saved $metadata."
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    help="A method buyers pay by; repeatable. If left out, any, and each that the mapping names.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
def check(
    read_settings: ReadSettings,
    name: str | None,
    file: Path | None,
    methods: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Compare a mapping with what the infobase publishes. Exits 1 if a posting would fail.

    References in the mapping and the numbers of documents are looked up, unless a saved $metadata is given.
    """
    try:
        name = name or _settings(read_settings).mapping
        found = mapping.load(name)
        methods = methods or tuple(named(found))
        problems, like = _differences(read_settings, found, file, methods)
    except BridgeError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        report = {
            "ok": not problems,
            "mapping": name,
            "methods": methods,
            "problems": [asdict(each) for each in problems],
            "looks_like": like,
        }
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        for each in problems:
            click.echo(f"{each.where}: {each.what}\n    {each.to_do}")
        click.echo(_summary(name, found.title, len(problems), like))
        click.echo(f"Payments and refunds were looked at by the methods {', '.join(methods)}.")
    raise SystemExit(1 if problems else 0)


@onec.command("mapping")
@click.argument("name")
def show(name: str) -> None:
    """Print a mapping that comes with the broker, to be edited."""
    if name not in mapping.shipped():
        raise click.ClickException(f"There is no mapping {name}. There are: {', '.join(mapping.shipped())}.")
    click.echo(mapping.find(name).read_text(encoding="utf-8"), nl=False)


def _summary(name: str, title: str, problems: int, like: list[str]) -> str:
    if not problems:
        return f"The mapping {name} ({title}) fits this infobase."
    hint = f" The infobase looks like {', '.join(like)}." if like and name not in like else ""
    return f"{problems} to mend in the mapping {name} ({title}).{hint}"


def _settings(read_settings: ReadSettings) -> OneCSettings:
    settings: OneCSettings | None = read_settings().onec
    if settings is None:
        raise click.ClickException(
            "No infobase is set up: BRIDGE_ONEC__BASE_URL, BRIDGE_ONEC__LOGIN, BRIDGE_ONEC__PASSWORD."
        )
    return settings


def _differences(
    read_settings: ReadSettings, found: DocumentMapping, file: Path | None, methods: Sequence[str]
) -> tuple[list[Problem], list[str]]:
    if file is not None:
        with file.open("rb") as stream:
            metadata = read_metadata(stream)
        return compare(found, metadata, methods), looks_like(metadata)
    client = OdataClient(_settings(read_settings))
    metadata = client.metadata(Deadline.after(METADATA_S))
    lost = dangling(found, metadata, lambda name, key: client.get(name, key, Deadline.after(LOOK_UP_S)) is not None)
    wrong = misnumbered(found, lambda name: _newest(client, name) if metadata.fields(name) is not None else ())
    return [*compare(found, metadata, methods), *lost, *wrong], looks_like(metadata)


def _newest(client: OdataClient, set_name: str) -> list[str]:
    rows = client.page(set_name, NEWEST, Deadline.after(LOOK_UP_S), top=NEWEST_ROWS)
    return [str(row.get(NUMBER) or "") for row in rows]
