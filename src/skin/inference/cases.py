"""Each image's case: the decision, how sure it is, and whether to refer it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from skin.files import replacing
from skin.inference.decisions import Decided, Decisions
from skin.taxonomy import Diagnosis, Task

COLUMNS = (
    "image",
    "decision",
    "probability",
    "entropy",
    "mutual_information",
    "set",
    "refer",
    "unknown",
)
_YES_NO = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True, slots=True)
class Case:
    """One image.

    Attributes:
        image_id: its id.
        probabilities: C, calibrated, in the task's order.
        decision: the class that the scores decide for; a rule need not take the likeliest.
        probability: of the decision, calibrated.
        entropy: of the probabilities, in nats.
        mutual_information: how far the models disagree, in nats.
        conformal: the codes of the conformal set; none if the models have none.
        refer: whether the case is too unsure to be decided; none likewise.
        unknown: whether it is taken for none of the classes, of which the decision is then the
            nearest; none if the models do not tell.
    """

    image_id: str
    probabilities: tuple[float, ...]
    decision: Diagnosis
    probability: float
    entropy: float
    mutual_information: float
    conformal: tuple[str, ...] | None
    refer: bool | None
    unknown: bool | None


class Written(NamedTuple):
    """How many cases a file holds, and how many of them are to be referred."""

    images: int
    referred: int


def cases_of(decisions: Decisions) -> Iterator[Case]:
    """Go through all images, in order."""
    for decided in decisions:
        for row in range(len(decided.image_ids)):
            yield _case(decided, row, decisions.task)


def write_cases(path: Path, decisions: Decisions) -> Written:
    """Write a CSV with a row an image.

    Probabilities keep their full precision; `set`, `refer` and `unknown` are empty if the models
    have none.

    Raises:
        SkinError: the file cannot be written.
    """
    images = referred = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for case in cases_of(decisions):
            images += 1
            referred += bool(case.refer)
            writer.writerow(
                (
                    case.image_id,
                    case.decision.code,
                    case.probability,
                    case.entropy,
                    case.mutual_information,
                    " ".join(case.conformal or ()),
                    _YES_NO[case.refer],
                    _YES_NO[case.unknown],
                )
            )
    return Written(images, referred)


def _case(decided: Decided, row: int, task: Task) -> Case:
    values = decided.probabilities[row].tolist()
    index = int(decided.scores[row].argmax())
    conformal = refer = unknown = None
    if decided.sets is not None:
        pairs = zip(task.codes, decided.sets[row], strict=True)
        conformal = tuple(code for code, inside in pairs if inside)
    if decided.refer is not None:
        refer = bool(decided.refer[row])
    if decided.unknown_odds is not None:
        unknown = bool(decided.unknown_odds[row] > 1)
    return Case(
        image_id=decided.image_ids[row],
        probabilities=tuple(values),
        decision=task.classes[index],
        probability=values[index],
        entropy=float(decided.entropy[row]),
        mutual_information=float(decided.mutual_information[row]),
        conformal=conformal,
        refer=refer,
        unknown=unknown,
    )
