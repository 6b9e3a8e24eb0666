"""Photographs: where the runs look in what they get right and wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from skin.analysis.blocks import Block, Group, Section, Words
from skin.analysis.cases import (
    Cases,
    Outcomes,
    confused,
    errors,
    main_confusions,
    right_of,
    uncertain,
    wrong_of,
)
from skin.analysis.caveats import never_saw
from skin.analysis.report import wording
from skin.analysis.report.context import Context
from skin.console import progress
from skin.errors import SkinError, name_some
from skin.runs import Run

if TYPE_CHECKING:
    from skin.analysis.gallery import Looked

RUNS = 4
"""At most so many runs stand side by side."""

_SIDE = 160  # of a photograph, in pixels: some 3 kB each
_OF_CLASS, _OF_CONFUSION, _OTHER_CONFUSIONS, _ERRORS, _UNCERTAIN = 2, 3, 2, 6, 6
_KEY, _TITLE = "gallery", "Where models look"


def section(context: Context) -> Section | None:
    """Give the best runs' heatmaps over the same held-out images; needs weights and dataset."""
    runs = [row.entry for row in context.comparison.ranked if row.entry.kind == "run"]
    if not runs:
        ensembles = name_some(row.entry.name for row in context.comparison.ranked)
        return _without(
            f"Heatmaps are of single models, and {ensembles} is an ensemble: name the runs that it "
            "is made of too, and the best of them are shown."
        )
    if context.dataset is None:
        return _without(f"No heatmaps: the images are not at hand. {context.missing}")
    outcomes = [Outcomes.of(entry.name, entry.task, entry.oof) for entry in runs]
    main, groups = _cases(outcomes[0])
    chosen = [*main, *(each for _, group in groups for each in group)]
    image_ids = list(dict.fromkeys(image_id for each in chosen for image_id in each.image_ids))
    folders = [Run(entry.folder) for entry in runs]
    looked, left_out = _look(context, folders, outcomes, image_ids)
    reasons = [Words(f"{name} is not shown: {why}", warning=True) for name, why in left_out]
    if not looked:
        return Section(_KEY, _TITLE, reasons)
    leaking = wording.leaking(context.comparison.ranked)
    names = [each.outcomes.name for each in looked]
    return Section(
        _KEY,
        _TITLE,
        [*reasons, *_blocks(main, groups, looked)],
        intro=_intro(outcomes[0], looked, [name for name in names if name in leaking]),
    )


def _cases(outcomes: Outcomes) -> tuple[list[Cases], list[tuple[str, list[Cases]]]]:
    """The confusions that matter most, and what else there is, by headings."""
    first, others = (
        [confused(outcomes, true, decided, _OF_CONFUSION) for true, decided, _ in pairs]
        for pairs in main_confusions(outcomes, _OTHER_CONFUSIONS)
    )
    classes = [
        of(outcomes, code, _OF_CLASS) for code in outcomes.task.codes for of in (right_of, wrong_of)
    ]
    return first, [
        ("The most frequent other confusions", others),
        (
            "The most confident errors, and the most uncertain images",
            [errors(outcomes, _ERRORS), uncertain(outcomes, _UNCERTAIN)],
        ),
        ("Each class, right and wrong", classes),
    ]


def _look(
    context: Context, runs: Sequence[Run], outcomes: Sequence[Outcomes], image_ids: Sequence[str]
) -> tuple[list[Looked], list[tuple[str, str]]]:
    """Explain the images with the first runs that can, and say why the others cannot."""
    # torch is loaded only for a report that has images to explain.
    from skin.analysis.gallery import explain_held_out, look  # noqa: PLC0415
    from skin.training.precision import choose_device  # noqa: PLC0415

    device = choose_device("auto")
    looked: list[Looked] = []
    left_out: list[tuple[str, str]] = []
    with progress() as bar:
        for run, known in bar.track(list(zip(runs, outcomes, strict=True)), description="heatmaps"):
            if len(looked) == RUNS:
                continue
            explained = explain_held_out(
                run,
                known,
                image_ids,
                methods=["all"],
                target=None,
                data_dir=context.data_dir,
                device=device,
            )
            try:
                looked.append(look(known, explained, _SIDE))
            except SkinError as error:
                left_out.append((run.name, str(error)))
    return looked, left_out


def _blocks(
    main: Sequence[Cases], groups: Sequence[tuple[str, list[Cases]]], looked: Sequence[Looked]
) -> Iterator[Block]:
    from skin.analysis.gallery import galleries  # noqa: PLC0415

    yield from galleries(main, looked)
    for title, cases in groups:
        blocks = galleries(cases, looked)
        if blocks:
            yield Group(title, blocks, closed=True)


def _intro(outcomes: Outcomes, looked: Sequence[Looked], leaking: Sequence[str]) -> str:
    shown = name_some((each.outcomes.name for each in looked), most=RUNS)
    return (
        f"Images chosen by the predictions of {outcomes.name}, the best run; heatmaps of {shown}. "
        f"Each image is shown to models that {never_saw(leaking)}. Images under one heading are of "
        "different lesions. Probabilities are the out-of-fold ones; the heatmaps are for the class "
        "that the run decided. Colour covers the image in proportion to the heat, each map divided "
        "by its own maximum, and the white line is at half of it; a map that is yellow all over "
        "prefers no place."
    )


def _without(why: str) -> Section:
    return Section(_KEY, _TITLE, [Words(why)])
