"""What a probe under way has decided so far, kept in a file so that a stopped one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from skin.analysis.probes.store import Origin
from skin.console import note
from skin.files import write_text

Decided = Mapping[str, tuple[str, ...]]
"""Condition -> a class code for each image."""


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    settings: JsonValue
    by_fold: dict[int, dict[str, tuple[str, ...]]]


class Decisions:
    """Decisions by fold and condition.

    Args:
        path: the file; what it holds is gone on with if it is of the same origin and settings.
        origin: whose decisions.
        settings: what else they depend on.
    """

    def __init__(self, path: Path, origin: Origin, settings: BaseModel) -> None:
        self._path = path
        self._origin, self._settings = origin, settings.model_dump(mode="json")
        self._by_fold = self._found()

    def has(self, fold: int, condition: str) -> bool:
        """Whether a fold's images were decided in a condition."""
        return condition in self._by_fold.get(fold, {})

    def of(self, fold: int) -> Decided:
        """All decisions on a fold's images."""
        return self._by_fold[fold]

    def add(self, fold: int, decided: Decided) -> None:
        """Add decisions on a fold's images, and write all of them."""
        self._by_fold.setdefault(fold, {}).update(decided)
        content = _Content(origin=self._origin, settings=self._settings, by_fold=self._by_fold)
        write_text(self._path, content.model_dump_json())

    def close(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def _found(self) -> dict[int, dict[str, tuple[str, ...]]]:
        try:
            content = _Content.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError:
            note(f"{self._path} is of another version: beginning anew")
            return {}
        if (content.origin, content.settings) != (self._origin, self._settings):
            note(f"{self._path} is of other weights, images or settings: beginning anew")
            return {}
        note(f"going on with {self._path}")
        return content.by_fold
