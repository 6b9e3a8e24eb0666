"""What folds must hold to: every image once, nothing in two parts, no diagnosis left out."""

from __future__ import annotations

import pandas as pd

from skin.data.scheme import Scheme
from skin.errors import SkinError, name_some


def verify(images: pd.DataFrame, folds: pd.DataFrame, scheme: Scheme, name: str) -> None:
    """Check that folds cover a dataset's table once and share nothing that they must not.

    Args:
        images: the dataset's table.
        folds: the folds' table.
        scheme: how they were made; of an image split, lesions and patients may be shared.
        name: of the folds, for messages.

    Raises:
        SkinError: an image is missing or there twice, a lesion, patient or group is in two
            parts, or a part holds no image, or none of a class of which it should have a group.
    """
    if folds["image_id"].tolist() != images["image_id"].tolist():
        raise SkinError(f"{name} does not hold each image of the dataset once, in its order")
    unknown = sorted(set(folds["fold"]) - set(scheme.parts))
    if unknown:
        raise SkinError(
            f"{name} has {name_some(unknown)} in its column fold, where only "
            f"{name_some(scheme.parts, len(scheme.parts))} can be"
        )
    if not scheme.leaking:
        _require_whole(images, folds, name)
    counts = pd.crosstab(folds["fold"], images["dx"]).reindex(list(scheme.parts), fill_value=0)
    missing = counts.index[counts.sum(axis=1) == 0]
    if len(missing):
        raise SkinError(
            f"{name}: {scheme.parts[missing[0]]} holds no image at all; give it a larger share"
        )
    too_few = too_few_groups(images, folds, scheme)
    for dx in counts.columns.difference(too_few.index):
        empty = counts.index[counts[dx] == 0]
        if len(empty):
            remedy = "give it a larger share" if scheme.holdout else "use fewer folds"
            raise SkinError(
                f"{name}: {scheme.parts[empty[0]]} holds no image of class '{dx}', which has "
                f"{counts[dx].sum()} images; {remedy}, or add images of that class"
            )


def too_few_groups(images: pd.DataFrame, folds: pd.DataFrame, scheme: Scheme) -> pd.Series[int]:
    """The number of groups by diagnosis, of which the smallest part cannot expect even one."""
    groups = folds["group"].groupby(images["dx"].to_numpy()).nunique()
    return groups[groups < round(1 / min(scheme.shares))]


def _require_whole(images: pd.DataFrame, folds: pd.DataFrame, name: str) -> None:
    """Refuse folds that split a lesion, a patient or a group."""
    keys = images[["lesion_id", "patient_id"]].assign(group=folds["group"])
    for column in keys:
        parts = folds["fold"].groupby(keys[column].to_numpy()).nunique()
        split = parts.index[parts > 1]
        if len(split):
            raise SkinError(
                f"{name} leaks: {column} {name_some(split)} is in more than one part; "
                "make it again with --overwrite"
            )
