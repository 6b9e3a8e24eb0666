from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.analysis.statistics import Interval
from skin.config import find_config, load_config
from skin.data.scheme import parse_name
from skin.runs import OOF_KEYS
from skin.taxonomy import TASKS, Task, coarsen, mapping_between

SCRIPTS = Path(__file__).parents[1] / "scripts"
SEVEN, TWO = TASKS["isic2018"], TASKS["malignant"]
LESIONS = 140


sys.path.insert(0, str(SCRIPTS))
from compare_lib import table  # noqa: E402 - scripts are no package
from compare_lib.arms import ARMS  # noqa: E402 - as above

sys.path.pop(0)


def compare(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "compare.py"), *options]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)


def test_every_arm_is_a_config_that_loads():
    names = [arm.name for arm in ARMS]
    assert len(set(names)) == len(names)
    for arm in ARMS:
        load_config(find_config(arm.config), arm.settings)
        assert arm.reference is None or arm.reference in names
        assert arm.folds is None or parse_name(arm.folds) is not None


def test_an_arm_changes_its_reference():
    by_name = {arm.name: arm for arm in ARMS}
    for arm in ARMS:
        if arm.reference and arm.folds is None:
            other = by_name[arm.reference]
            configs = [load_config(find_config(one.config), one.settings) for one in (arm, other)]
            assert configs[0].differences(configs[1]), arm.name


