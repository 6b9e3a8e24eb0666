"""What a pool came to, for the terminal."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from skin.data.pool.build import Pooled
from skin.errors import name_some


def summarise_pooled(pooled: Pooled) -> Table:
    """The pool's images and classes, where they came from, and what was joined and left out."""
    dataset, record = pooled.dataset, pooled.record
    images = dataset.table
    table = Table("", "", title=f"{dataset.name}: {pooled.done}", show_header=False)
    table.add_row("images", f"{len(images):,}")
    for part in record.parts:
        table.add_row(f"  of {part.name}", f"{part.pooled:,} of its {part.images:,}")
    table.add_row("lesions", f"{images['lesion_id'].nunique():,}")
    for dx, count in images["dx"].value_counts().items():
        table.add_row(f"  {dx}", f"{count:,}  ({count / len(images):.1%})")
    table.add_row("in several under one id", f"{len(record.same_id):,}")
    copies = Counter(pair.dropped for pair in record.same_photograph)
    table.add_row("copies under another id, joined to one lesion", f"{copies[False]:,}")
    if record.drop_copies:
        table.add_row("copies of other datasets under another id, left out", f"{copies[True]:,}")
    table.add_row("left out, as of a test set", f"{len(record.left_out):,}")
    for name, test in record.protected.items():
        table.add_row(f"  {name}", f"looked for {test.images:,}, found {test.found:,}")
    table.add_row("short sides cached", ", ".join(map(str, dataset.short_sides)))
    table.add_row("licence", dataset.licence)
    table.add_row("where", str(dataset.root))
    return table


def remarks(pooled: Pooled) -> list[str]:
    """What the user should know of: test images, contradictions, pictures that differ."""
    record = pooled.record
    full = f"; all are listed in {pooled.dataset.root / 'pool.json'}"
    said = []
    counts = Counter((image.test_set, image.dataset, image.found_by) for image in record.left_out)
    for (test_set, dataset, found_by), count in sorted(counts.items()):
        images = [
            image.image_id
            for image in record.left_out
            if (image.test_set, image.dataset, image.found_by) == (test_set, dataset, found_by)
        ]
        what = {"lesion": "show lesions", "patient": "are of patients"}.get(found_by, "are images")
        by = "" if found_by in {"lesion", "patient"} else f", found by {found_by}"
        said.append(
            f"{count:,} training images of {dataset} {what} of {test_set}{by}, and are left out: "
            f"{name_some(images)}{full}"
        )
    for name, test in record.protected.items():
        if test.given and not test.found:
            said.append(
                f"--protect {name}: none of its {test.images:,} images is in the training sets; "
                "are its ids written as theirs?"
            )
    if record.conflicts:
        listed = name_some(
            f"{one.image_id} ({one.dx} in {one.dataset}, {one.other_dx} in {one.other_dataset})"
            for one in record.conflicts
        )
        said.append(
            f"{len(record.conflicts):,} diagnoses contradict those of another dataset, and the one "
            f"named first counts: {listed}{full}"
        )
    differing = [one for one in record.same_id if one.differing]
    if differing:
        listed = name_some(
            f"{one.image_id} ({one.dataset} and {', '.join(one.differing)})" for one in differing
        )
        said.append(
            f"{len(differing):,} images are another photograph in another dataset under the same "
            f"id, and the one of the dataset named first is used: {listed}{full}"
        )
    return said
