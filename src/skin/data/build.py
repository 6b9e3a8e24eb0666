"""Building a dataset in a folder beside its place: its cache image by image, then its table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import imagehash
import pandas as pd
import PIL

from skin.console import note, progress, warn
from skin.data.cache import CacheWriter, ImageCache
from skin.data.dataset import Dataset, DatasetInfo, Skipped, SourceInfo, tidy, write_dataset
from skin.data.images import BadImageError
from skin.data.journal import Journal
from skin.data.scan import Facts, Result, Scanned, Wanted, scan
from skin.data.sources import Source
from skin.data.space import require_space
from skin.errors import SkinError, name_some
from skin.files import sha256_bytes

_JOURNAL = "journal.jsonl"


def build_dataset(
    source: Source,
    stage: Path,
    name: str,
    wanted: Wanted,
    existing: Dataset | None,
    *,
    skip_bad: bool,
) -> Dataset:
    """Write a dataset into a folder, going on with what a killed build of the same left there.

    Args:
        source: the images and their metadata.
        stage: the folder.
        name: of the dataset.
        wanted: what is kept of the images.
        existing: the dataset of that name that is there, whose pixels are taken where they fit.
        skip_bad: leave out images that cannot be read.

    Raises:
        SkinError: the source is not as it must be, or the disk is too small. What was read is
            kept for the next try, unless no image can be used.
    """
    metadata = source.read().sort_values("image_id", ignore_index=True)
    there, absent = _without_absent(source, metadata, skip_bad=skip_bad)
    refs = there["path"].tolist()
    stage.mkdir(exist_ok=True)
    for whole in (stage / "cache").glob("[!.]*"):  # of a build killed after its cache was done
        shutil.rmtree(whole)
    with CacheWriter(stage, *wanted, plan=_plan(source, refs, wanted)) as writer:
        known = _known(existing, wanted)
        with Journal(writer.folder / _JOURNAL, len(writer)) as journal:
            writer.truncate(journal.good)
            _tell_resumed(journal.count, len(refs))
            rest = refs[journal.count :]
            require_space(source.archive, rest, wanted, stage, len(refs))
            for image in _track(source, rest, wanted, known):
                if isinstance(image, Scanned):
                    _write(writer, image)
                journal.append(image)
            bad = _skipped(there, journal.bad())
            _judge_bad(bad, len(there), stage, skip_bad=skip_bad)
            table = tidy(there.join(journal.facts(), how="inner"))
        info = DatasetInfo(
            name=name,
            namespace=source.namespace,
            source=source_info(source),
            skipped=(*absent, *bad),
            licence=source.licence,
            citation=source.citation,
        )
        return write_dataset(stage, table, info)


def build_cache(source: Source, existing: Dataset, wanted: Wanted) -> None:
    """Cache the images of a dataset once more, going on with what a killed build left.

    Raises:
        SkinError: an image changed since, or the disk is too small.
    """
    refs = existing.table["path"].tolist()
    hashes = existing.table["sha256"].tolist()
    with CacheWriter(existing.root, *wanted, plan=_plan(source, refs, wanted)) as writer:
        done = len(writer)
        _tell_resumed(done, len(refs))
        require_space(source.archive, refs[done:], wanted, existing.root, len(refs))
        images = _track(source, refs[done:], wanted, lambda _: None)
        for ref, sha256, image in zip(refs[done:], hashes[done:], images, strict=True):
            if isinstance(image, BadImageError):
                raise image
            if image.facts.sha256 != sha256:
                raise SkinError(f"{ref} changed since '{existing.name}' was added; add it again")
            _write(writer, image)


def list_bad(skipped: Iterable[Skipped]) -> str:
    """Name some of the images that cannot be used, each with the reason."""
    return name_some(f"{bad.path or bad.image_id} ({bad.reason})" for bad in skipped)


def source_info(source: Source) -> SourceInfo:
    """What `dataset.json` says of a source."""
    return SourceInfo(
        reader=source.reader,
        path=str(source.archive.root),
        fingerprint=source.fingerprint(),
    )


def _plan(source: Source, refs: Sequence[str], wanted: Wanted) -> str:
    """All that the cache's bytes and the journal depend on."""
    plan = {
        "reader": source.reader,
        "fingerprint": source.fingerprint(),
        "images": sha256_bytes("\n".join(refs).encode("utf-8", "surrogateescape")),
        **wanted._asdict(),
        "pillow": PIL.__version__,
        "opencv": cv2.__version__,
        "imagehash": imagehash.__version__,
    }
    return json.dumps(plan, indent=2)


