"""What the runs say of many images, on disk as it comes, so that a stopped prediction goes on.

A shard is the runs' log-probabilities for some hundred images, how far the models disagree on each
and, where that is asked for, how little it is like what they learnt. It depends on the models, the
views and its own images alone, so a finished one stays good whatever becomes of the others.
Combining, calibration and decision come after it, and are no part of it.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.console import note
from skin.errors import SkinError
from skin.files import locked, read_json, remove_leftovers, replacing, write_json
from skin.inference.inputs import InputImage

SHARD_IMAGES = 512
_KEY = "key.json"
_PATTERN = "shard-*.npz"
# What numpy raises for a file that is not, or not wholly, what it wrote.
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class Shard(NamedTuple):
    """What the runs say of some of the inputs.

    Attributes:
        rows: (n,) the places of the whole files among the inputs, ascending.
        log_probabilities: (R, n, C).
        mutual_information: (n,) in nats, how far all models disagree; see `RunPredictions`.
        bad: a message for each file that is none.
        outlier: (n,) the ensemble's outlier score; none if it has no use of it.
    """

    rows: IntArray
    log_probabilities: FloatArray
    mutual_information: FloatArray
    bad: tuple[str, ...]
    outlier: FloatArray | None = None


class Shards:
    """The shards of one prediction.

    Finished shards of the same models and images are taken over; others are removed. A note says so
    where none is left to go on from.

    Args:
        folder: holds them; see `working_folder`.
        key: a hash of the models, their views and what else the log-probabilities depend on.
        inputs: the images.
        metadata: (N, M), a row for each; none if nothing is known.
        size: images a shard.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        inputs: Sequence[InputImage],
        metadata: NDArray[np.float32] | None = None,
        size: int = SHARD_IMAGES,
    ) -> None:
        self.inputs = inputs
        self.metadata = metadata
        self._folder = folder
        self._size = size
        self._finished = self._take_over({"models": key, "images": size})

    def __len__(self) -> int:
        return len(range(0, len(self.inputs), self._size))

    def finished(self) -> Iterator[Shard]:
        """Read the shards that are finished, in order of their images."""
        return (_load(self._path(number))[0] for number in sorted(self._finished))

    def bad(self) -> Iterator[str]:
        """Give a message for each file of the finished shards that is no whole image."""
        return (message for shard in self.finished() for message in shard.bad)

    @property
    def images_done(self) -> int:
        """How many inputs the finished shards cover."""
        return sum(len(self.span(number)) for number in self._finished)

    @property
    def missing(self) -> list[int]:
        """The numbers of the shards that are yet to be written."""
        return [number for number in range(len(self)) if number not in self._finished]

    def span(self, number: int) -> range:
        """The places among the inputs of a shard's images."""
        return range(len(self.inputs))[number * self._size : (number + 1) * self._size]

    def write(self, number: int, shard: Shard) -> None:
        """Write a shard, whole or not at all."""
        more: dict[str, Any] = {} if shard.outlier is None else {"outlier": shard.outlier}
        with replacing(self._path(number)) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                digest=np.array(self._digest(number)),
                rows=shard.rows,
                log_probabilities=shard.log_probabilities,
                mutual_information=shard.mutual_information,
                bad=np.array(shard.bad, dtype=np.str_),
                **more,
            )
        self._finished.add(number)

    def discard(self) -> None:
        """Remove all shards."""
        for number in self._finished:
            self._path(number).unlink()
        self._finished.clear()

    def _take_over(self, key: dict[str, Any]) -> set[int]:
        """Find the shards that are finished; remove the others, with a note if none stays."""
        there = sorted(self._folder.glob(_PATTERN))
        path = self._folder / _KEY
        finished = set()
        if path.exists() and _read_key(path) == key:
            finished = {number for number in range(len(self)) if self._is_finished(number)}
        good = {self._path(number) for number in finished}
        for shard in there:
            if shard not in good:
                shard.unlink()
        if there and not finished:
            note(
                f"{self._folder} holds a prediction by other models, or with other views, images "
                "or metadata: it begins anew"
            )
        write_json(path, key)
        return finished

    def _is_finished(self, number: int) -> bool:
        try:
            _, digest = _load(self._path(number))
        except _DAMAGED:
            return False
        return digest == self._digest(number)

    def _digest(self, number: int) -> str:
        """A hash of a shard's images, and of what is known of them."""
        span = self.span(number)
        images = [self.inputs[row] for row in span]
        lines = (f"{each.image_id}\t{each.ref}\t{each.size}\t{each.stamp}\n" for each in images)
        digest = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape"))
        if self.metadata is not None:
            digest.update(self.metadata[span.start : span.stop].tobytes())
        return digest.hexdigest()

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number:06d}.npz"


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """Hold a folder for shards while the block runs.

    It is removed when the block ends well, and also when it ends badly before there is a shard to
    go on from; then so are folders above it that were made for it.

    Raises:
        SkinError: another process holds it, or it cannot be written.
    """
    above = [path for path in folder.parents if not path.exists()]
    try:
        with locked(folder, "filled"):
            remove_leftovers(folder)
            ended_well = False
            try:
                yield folder
                ended_well = True
            finally:
                if ended_well or not any(folder.glob(_PATTERN)):
                    _remove(folder)
    finally:
        for path in above:
            with suppress(OSError):  # it holds something, as the submission
                path.rmdir()


def _remove(folder: Path) -> None:
    """Remove what this module wrote, and the folder unless it holds anything else."""
    for path in (*folder.glob(_PATTERN), folder / _KEY, folder / ".lock"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _load(path: Path) -> tuple[Shard, str]:
    """Read a shard and the digest of the images that it was made of."""
    with np.load(path, allow_pickle=False) as arrays:
        shard = Shard(
            arrays["rows"],
            arrays["log_probabilities"],
            arrays["mutual_information"],
            tuple(arrays["bad"].tolist()),
            arrays.get("outlier"),
        )
        return shard, str(arrays["digest"])


def _read_key(path: Path) -> object:
    """Read what a prediction was made of; what is damaged is like no other."""
    try:
        return read_json(path)
    except SkinError:
        return None
