"""Making an ensemble of runs: its methods compared, the best one fitted, its folder written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skin.analysis.metrics import FloatArray
from skin.console import progress
from skin.ensembling.assess import Assessor
from skin.ensembling.assessment import Assessment
from skin.ensembling.combine import METHODS, Method
from skin.ensembling.ensemble import Made, bundle, describe, shared_tta
from skin.ensembling.gather import gather
from skin.ensembling.nested import (
    Combined,
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
from skin.errors import SkinError, did_you_mean
from skin.files import locked, replacing
from skin.runs import Run, logit_columns, oof_columns

AUTO = "auto"


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
    """

    decision: DecisionPlan
    method: str = AUTO
    metadata: bool = False
    tta: str | None = None
    single_view: bool = False
    bundled: bool = False
    resamples: int = 2000
    seed: int = 0


def build_ensemble(
    runs: Sequence[Run], folder: Path, recipe: Recipe, *, data_dir: Path, device: str = "auto"
) -> Assessment:
    """Make an ensemble in `folder`, and assess it.

    The folder gets `ensemble.json`, the pipeline, and `oof.csv`: for each image, the scores by
    everything that was fitted without its lesion, with the decision rule in them. New images are
    predicted by all models.

    Raises:
        SkinError: the runs cannot stand together, a name is unknown, or something cannot be
            fitted on them.
    """
    tta = recipe.tta or shared_tta(runs)
    methods = choose_methods(recipe.method, len(runs), metadata=recipe.metadata)
    gathered = gather(
        runs, tta=recipe.tta, metadata=recipe.metadata, data_dir=data_dir, device=device
    )
    leaking = runs[0].finished_folds()[0].metadata()["leaking"]
    oof = with_parts(gathered, leaking=leaking)
    plan = recipe.decision
    single_view = None
    if recipe.single_view:
        best = runs[best_run(oof, plan)]
        single_view = out_of_fold(best, "none", data_dir, device)[logit_columns(best.task)]
    candidates = _fit(oof, methods)
    if recipe.method == AUTO:
        main, chosen = choose(AUTO, candidates, oof, plan)
        candidates.append(main)
    else:
        main = chosen = candidates[0]
    with progress() as bar:
        scoring = bar.add_task("bootstrap over lesions", total=None)
        assessor = Assessor(
            oof=oof,
            plan=plan,
            tta=tta,
            single_view=None if single_view is None else single_view.to_numpy(np.float64),
            resamples=recipe.resamples,
            seed=recipe.seed,
            on_score=lambda: bar.advance(scoring),
        )
        assessment = assessor.assess(candidates, main, chosen.name)
    with locked(folder, "made"):
        ensemble = describe(
            bundle(runs, folder) if recipe.bundled else runs,
            folder,
            pipeline=_pipeline(main, oof, plan),
            made=Made(method=chosen.name, calibration=plan.calibration, rule=plan.rule.name),
            tta=tta,
        )
        with replacing(folder / "oof.csv") as temporary:
            _table(gathered, judge(main, oof, plan).scores).to_csv(temporary, index=False)
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
    return [METHODS[name]]


def _fit(oof: OutOfFold, methods: Sequence[Method]) -> list[Combined]:
    parts = len(np.unique(oof.parts))
    with progress() as bar:
        fitting = bar.add_task("fitting", total=sum(fits_of(each, parts) for each in methods))
        return [combine_nested(oof, each, lambda: bar.advance(fitting)) for each in methods]


def _pipeline(main: Combined, oof: OutOfFold, plan: DecisionPlan) -> Pipeline:
    """Everything fitted on all images, for images to come."""
    decision = plan.fit(main.outer, oof.targets)
    return Pipeline(
        combiner=main.combiner,
        calibrator=decision.calibrator,
        rule=decision.rule,
        conformal=decision.conformal,
        referral=decision.referral,
    )


def _table(oof: OutOfFold, scores: FloatArray) -> pd.DataFrame:
    """The scores as a table of out-of-fold predictions."""
    codes = np.array(oof.task.codes)
    keys = pd.DataFrame(
        {
            "image_id": oof.image_ids,
            "lesion_id": oof.lesions,
            "fold": oof.parts,
            "target": codes[oof.targets],
        }
    )
    with np.errstate(divide="ignore"):  # a score of 0 is the log-probability -inf
        values = np.hstack([scores, np.log(scores)])
    columns = oof_columns(oof.task)[len(keys.columns) :]
    return pd.concat([keys, pd.DataFrame(values, columns=columns)], axis=1)