def _write(writer: CacheWriter, image: Scanned) -> None:
    data = image.data if isinstance(image.data, bytes) else image.data.data
    writer.append(data, image.size, image.facts.sha256, image.thumbnail)


def _track(
    source: Source, refs: Sequence[str], wanted: Wanted, known: Callable[[str], Scanned | None]
) -> Iterator[Result]:
    with progress() as bar:
        images = scan(source.archive, refs, wanted, known)
        yield from bar.track(images, total=len(refs), description="reading images")


def _tell_resumed(done: int, total: int) -> None:
    if done:
        note(f"{done:,} of {total:,} images were read before, and are gone on after")


def _known(existing: Dataset | None, wanted: Wanted) -> Callable[[str], Scanned | None]:
    """Give by hash the images whose pixels are cached already, and not damaged."""
    if (
        existing is None
        or wanted.store != "pixels"
        or wanted.short_side not in existing.short_sides
        or existing.info.parts
    ):
        return lambda _: None
    cache = existing.open_cache(wanted.short_side)
    if not isinstance(cache, ImageCache) or cache.store != "pixels":
        return lambda _: None
    rows = {sha256: row for row, sha256 in enumerate(existing.table["sha256"])}
    width, height, phash = (
        existing.table[name].to_numpy() for name in ("width", "height", "phash")
    )

    def find(sha256: str) -> Scanned | None:
        row = rows.get(sha256)
        if row is None or not cache.is_whole(row):  # the new checksum would vouch for the damage
            return None
        facts = Facts(int(width[row]), int(height[row]), sha256, phash[row])
        return Scanned(facts, cache[row], cache.thumbnails[row])

    return find


def _without_absent(
    source: Source, metadata: pd.DataFrame, *, skip_bad: bool
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Take out the rows whose image is not there; before any image is read."""
    absent = metadata.loc[metadata["path"].isna(), "image_id"]
    if absent.empty:
        return metadata, []
    where = f"{len(absent):,} of {len(metadata):,} images have no file in {source.archive.root}"
    hint = f"; {source.missing_hint}" if source.missing_hint else ""
    if len(absent) == len(metadata):
        raise SkinError(f"{where}: {name_some(absent)}{hint}; add what is missing")
    if not skip_bad:
        raise SkinError(
            f"{where}: {name_some(absent)}{hint}; "
            "add what is missing, or leave their rows out with --skip-bad"
        )
    warn(f"{where}, and their rows are left out: {name_some(absent)}{hint}")
    skipped = [Skipped(image_id=image, path="", reason="there is no such file") for image in absent]
    return metadata[metadata["path"].notna()].reset_index(drop=True), skipped


def _skipped(metadata: pd.DataFrame, bad: dict[int, str]) -> list[Skipped]:
    ids, refs = metadata["image_id"], metadata["path"]
    return [
        Skipped(image_id=ids[row], path=refs[row], reason=reason) for row, reason in bad.items()
    ]


def _judge_bad(skipped: list[Skipped], count: int, stage: Path, *, skip_bad: bool) -> None:
    if not skipped:
        return
    if len(skipped) == count:
        shutil.rmtree(stage)
        raise SkinError(f"none of the {count} images can be used: {list_bad(skipped)}")
    if not skip_bad:
        raise SkinError(
            f"{len(skipped)} of {count} images cannot be used: {list_bad(skipped)}; mend them, or "
            f"leave them out with --skip-bad, which takes the others from {stage}, read already"
        )
    warn(f"{len(skipped)} of {count} images cannot be used and are left out: {list_bad(skipped)}")
