"""The leaderboard as files: a page that needs no other, tables, two figures for a README."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from skin import __version__
from skin.analysis.drawing import Picture
from skin.analysis.leaderboard import curves, figures, members, tables, wording
from skin.analysis.leaderboard.sheets import (
    calibration_sheet,
    leaderboard_sheet,
    rules_sheet,
    steps_sheet,
    unknown_sheet,
)
from skin.analysis.pages import environment
from skin.ensembling.assessment import Assessment
from skin.files import replacing, require_writable

_OF_SEVERAL = ("members.svg", "gain.svg")
_OF_UNKNOWN = "unknown.csv"


def write_leaderboard(
    assessment: Assessment, folder: Path, *, name: str, command: str | None = None
) -> list[Path]:
    """Write the leaderboard, all of its files or none.

    The same assessment gives the same files, byte for byte. One run alone has no figures of
    members, and one that does not tell unknown lesions no table of these: `members.svg`, `gain.svg`
    and `unknown.csv` of an earlier ensemble in the folder are removed.

    Args:
        assessment: what to show.
        folder: made if need be.
        name: of the ensemble.
        command: that made it, if it is to be shown.

    Returns:
        The files that were written.

    Raises:
        SkinError: `folder` is a file or cannot be written into.
    """
    require_writable(folder)
    pictures = _pictures(assessment)
    files = {
        "index.html": _page(assessment, pictures, name, command).encode(),
        "leaderboard.csv": tables.leaderboard_table(assessment).to_csv(index=False).encode(),
        "steps.csv": tables.steps_table(assessment).to_csv(index=False).encode(),
        "calibration.csv": tables.calibration_table(assessment).to_csv(index=False).encode(),
        "rules.csv": tables.rules_table(assessment).to_csv(index=False).encode(),
        "leaderboard.md": tables.markdown(assessment).encode(),
    }
    for file, key in zip(_OF_SEVERAL, ("correlation", "gain"), strict=True):
        if key in pictures:
            files[file] = pictures[key].light
    if assessment.unknown is not None:
        files[_OF_UNKNOWN] = tables.unknown_table(assessment).to_csv(index=False).encode()
    with ExitStack() as stack:  # all are written before the first one is put in its place
        for file, content in files.items():
            stack.enter_context(replacing(folder / file)).write_bytes(content)
    for file in (*_OF_SEVERAL, _OF_UNKNOWN):
        if file not in files:
            (folder / file).unlink(missing_ok=True)
    return [folder / file for file in files]


def _page(
    assessment: Assessment, pictures: dict[str, Picture], name: str, command: str | None
) -> str:
    template = environment("skin.analysis.leaderboard").get_template("leaderboard.html.j2")
    return template.render(
        assessment=assessment,
        calibration=calibration_sheet(assessment),
        captions=wording.CAPTIONS,
        command=command,
        headline=wording.headline(assessment),
        leaderboard=leaderboard_sheet(assessment),
        name=name,
        notes=wording.notes(assessment),
        pictures=pictures,
        rules=rules_sheet(assessment),
        steps=steps_sheet(assessment),
        unknown=unknown_sheet(assessment),
        version=__version__,
        wording=wording,
    )


def _pictures(assessment: Assessment) -> dict[str, Picture]:
    """All figures that there are, by the keys of their captions."""
    every = {
        "ranking": figures.ranking_figure(assessment),
        "steps": figures.steps_figure(assessment),
        "correlation": members.correlation_figure(assessment),
        "disagreement": members.disagreement_figure(assessment),
        "gain": members.gain_figure(assessment),
        "reliability": curves.reliability_figure(assessment),
        "recall": figures.recall_figure(assessment),
        "risk": curves.risk_figure(assessment),
        "coverage": figures.coverage_figure(assessment),
    }
    return {key: picture for key, picture in every.items() if picture}
