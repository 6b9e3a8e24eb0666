"""Diagnoses as archives name them, classes, tasks, and the columns of each challenge."""

from skin.taxonomy.challenges import (
    CHALLENGES,
    Challenge,
    challenge_of,
    challenges_for,
    column_parts,
    get_challenge,
)
from skin.taxonomy.labels import LABELS, label_of, labels_within, merge_labels
from skin.taxonomy.tasks import OUTSIDE, TASKS, Diagnosis, Task, coarsen, get_task, mapping_between

__all__ = [
    "CHALLENGES",
    "LABELS",
    "OUTSIDE",
    "TASKS",
    "Challenge",
    "Diagnosis",
    "Task",
    "challenge_of",
    "challenges_for",
    "coarsen",
    "column_parts",
    "get_challenge",
    "get_task",
    "label_of",
    "labels_within",
    "mapping_between",
    "merge_labels",
]
