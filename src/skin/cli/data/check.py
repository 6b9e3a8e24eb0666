"""`skin data check`."""

from __future__ import annotations

from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir


def check(
    dataset: Annotated[
        str | None,
        typer.Argument(help="The dataset; the only one if not given.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Verify files, hashes, labels, cached images and folds; exit with 2 if any is wrong.

    Examples:
      skin data check

      skin data check ham10000
    """
    from skin.console import err, out
    from skin.data.check import check_dataset
    from skin.data.dataset import find_dataset

    findings = check_dataset(find_dataset(data_dir, dataset).root)
    for line in findings.good:
        out.print(f"ok       {line}", markup=False, soft_wrap=True)
    for line in findings.unseen:
        out.print(f"unseen   {line}", markup=False, soft_wrap=True)
    for line in findings.bad:
        err.print(f"wrong    {line}", markup=False, soft_wrap=True)
    if findings.bad:
        raise typer.Exit(2)
