"""What a dataset's images can be used for: the tasks they can train, the challenges they serve."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from skin.taxonomy import TASKS, Task, challenges_for


class TaskUse(BaseModel):
    """How a dataset's diagnoses fit a task.

    Attributes:
        task: its name.
        classes: images by the task's classes.
        outside: images whose diagnosis is in no class.
        missing: the classes that no image is of; the task cannot be trained then.
        challenges: those that a model of the task can make submissions to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    classes: Mapping[str, int]
    outside: int
    missing: tuple[str, ...]
    challenges: tuple[str, ...]


def uses_of(labels: Mapping[str, int]) -> tuple[TaskUse, ...]:
    """How a dataset fits each task.

    Args:
        labels: images by diagnosis.
    """
    return tuple(_use(task, labels) for task in TASKS.values())


def _use(task: Task, labels: Mapping[str, int]) -> TaskUse:
    index = task.index_by_dx()
    classes = dict.fromkeys(task.codes, 0)
    for dx, images in labels.items():
        if dx in index:
            classes[task.codes[index[dx]]] += images
    return TaskUse(
        task=task.name,
        classes=classes,
        outside=sum(labels.values()) - sum(classes.values()),
        missing=tuple(code for code, images in classes.items() if not images),
        challenges=tuple(challenge.name for challenge in challenges_for(task)),
    )
