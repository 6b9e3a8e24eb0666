"""`downloads.json`: what was fetched into a folder, so that it can be verified without a host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from skin.data.hosts.remote import SIZE, Checked, RemoteFile, digests
from skin.errors import SkinError
from skin.files import read_json, write_json

RECORD = "downloads.json"


class FileRecord(BaseModel):
    """A file that was fetched.

    Attributes:
        url: where from.
        size: bytes.
        sha256: of its content, in hex; made here, not by the host.
        checked: what spoke for it, see `Checked.by`.
        date: when it was fetched, or found to be right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    size: int
    sha256: str
    checked: str
    date: str


class Record(BaseModel):
    """The content of `downloads.json`.

    Attributes:
        parts: the names of the files by what was asked for, as `isic2018 train`; only what is
            whole stands here.
        files: by name.
    """

    model_config = ConfigDict(extra="forbid")

    parts: dict[str, list[str]] = {}
    files: dict[str, FileRecord] = {}

    @property
    def datasets(self) -> list[str]:
        """The datasets that something was fetched of, sorted."""
        return sorted({part.split()[0] for part in self.parts})

    @classmethod
    def load(cls, folder: Path) -> Record:
        """Read a folder's record, empty if there is none.

        Raises:
            SkinError: it is damaged.
        """
        path = folder / RECORD
        if not path.is_file():
            return cls()
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise SkinError(
                f"{path}: {place}: {first['msg']}; delete it, and the files are checked anew"
            ) from None

    def save(self, folder: Path) -> None:
        """Write it, sorted."""
        tree = self.model_dump()
        write_json(folder / RECORD, {key: dict(sorted(tree[key].items())) for key in tree})

    def add(self, file: RemoteFile, path: Path, checked: Checked) -> None:
        """Take up a file that is right."""
        self.files[file.name] = FileRecord(
            url=file.url,
            size=path.stat().st_size,
            sha256=checked.sha256,
            checked=checked.by,
            date=datetime.now(UTC).date().isoformat(),
        )

    def holds(self, name: str, path: Path, url: str | None = None) -> bool:
        """Whether a file is here as it was fetched, from that URL if one is given."""
        known = self.files.get(name)
        return (
            known is not None
            and url in {None, known.url}
            and path.is_file()
            and path.stat().st_size == known.size
            and digests(path, ["sha256"])["sha256"] == known.sha256
        )

    def holds_surely(self, name: str, path: Path, url: str | None = None) -> bool:
        """As `holds`, and more than its size spoke for it then, so that no host need be asked."""
        return self.holds(name, path, url) and self.files[name].checked != SIZE

    def whole(self, part: str, folder: Path) -> Sequence[str]:
        """The names of a part's files if all are surely here as fetched; otherwise none."""
        names = self.parts.get(part, [])
        return names if all(self.holds_surely(name, folder / name) for name in names) else []
