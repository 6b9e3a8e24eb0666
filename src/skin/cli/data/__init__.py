"""`skin data`: fetch, add, pool, split, check and look at datasets."""

import typer

from skin.cli.data.add import add_app
from skin.cli.data.balance import balance
from skin.cli.data.catalogue import info, list_datasets
from skin.cli.data.check import check
from skin.cli.data.download import download_app
from skin.cli.data.explore import explore
from skin.cli.data.folds import folds
from skin.cli.data.pool import pool
from skin.cli.data.synthetic import synthetic

data_app = typer.Typer(
    help="Datasets: fetch, add, pool, split into folds, check, look at.", no_args_is_help=True
)
data_app.add_typer(download_app, name="download")
data_app.add_typer(add_app, name="add")
data_app.command("list")(list_datasets)
for _command in (info, pool, folds, check, explore, balance, synthetic):
    data_app.command()(_command)