def test_a_dry_run_prints_the_commands(tmp_path: Path):
    done = compare(tmp_path, "--dry-run", "--arm", "se", "--arm", "hybrid", "--seeds", "0,1")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("skin train")]
    assert len(lines) == 4
    assert "--name se-seed1 --set model.attention=se" in lines[2]
    assert "smote_tomek" in lines[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--arm", "sea"), "no 'sea' in the comparison: did you mean 'se'"),
        (("--group", "los"), "did you mean 'loss'"),
        (("--seeds", "a"), "'a': write numbers, as 0,1"),
        (("--no-training",), "holds no finished arm"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, options: tuple[str, ...], message: str):
    done = compare(tmp_path, *options, "--table", "x.csv")
    assert done.returncode != 0
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.csv").exists()


def predictions(task: Task, skill: float, seed: int) -> pd.DataFrame:
    """Of 140 lesions of an image each, those of fold 0."""
    fine = np.arange(LESIONS) % len(SEVEN)
    target = np.array(mapping_between(SEVEN, task))[fine]
    logits = np.random.default_rng(seed).normal(size=(LESIONS, len(SEVEN)))
    logits += skill * np.eye(len(SEVEN))[fine]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    shares = coarsen(shares, SEVEN, task)
    names = [f"ISIC_{i}" for i in range(LESIONS)]
    keys = dict(zip(OOF_KEYS, (names, names, 0, np.array(task.codes)[target]), strict=True))
    columns = [f"{kind}_{code}" for kind in ("prob", "logit") for code in task.codes]
    values = pd.DataFrame(np.hstack([shares, np.log(shares)]), columns=columns)
    return pd.concat([pd.DataFrame(keys), values], axis=1)


def write_run(
    root: Path,
    name: str,
    skill: float,
    task: Task = SEVEN,
    *,
    changed: tuple[str, ...] = (),
    fold: int = 0,
    **metadata: object,
) -> None:
    folder = root / "runs/comparison" / name / f"fold{fold}"
    folder.mkdir(parents=True)
    arm, _, number = name.rpartition("-seed")
    seed = int(number)
    known = next(each for each in ARMS if each.name == arm)
    settings = [*known.settings, f"data.folds={known.folds or 'k5-seed0'}", f"seed={seed}"]
    load_config(find_config(known.config), [*settings, *changed]).save(folder / "config.yaml")
    oof = predictions(task, skill, seed).assign(fold=fold)
    for column in ("image_id", "lesion_id"):
        oof[column] += f"_{fold}"
    oof.to_csv(folder / "oof.csv", index=False)
    values = {
        "task": task.name,
        "status": "finished",
        "parameters": 7,
        "seconds": 60.0,
        "leaking": False,
    } | metadata
    (folder / "metadata.json").write_text(json.dumps(values))


def bacc(frame: pd.DataFrame, task: Task) -> float:
    decided = frame[[f"prob_{code}" for code in task.codes]].to_numpy().argmax(1)
    right = np.array(task.codes)[decided] == frame["target"]
    return float(right.groupby(frame["target"]).mean().mean())


def test_the_table(tmp_path: Path):
    for seed in (0, 1):
        write_run(tmp_path, f"plain-seed{seed}", 2.0)
        write_run(tmp_path, f"se-seed{seed}", 4.0)
    write_run(tmp_path, "eca-seed0", 2.0)
    write_run(tmp_path, "soft-seed1", 4.0)
    write_run(tmp_path, "cbam-seed0", 4.0, changed=("training.epochs=9",))
    write_run(tmp_path, "published_binary-seed0", 4.0, TWO)
    write_run(tmp_path, "plain_leaking-seed0", 4.0, leaking=True)
    done = compare(tmp_path, "--no-training", "--table", "x.csv")
    assert done.returncode == 0, done.stderr
    assert "cbam-seed0 was trained otherwise: training.epochs: 3 -> 9" in done.stderr
    rows = pd.read_csv(tmp_path / "x.csv").set_index("arm")
    expected = ["plain", "se", "eca", "soft", "published_binary", "plain_leaking"]
    assert rows.index.tolist() == expected
    plain = [bacc(predictions(SEVEN, 2.0, seed), SEVEN) for seed in (0, 1)]
    better = [bacc(predictions(SEVEN, 4.0, seed), SEVEN) for seed in (0, 1)]
    assert rows.loc["plain", "bacc"] == pytest.approx(np.mean(plain), abs=1e-4)
    assert rows.loc["plain", "bacc_seed_sd"] == pytest.approx(np.std(plain, ddof=1), abs=1e-4)
    assert rows.loc["se", "seeds"] == "0 1"
    gap = np.mean(better) - np.mean(plain)
    assert rows.loc["se", "bacc_difference"] == pytest.approx(gap, abs=1e-4)
    assert rows.loc["se", "bacc_difference_low"] < gap < rows.loc["se", "bacc_difference_high"]
    assert rows["verdict"].fillna("").tolist() == [
        "",
        "gain",
        "noise",
        "uncertain gain",
        "uncertain gain",
        "leaks, not comparable",
    ]
    # Against one seed only, and against the seven classes' sums.
    assert rows.loc["eca", "bacc_difference"] == 0
    assert rows.loc["soft", "bacc_difference"] == pytest.approx(better[1] - plain[1], abs=1e-4)
    two = [bacc(predictions(TWO, skill, 0), TWO) for skill in (4.0, 2.0)]
    found = rows.loc["published_binary", ["bacc", "bacc_difference"]].tolist()
    assert found == pytest.approx([two[0], two[0] - two[1]], abs=1e-4)
    assert rows.loc["se", "command"].startswith("skin train -c mobilenetv2 --name se-seed0")
    assert rows.loc["se", "command"].endswith("--fold 0")


@pytest.mark.parametrize(
    ("interval", "corrected", "agree", "expected"),
    [
        (Interval(0.02, 0.01, 0.03), 0.01, True, "gain"),
        (Interval(-0.02, -0.03, -0.01), 0.01, True, "loss"),
        (Interval(0.02, -0.01, 0.05), 0.01, True, "noise"),
        (Interval(0.02, 0.01, 0.03), 0.20, True, "uncertain gain"),
        (Interval(-0.02, -0.03, -0.01), 0.01, False, "uncertain loss"),
    ],
)
def test_verdicts(interval: Interval, corrected: float, agree: bool, expected: str):
    assert table.verdict(interval, corrected, agree=agree) == expected


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.6 times 4, 3, 2, 1; none below the one before it."""
    found = table.holm([0.03, 0.01, 0.6, 0.02])
    assert found == pytest.approx([0.06, 0.04, 0.6, 0.06])


def test_no_fold_in_common_is_no_row(tmp_path: Path):
    write_run(tmp_path, "plain-seed0", 2.0)
    write_run(tmp_path, "se-seed0", 2.0)
    se = tmp_path / "runs/comparison/se-seed0"
    (se / "fold0").rename(se / "fold1")
    done = compare(tmp_path, "--no-training", "--table", "x.csv")
    assert done.returncode == 0, done.stderr
    assert "se: no fold and seed in common with plain yet" in done.stderr


def test_a_seed_with_more_folds_has_a_row_of_its_own(tmp_path: Path):
    for name in ("plain-seed0", "se-seed0", "plain-seed1", "se-seed1"):
        write_run(tmp_path, name, 2.0)
    for name in ("plain", "se"):
        write_run(tmp_path, f"{name}-seed0", 2.0, fold=1)
    done = compare(tmp_path, "--no-training", "--table", "x.csv")
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "x.csv", dtype={"seeds": str, "folds": str})
    found = rows[["arm", "seeds", "folds", "images"]].to_numpy().tolist()
    assert found == [
        [name, *row] for name in ("plain", "se") for row in (("0 1", "0", 140), ("0", "0 1", 280))
    ]
    assert rows["command"].str.endswith("--fold 0,1").tolist() == [False, True, False, True]
