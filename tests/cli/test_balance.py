from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skin.data.dataset import find_dataset
from skin.data.folds import Folds

HYBRID = "balance=[{step: oversample, to: 0.5}, {step: downsample, to: BKL}]"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_counts_before_and_after_each_step(work: Path, skin: Callable[..., object]):
    result = skin("data", "balance", "tiny", "--set", HYBRID)
    assert result.code == 0, result.err
    assert "oversample to 0.5" in result.out
    assert "downsample to BKL" in result.out
    dataset = find_dataset(work / "data")
    dx = dataset.table["dx"].iloc[Folds.load(dataset).split(0).train].value_counts()
    half = round(dx["nv"] / 2)
    bkl = max(half, dx["bkl"])
    cells = result.out.split()
    nv = cells.index("NV")
    assert [cell for cell in cells[nv : nv + 7] if cell.isdecimal()] == [
        str(dx["nv"]),
        str(dx["nv"]),
        str(min(dx["nv"], bkl)),
    ]
    df = cells.index("DF")
    assert [cell for cell in cells[df : df + 7] if cell.isdecimal()] == [
        str(dx["df"]),
        str(max(half, dx["df"])),
        str(min(max(half, dx["df"]), bkl)),
    ]


@pytest.mark.usefixtures("work")
def test_without_steps_there_is_one_column(skin: Callable[..., object]):
    result = skin("data", "balance", "tiny", "--fold", 1)
    assert result.code == 0, result.err
    assert "before" in result.out
    assert "of them synthetic" in result.out


@pytest.mark.usefixtures("work")
def test_mistakes_are_one_message(skin: Callable[..., object]):
    result = skin("data", "balance", "tiny", "--set", "balance=[{step: downsample, to: XX}]")
    assert result.code == 2
    assert "balance[0].to: no class 'XX'" in result.err
    assert skin("data", "balance", "tiny", "--fold", 9).code == 2
