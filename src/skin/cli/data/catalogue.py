"""`skin data list` and `skin data info`: what is there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir


class Format(StrEnum):
    """How to show it."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.")]


def list_datasets(form: FormatOption = Format.TABLE, data_dir: DataDir = DATA_DIR) -> None:
    """List the datasets: images, lesions, patients, classes, folds, disk, licence, hash.

    A damaged one is listed with what is wrong with it.

    Examples:
      skin data list

      skin data list --format json
    """
    from pydantic import TypeAdapter

    from skin.console import note, out, warn
    from skin.data.catalogue import Damaged, Listed, listing_table
    from skin.data.catalogue import list_datasets as find_all

    found = find_all(data_dir)
    if form is Format.JSON:
        typer.echo(TypeAdapter(list[Listed | Damaged]).dump_json(found, indent=2))
        return
    if not found:
        note(f"no dataset under {data_dir}; `skin data add` adds one")
        return
    out.print(listing_table(found, out.width))
    for each in found:
        if isinstance(each, Damaged):
            warn(f"{each.name}: {each.error}")


def info(
    dataset: Annotated[
        str | None,
        typer.Argument(help="The dataset; the only one if not given.", show_default=False),
    ] = None,
    form: FormatOption = Format.TABLE,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Tell all of a dataset: diagnoses, sources, what is missing, folds, tasks, terms.

    Examples:
      skin data info isic2019

      skin data info isic2019 --format json
    """
    from skin.console import out
    from skin.data.catalogue import describe, description_tables
    from skin.data.dataset import find_dataset

    description = describe(find_dataset(data_dir, dataset))
    if form is Format.JSON:
        typer.echo(description.model_dump_json(indent=2))
        return
    for table in description_tables(description):
        out.print(table)
