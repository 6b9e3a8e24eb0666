"""Classes, their groups, and the columns of each challenge's submissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skin.errors import SkinError, did_you_mean


@dataclass(frozen=True)
class Diagnosis:
    """One class of a task.

    Attributes:
        code: the challenge's column name, as `MEL`.
        name: spelled out, as `Melanoma`.
        dx: the raw values of a dataset's `dx` column that mean this class.
        malignant: whether it counts as malignant (melanoma, carcinomas and their precursors).
        melanocytic: whether it grows from melanocytes.
    """

    code: str
    name: str
    dx: tuple[str, ...]
    malignant: bool
    melanocytic: bool


@dataclass(frozen=True)
class Task:
    """What a model predicts: an ordered set of classes."""

    name: str
    classes: tuple[Diagnosis, ...]

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def codes(self) -> tuple[str, ...]:
        """The classes' codes, in the order of every probability column."""
        return tuple(diagnosis.code for diagnosis in self.classes)

    @property
    def malignant(self) -> tuple[str, ...]:
        """The codes of the malignant classes."""
        return tuple(diagnosis.code for diagnosis in self.classes if diagnosis.malignant)

    def index_by_dx(self) -> Mapping[str, int]:
        """The class index for each raw diagnosis."""
        return {dx: i for i, diagnosis in enumerate(self.classes) for dx in diagnosis.dx}


@dataclass(frozen=True)
class Challenge:
    """A submission's format, and what the official scorer makes of it.

    Attributes:
        name: as `isic2018`.
        index: the index column's name.
        columns: the value columns, exact in name and case.
        task: the task whose codes are `columns`, if a model of this project predicts it.
    """

    name: str
    index: str
    columns: tuple[str, ...]
    task: str | None


_MEL = Diagnosis("MEL", "Melanoma", ("mel",), malignant=True, melanocytic=True)
_NV = Diagnosis("NV", "Melanocytic nevus", ("nv",), malignant=False, melanocytic=True)
_BCC = Diagnosis("BCC", "Basal cell carcinoma", ("bcc",), malignant=True, melanocytic=False)
_AKIEC = Diagnosis(
    "AKIEC",
    "Actinic keratosis / Bowen's disease",
    ("akiec",),
    malignant=True,
    melanocytic=False,
)
_BKL = Diagnosis("BKL", "Benign keratosis", ("bkl",), malignant=False, melanocytic=False)
_DF = Diagnosis("DF", "Dermatofibroma", ("df",), malignant=False, melanocytic=False)
_VASC = Diagnosis("VASC", "Vascular lesion", ("vasc",), malignant=False, melanocytic=False)

TASKS: Mapping[str, Task] = {
    "isic2018": Task("isic2018", (_MEL, _NV, _BCC, _AKIEC, _BKL, _DF, _VASC)),
}

CHALLENGES: Mapping[str, Challenge] = {
    "isic2017": Challenge("isic2017", "image_id", ("melanoma", "seborrheic_keratosis"), None),
    "isic2018": Challenge("isic2018", "image", TASKS["isic2018"].codes, "isic2018"),
    "isic2019": Challenge(
        "isic2019",
        "image",
        ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"),
        None,
    ),
    "isic2020": Challenge("isic2020", "image_name", ("target",), None),
}


def get_task(name: str) -> Task:
    """Look a task up.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name not in TASKS:
        raise SkinError(f"unknown task '{name}': {did_you_mean(name, TASKS)}")
    return TASKS[name]


def challenge_of(task: str) -> Challenge:
    """The challenge whose columns are a task's classes.

    Raises:
        SkinError: there is none.
    """
    for challenge in CHALLENGES.values():
        if challenge.task == task:
            return challenge
    raise SkinError(f"no challenge takes the classes of task '{task}'; see --format json")


def get_challenge(name: str) -> Challenge:
    """Look a challenge up.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name not in CHALLENGES:
        raise SkinError(f"unknown challenge '{name}': {did_you_mean(name, CHALLENGES)}")
    return CHALLENGES[name]
