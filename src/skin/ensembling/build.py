"""Making an ensemble of runs: its methods compared, the best one fitted, its folder written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from skin.analysis.metrics import FloatArray
from skin.console import progress
from skin.ensembling.assess import Assessor
from skin.ensembling.assessment import Assessment
from skin.ensembling.combine import METHODS, Method
from skin.ensembling.ensemble import (
    DESCRIPTION,
    Made,
    bundle,
    describe,
    remove_bundle,
    shared_tta,
)
from skin.ensembling.gather import gather
from skin.ensembling.nested import (
    Combined,
    Judged,
    best_run,
    choose,
    combine_nested,
    fits_of,
    judge,
    with_parts,
)
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan, Pipeline
from skin.ensembling.reevaluate import out_of_fold
from skin.ensembling.unknown.assess import assess_unknown
from skin.ensembling.unknown.choose import KEPT, fit_unknown, nested_odds, wanted_outliers
from skin.errors import SkinError, did_you_mean
from skin.files import locked, replacing, require_writable, sha256_file
from skin.runs import Run, logit_columns, oof_columns, score_columns

AUTO = "auto"
_UNKNOWN = "oof_unknown.csv"


@dataclass(frozen=True)
class Recipe:
    """What ensemble is wanted.

    Attributes:
        decision: the calibration and the rule.
        method: a key of `METHODS`, or `auto` for the best of those that serve.
        metadata: whether stackers may use age, sex and site.
        tta: the views; none takes the runs' own.
        single_view: whether the way is to begin before the test-time augmentation, which predicts
            the best run once more.
        bundled: whether the models are copied into the folder.
        resamples: of each bootstrap.
        seed: of the resamples.
        unknown: how lesions are told that are none of the classes, where the task has a column for
            them: an outlier score, `auto` for the best, or `none`.
        unknown_kept: the share of known images that is to be kept.
    """

    decision: DecisionPlan
    method: str = AUTO
    metadata: bool = False
    tta: str | None = None
    single_view: bool = False
    bundled: bool = False
    resamples: int = 2000
    seed: int = 0
    unknown: str = AUTO
    unknown_kept: float = KEPT


def build_ensemble(
    runs: Sequence[Run],
    folder: Path,
    recipe: Recipe,
    *,
    data_dir: Path,
    device: str = "auto",
    publish: Callable[[Assessment], object] = lambda _: None,
) -> Assessment:
    """Make an ensemble in `folder`, and assess it.

    The folder gets `ensemble.json`, the pipeline, and `oof.csv`: for each image the calibrated
    probabilities, and the scores with the decision rule in them, by everything that was fitted
    without its lesion. New images are predicted by all models of each run, whose mean is a little
    better than the one model an image that everything is fitted and judged on. For a task with a
    column of unknown lesions there is also `oof_unknown.csv`, with the odds of each held-out image,
    the unknown ones included, fitted likewise.

    Args:
        runs: of one task.
        folder: to make, or of an ensemble that is to be replaced.
        recipe: what is wanted.
        data_dir: where the dataset is, for other views and for metadata.
        device: to predict anew on.
        publish: writes more into the folder, before it counts as an ensemble.

    Raises:
        SkinError: the runs cannot stand together, a name is unknown, the folder holds something
            else, or something cannot be fitted on the runs.
    """
    _require_distinct(runs)
    _require_own(folder)
    tta = recipe.tta or shared_tta(runs)
    methods = choose_methods(recipe.method, len(runs), metadata=recipe.metadata)
    weights = _weights_of(runs)
    gathered = gather(
        runs, tta=recipe.tta, metadata=recipe.metadata, data_dir=data_dir, device=device
    )
    leaking = _any(runs, "leaking")
    oof, plan = with_parts(gathered, leaking=leaking), recipe.decision
    unknown, outliers = None, wanted_outliers(runs, oof, recipe.unknown)
    if outliers is not None:
        unknown = fit_unknown(outliers, recipe.unknown, recipe.unknown_kept)
    single_view = _single_view(runs, oof, recipe, data_dir, device)
    candidates = _fit(oof, methods)
    if recipe.method == AUTO:
        main, chosen = choose(AUTO, candidates, oof, plan)
        candidates.append(main)
    else:
        main = chosen = candidates[0]
    judged = judge(main, oof, plan)
    with progress() as bar:
        scoring = bar.add_task("bootstrap over lesions", total=None)
        assessor = Assessor(
            oof=oof,
            plan=plan,
            tta=tta,
            leaking=leaking,
            chosen_on_held_out=_any(runs, "chosen_on_held_out"),
            single_view=single_view,
            resamples=recipe.resamples,
            seed=recipe.seed,
            on_score=lambda: bar.advance(scoring),
        )
        assessment = assessor.assess(candidates, main, judged, chosen.name)
        if outliers is not None and unknown is not None:
            lines = assess_unknown(
                outliers,
                judged,
                unknown,
                recipe.unknown,
                task=oof.task,
                resamples=recipe.resamples,
                seed=recipe.seed,
            )
            assessment = replace(assessment, unknown=lines)
    with locked(folder, "made"):
        if _weights_of(runs) != weights:
            raise SkinError("a run was trained on while the ensemble was made; make it again")
        (folder / DESCRIPTION).unlink(missing_ok=True)  # what is half written is no ensemble
        remove_bundle(folder)
        ensemble = describe(
            bundle(runs, folder, unknown=unknown) if recipe.bundled else runs,
            folder,
            pipeline=_pipeline(chosen, oof, plan),
            made=Made(method=chosen.name, calibration=plan.calibration, rule=plan.rule.name),
            tta=tta,
            unknown=unknown,
        )
        with replacing(folder / "oof.csv") as temporary:
            _table(gathered, judged).to_csv(temporary, index=False)
        (folder / _UNKNOWN).unlink(missing_ok=True)
        if outliers is not None:
            odds = nested_odds(outliers, recipe.unknown, recipe.unknown_kept)
            with replacing(folder / _UNKNOWN) as temporary:
                outliers.table(oof.task, odds).to_csv(temporary, index=False)
        publish(assessment)
        ensemble.save(folder)
    return assessment


def choose_methods(name: str, runs: int, *, metadata: bool) -> list[Method]:
    """The method of that name, or for `auto` all that make sense for that many runs.

    Raises:
        SkinError: there is none of that name, or it does not serve here.
    """
    if name == AUTO:
        return [
            method
            for method in METHODS.values()
            if (metadata or not method.uses_metadata)
            and (runs > 1 or method.single or method.name == "mean")
            and (method.most_runs is None or runs <= method.most_runs)
        ]
    if name not in METHODS:
        hint = did_you_mean(name, [AUTO, *METHODS])
        raise SkinError(f"unknown method '{name}' of combining: {hint}")
    if METHODS[name].uses_metadata and not metadata:
        raise SkinError(f"the method '{name}' uses age, sex and site: say --metadata, too")
    most = METHODS[name].most_runs
    if most is not None and runs > most:
        raise SkinError(f"the method '{name}' takes at most {most} runs: try greedy")
    return [METHODS[name]]


def _fit(oof: OutOfFold, methods: Sequence[Method]) -> list[Combined]:
    parts = len(np.unique(oof.parts))
    with progress() as bar:
        fitting = bar.add_task("fitting", total=sum(fits_of(each, parts) for each in methods))
        return [combine_nested(oof, each, lambda: bar.advance(fitting)) for each in methods]


def _pipeline(chosen: Combined, oof: OutOfFold, plan: DecisionPlan) -> Pipeline:
    """Everything fitted on all images, for images to come."""
    decision = plan.fit(chosen.outer, oof.targets, oof.parts)
    return Pipeline(
        combiner=chosen.combiner,
        calibrator=decision.calibrator,
        rule=decision.rule,
        conformal=decision.conformal,
        referral=decision.referral,
    )


def _single_view(
    runs: Sequence[Run], oof: OutOfFold, recipe: Recipe, data_dir: Path, device: str
) -> FloatArray | None:
    """The best run's log-probabilities (N, C) without test-time augmentation, if wanted."""
    if not recipe.single_view:
        return None
    best = runs[best_run(oof, recipe.decision)]
    table = out_of_fold(best, "none", data_dir, device)
    return table[logit_columns(oof.task)].to_numpy(np.float64)


