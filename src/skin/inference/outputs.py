"""Which files a prediction writes, checked before the long work and not after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skin.ensembling.pipeline import Pipeline
from skin.errors import SkinError
from skin.files import require_writable
from skin.inference.submit import check_challenge
from skin.taxonomy import Challenge, challenge_of, get_challenge


@dataclass(frozen=True)
class Submission:
    """A submission that is to be written.

    Attributes:
        path: the CSV.
        challenge: its format.
        official_list: see `skin.inference.submit.submit`.
    """

    path: Path
    challenge: Challenge
    official_list: bool | None

    @property
    def parts(self) -> Path:
        """The folder beside it that holds what is predicted until it is written."""
        return self.path.with_name(f"{self.path.name}.parts")


def plan_submission(
    path: Path, challenge: str | None, task: str, *, official_list: bool | None
) -> Submission:
    """Check that a submission can be made and written.

    Args:
        path: the CSV to write.
        challenge: its format's name; none takes that of the task.
        task: what the models predict.
        official_list: see `skin.inference.submit.submit`.

    Raises:
        SkinError: the challenge is unknown or of other classes, or the file cannot be written.
    """
    form = get_challenge(challenge) if challenge else challenge_of(task)
    check_challenge(form, task, official_list=official_list)
    _require_file(path)
    return Submission(path, form, official_list)


def plan_cases(path: Path | None, submission: Submission | None, pipeline: Pipeline) -> Path | None:
    """Say where the cases go, if anywhere, and check that they can be written.

    Args:
        path: as the user names it; if none, beside the submission, if the models say more than
            probabilities.
        submission: none if none is written.
        pipeline: of the models.

    Raises:
        SkinError: the file cannot be written, or is the submission itself.
    """
    says_more = pipeline.conformal is not None or pipeline.referral is not None
    if path is None and submission is not None and says_more:
        path = submission.path.with_name(f"{submission.path.stem}_cases.csv")
    if path is None:
        return None
    if submission is not None and path.resolve() == submission.path.resolve():
        raise SkinError(f"--cases {path}: the submission is to be written there; name another file")
    _require_file(path)
    return path


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise SkinError(f"cannot write {path}: it is a folder; name a CSV in it")
    require_writable(path.parent)
