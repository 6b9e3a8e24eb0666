"""What is recorded of a dataset's folds, and which of them are meant."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from skin.console import note
from skin.data.dataset import Dataset
from skin.data.scheme import Scheme, parse_name
from skin.errors import SkinError, did_you_mean
from skin.files import read_json


class FoldsInfo(Scheme):
    """The content of a folds' JSON; one without `holdout` and `split` is of k folds by lesion.

    Attributes:
        dataset_hash: of the dataset that was split.
        hash: SHA-256 of the folds' CSV.
        groups: number of groups, none of which is split; of an image split, the images.
        near_duplicates: pairs of images of different lesions that were joined.
        hash_bits: near-duplicates' largest distance of perceptual hashes, see `near_duplicates`;
            none where they were not looked for, as for an image split.
        correlation: near-duplicates' smallest correlation; none where not looked for.
    """

    dataset_hash: str
    hash: str
    groups: int
    near_duplicates: int
    hash_bits: int | None
    correlation: float | None


def load_info(path: Path) -> FoldsInfo:
    """Read a folds' JSON.

    Raises:
        SkinError: it is missing or damaged.
    """
    try:
        return FoldsInfo.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SkinError(
            f"{path}: {place}: {first['msg']}; make these folds again with --overwrite"
        ) from None


def list_folds(dataset: Dataset) -> list[str]:
    """The names of a dataset's folds, sorted."""
    return sorted(path.stem for path in (dataset.root / "folds").glob("[!.]*.json"))


def choose_folds(dataset: Dataset, name: str | None) -> str:
    """Check that there are folds of that name, or name the only ones that do not leak.

    Where there are k folds and holdouts, the k folds are meant.

    Raises:
        SkinError: there are none of that name (where the name says how they are made, so does
            the message), none that do not leak, or several and no name.
    """
    folder = dataset.root / "folds"
    names = list_folds(dataset)
    if name is None:
        infos = {each: load_info(folder / f"{each}.json") for each in names}
        honest = [each for each, info in infos.items() if not info.leaking]
        # Holdouts are for comparison with what others did, and are named where they are wanted.
        folds = [each for each in honest if not infos[each].holdout]
        return _choose_only(dataset, names, folds if len(folds) == 1 else honest)
    if name in names:
        return name
    scheme = parse_name(name)
    if scheme:
        command = f"`{scheme.command(dataset.name, name)}`"
        others = f", or choose from: {', '.join(names)}" if names else ""
        raise SkinError(
            f"dataset '{dataset.name}' has no folds '{name}': make them with {command}{others}"
        )
    known = did_you_mean(name, names) if names else "make some with `skin data folds`"
    raise SkinError(f"dataset '{dataset.name}' has no folds '{name}': {known}")


def _choose_only(dataset: Dataset, names: list[str], honest: list[str]) -> str:
    """Choose the only folds that do not leak; leaking ones must be named."""
    if not names:
        raise SkinError(f"dataset '{dataset.name}' has no folds; run `skin data folds` first")
    if not honest:
        raise SkinError(
            f"dataset '{dataset.name}' has only folds that leak: name them ({', '.join(names)}), "
            "or run `skin data folds` for folds by lesion"
        )
    if len(honest) > 1:
        raise SkinError(f"dataset '{dataset.name}' has several folds, name one: {', '.join(names)}")
    others = "" if names == honest else f" that are k folds and do not leak (of {', '.join(names)})"
    note(f"folds: {honest[0]}, the only ones of '{dataset.name}'{others}")
    return honest[0]