def _require_distinct(runs: Sequence[Run]) -> None:
    """Refuse a run that is named twice, and runs that share a name."""
    folders = [run.folder.resolve() for run in runs]
    twice = [run.name for run in runs if folders.count(run.folder.resolve()) > 1]
    if twice:
        raise SkinError(f"run '{twice[0]}' is named twice; name each once")
    names = [run.name for run in runs]
    shared = [name for name in names if names.count(name) > 1]
    if shared:
        raise SkinError(f"several runs are called '{shared[0]}'; rename the folder of all but one")


def _require_own(folder: Path) -> None:
    """Refuse a folder that holds something else, or cannot be written."""
    require_writable(folder)
    if not folder.is_dir() or (folder / DESCRIPTION).exists():
        return
    # What a kill left of an ensemble is no obstacle.
    strange = [path for path in folder.iterdir() if path.name not in {".lock", "oof.csv", _UNKNOWN}]
    if strange and not any(folder.glob("pipeline-*.json")):
        raise SkinError(f"{folder} is there and is no ensemble; choose another --name")


def _any(runs: Sequence[Run], key: str) -> bool:
    """Whether any fold's metadata says so."""
    return any(fold.metadata()[key] for run in runs for fold in run.finished_folds())


def _weights_of(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """The folders of all finished folds, with hashes of their weights."""
    folds = [fold for run in runs for fold in run.finished_folds()]
    return [(str(fold.folder), sha256_file(fold.weights)) for fold in folds]


def _table(oof: OutOfFold, judged: Judged) -> pd.DataFrame:
    """Probabilities and scores as a table of out-of-fold predictions."""
    codes = np.array(oof.task.codes)
    keys = pd.DataFrame(
        {
            "image_id": oof.image_ids,
            "lesion_id": oof.lesions,
            "fold": oof.parts,
            "target": codes[oof.targets],
        }
    )
    probabilities = judged.probabilities.clip(0, 1)  # rounding in the last bits may go beyond
    with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf
        values = np.hstack([probabilities, np.log(probabilities), judged.scores.clip(0, 1)])
    columns = [*oof_columns(oof.task)[len(keys.columns) :], *score_columns(oof.task)]
    return pd.concat([keys, pd.DataFrame(values, columns=columns)], axis=1)
