"""Compare both scorers' answers: `python -m check_scorer.compare FOLDER [GOLDEN]`.

With GOLDEN, also write the adversarial pairs and the official figures there, for the tests.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from check_scorer.pairs import adversarial_pairs
from skin.analysis.isic_metric import OFFICIAL, Metric
from skin.analysis.isic_score import score_files
from skin.console import err, out
from skin.errors import SkinError
from skin.files import read_json, write_text
from skin.taxonomy import get_challenge

TOLERANCE = 1e-12
CHALLENGES = {
    "isic2017": "no implementation; the AUC of each column is the official scorer's too",
    "isic2018": "the official scorer's",
    "isic2019": "the official scorer's",
    "isic2020": "Kaggle's; the AUC of its column is the official scorer's too",
    "isic2024": "Kaggle's; its partial AUC is the organisers' PAUC_SCORER",
}
"""Whose implementation scored a challenge, and what of it is compared."""
PAUC = f"overall/{Metric.PARTIAL_AUC}"


@dataclass
class Agreement:
    """What was compared, and what differs.

    Attributes:
        figures: how many values were compared, the undefined ones included.
        undefined: how many of them are undefined; where for one scorer alone, they differ.
        largest: the largest absolute difference.
        counts: pairs by how they were compared.
        challenges: pairs by challenge.
        differences: a line for each value that differs.
    """

    figures: int = 0
    undefined: int = 0
    largest: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    challenges: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, name: str, official: float | None, ours: float | None) -> None:
        """Compare one figure; None is undefined."""
        self.figures += 1
        if official is None or ours is None:
            self.undefined += 1
            difference = 0.0 if official is ours else math.inf
        else:
            difference = abs(official - ours)
        self.largest = max(self.largest, difference)
        if difference > TOLERANCE:
            self.differences.append(f"{name}: official {official}, ours {ours}")


def main() -> None:
    """Print the agreement; exit with 1 where the scorers disagree."""
    folder = Path(sys.argv[1])
    official = read_json(folder / "official.json")
    agreement = Agreement()
    for pair, answer in zip(read_json(folder / "pairs.json"), official["pairs"], strict=True):
        if pair["last_digits"] and not official["exact_decimals"]:
            agreement.counts["left out"] += 1
            continue
        agreement.counts["broke down" if answer["broke_down"] else "whole"] += 1
        agreement.challenges[pair["challenge"]] += 1
        metrics = list(OFFICIAL[:1] if answer["broke_down"] else OFFICIAL)
        if PAUC in answer["figures"]:
            agreement.counts[PAUC] += 1
            metrics.append(Metric.PARTIAL_AUC)
        ours = _figures(pair, metrics)
        for name, value in answer["figures"].items():
            agreement.add(f"{pair['name']}: {name}", value, ours[name])
    accepted = _accepted(folder)
    for name, theirs in official["accepted"].items():
        if theirs != accepted[name]:
            agreement.differences.append(f"file '{name}': official takes it: {theirs}")
    _report(agreement, official)
    if len(sys.argv) > 2:  # noqa: PLR2004 - the folder and GOLDEN
        _write_golden(Path(sys.argv[2]), official)
    sys.exit(1 if agreement.differences else 0)


def _figures(pair: dict[str, Any], metrics: Sequence[Metric]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    challenge = get_challenge(pair["challenge"])
    submission, truth = Path(pair["ours_submission"]), Path(pair["ours_truth"])
    for metric in metrics:
        answer: dict[str, Any] = score_files(submission, truth, challenge, metric).to_dict()
        figures[f"overall/{metric}"] = answer.pop("overall")
        figures[f"validation/{metric}"] = answer.pop("validation")
        figures |= _flat(answer)
    return figures


def _flat(figures: dict[str, Any], prefix: str = "") -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}/")
        else:
            flat[prefix + name] = value
    return flat


def _accepted(folder: Path) -> dict[str, bool]:
    accepted = {}
    for name, path in read_json(folder / "malformed.json").items():
        try:
            score_files(Path(path), folder / "malformed_truth.csv", get_challenge("isic2018"))
            accepted[name] = True
        except SkinError:
            accepted[name] = False
    return accepted


def _report(agreement: Agreement, official: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in official["versions"].items())
    accepted = sum(official["accepted"].values())
    counts = agreement.counts
    out.print(f"official scorer: {versions}")
    for name, whose in CHALLENGES.items():
        out.print(f"{name}, {agreement.challenges[name]} pairs: {whose}")
    out.print(
        f"pairs: {counts['whole']} scored as a whole by both, and {counts['broke down']} on which "
        "the official scorer breaks down and is asked for each figure"
    )
    out.print(
        f"partial AUC: {counts[PAUC]} pairs scored by the organisers' file"
        + ("" if counts[PAUC] else "; name it as PAUC_SCORER to compare it")
    )
    if counts["left out"]:
        out.print(
            f"left out: {counts['left out']} pairs that hang on the last digits of their decimals, "
            "which this scorer's pandas reads inexactly"
        )
    out.print(
        f"figures: {agreement.figures} compared, {agreement.undefined} of them undefined; "
        f"largest difference {agreement.largest:.3g} (allowed {TOLERANCE:.0e})"
    )
    out.print(
        f"files: {len(official['accepted'])}, of which the official scorer takes {accepted} and "
        f"rejects {len(official['accepted']) - accepted}"
    )
    for line in agreement.differences:
        err.print(f"differs: {line}", markup=False)
    out.print(f"{len(agreement.differences)} disagreements")


def _write_golden(path: Path, official: dict[str, Any]) -> None:
    """Write a line a pair: figures by class as a list, in the order of the columns."""
    lines = []
    for pair, answer in zip(adversarial_pairs(), official["pairs"], strict=False):
        if pair.last_digits and not official["exact_decimals"]:
            continue
        figures: dict[str, Any] = {}
        for name, value in answer["figures"].items():
            group, _, code = name.rpartition("/")
            if group.startswith("per_category/"):
                figures.setdefault(group.removeprefix("per_category/"), []).append(value)
            elif not group.startswith("macro_average"):
                figures.setdefault(group, {})[code] = value
        golden = {
            "name": pair.name,
            "challenge": pair.challenge,
            "images": list(pair.submission.index),
            "truth": pair.truth.loc[pair.submission.index].to_dict(orient="list"),
            "submission": pair.submission.to_numpy().tolist(),
            "official": figures,
        }
        lines.append(json.dumps(golden))
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
