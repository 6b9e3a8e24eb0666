"""The results of a probe that a report's rows have: which are current, and why others are not."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from skin.analysis.blocks import Words
from skin.analysis.probes.store import Result, read_result, require_table, why_stale
from skin.analysis.report.compare import Row
from skin.errors import SkinError

_Result = TypeVar("_Result", bound=Result)


class Probed(NamedTuple, Generic[_Result]):
    """A row and what its run's probe found."""

    row: Row
    result: _Result

    @property
    def marks(self) -> tuple[str, ...]:
        """The row's marks, and whether only some of its folds were probed."""
        folds, probed = len(self.row.entry.folds), len(self.result.origin.weights)
        return (*self.row.marks, *([f"{probed} of {folds} folds"] if probed < folds else []))


@dataclass(frozen=True, eq=False)
class Found(Generic[_Result]):
    """Results of one probe.

    Attributes:
        results: the rows that have a current one, in order, each with it.
        stale: run -> why its result is not shown.
        missing: runs that were not probed.
        command: that probes, as `skin probe robustness`.
        options: what it needs beside the runs, as ` --masks SOURCE`.
        leaking: the runs that the command is not proposed for, as their models may know what they
            are shown.
    """

    results: list[Probed[_Result]]
    stale: dict[str, str]
    missing: list[str]
    command: str
    options: str = ""
    leaking: set[str] = field(default_factory=set)

    @property
    def nothing(self) -> bool:
        """Whether no row is a run."""
        return not (self.results or self.stale or self.missing)

    def words(self) -> list[Words]:
        """Say what is not shown, and the command for it; nothing where all are."""
        again = [*self.stale, *self.missing]
        if not again:
            return []
        said = [f"{name}: {why}." for name, why in self.stale.items()]
        if self.missing:
            said.append(f"Not probed yet: {', '.join(self.missing)}.")
        if sound := [name for name in again if name not in self.leaking]:
            said.append(f"`{self.command} {shlex.join(sound)}{self.options}` measures this.")
        return [Words(" ".join(said), warning=bool(self.stale))]


def held_out_text(runs: Sequence[Probed[_Result]]) -> str:
    """Say which model sees an image; of a leaking run, it has been shown its lesion."""
    leaking = [row.entry.name for row, _ in runs if row.entry.leaking]
    if not leaking:
        return "Each image is shown to the model that never saw its lesion."
    return (
        "Each image is shown to the model that was not trained on it; the models of leaking runs "
        f"({', '.join(leaking)}) may have been trained on other images of its lesion."
    )


def find_results(
    rows: Sequence[Row],
    name: str,
    kind: type[_Result],
    *,
    options: str = "",
    outdated: Callable[[_Result], str] = lambda _: "",
) -> Found[_Result]:
    """Look for a probe's results in the runs among a report's rows; ensembles have none.

    Args:
        rows: of the report.
        name: the probe's.
        kind: what it leaves.
        options: what its command needs beside the runs.
        outdated: says why a result is of another version, as the end of a sentence; empty: it
            is not.
    """
    found: Found[_Result] = Found([], {}, [], f"skin probe {name}", options)
    for row in rows:
        if row.entry.kind != "run":
            continue
        folder, run = row.entry.folder, row.entry.name
        if row.entry.leaking:
            found.leaking.add(run)
        try:
            result = read_result(folder, name, kind)
            if result is None:
                found.missing.append(run)
                continue
            require_table(folder, name, result)
        except SkinError as error:
            found.stale[run] = str(error)
            continue
        if why := why_stale(folder, result) or outdated(result):
            found.stale[run] = f"its result is stale: {why}"
        else:
            found.results.append(Probed(row, result))
    return found
