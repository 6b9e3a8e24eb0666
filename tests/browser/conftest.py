"""A report of made-up predictions for the images of `toy`, and pages of it in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from skin.analysis.report import render, write_report
from skin.analysis.report.collect import collect
from skin.analysis.report.sections import browser, confusion, leaderboard
from skin.data.dataset import find_dataset
from skin.files import write_json
from skin.runs import oof_columns
from skin.taxonomy import get_task

if TYPE_CHECKING:
    from playwright.sync_api import Page

TASK = get_task("isic2018")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Report:
    """A written report.

    `truth` has a row an image: `image_id`, `lesion_id`, `fold`, `target`, and for each run its
    decision and the probabilities of the decided and the true class.
    """

    folder: Path
    truth: pd.DataFrame

    @property
    def url(self) -> str:
        return (self.folder / "index.html").as_uri()


def _shares(targets, wrong, seed) -> np.ndarray:
    """Give probabilities that are right but where `wrong`; there the next class is decided."""
    decided = np.where(wrong, (targets + 1) % len(TASK), targets)
    top = np.random.default_rng(seed).uniform(0.5, 0.95, len(targets))
    shares = np.repeat((1 - top)[:, None] / (len(TASK) - 1), len(TASK), axis=1)
    shares[np.arange(len(targets)), decided] = top
    return shares


def _write_run(folder, keys, shares, dataset) -> None:
    columns = oof_columns(TASK)[len(keys.columns) :]
    oof = keys.join(pd.DataFrame(np.hstack([shares, np.log(shares)]), columns=columns))
    for fold, part in oof.groupby("fold"):
        path = folder / f"fold{fold}"
        path.mkdir(parents=True)
        part.to_csv(path / "oof.csv", index=False)
        history = {
            "epoch": [1, 2],
            "stage": "all",
            "lr": 1e-3,
            "train_loss": [2.0, 1.0],
            "valid_loss": [2.1, 1.2],
            "valid_bacc": [0.5, 0.6],
            "valid_accuracy": [0.5, 0.7],
            "images_per_s": 100.0,
            "seconds": 1.5,
        }
        pd.DataFrame(history).to_csv(path / "history.csv", index=False)
        known = {
            "task": TASK.name,
            "status": "finished",
            "dataset": dataset.name,
            "dataset_hash": dataset.hash,
            "fold": int(fold),
            "best_epoch": 2,
            "epochs": 2,
            "seconds": 3.0,
            "images_per_s": 100.0,
            "parameters": 1000,
            "train_images": len(oof) - len(part),
            "leaking": False,
            "chosen_on_held_out": True,
            "tta": "none",
        }
        write_json(path / "metadata.json", known)


@dataclass(frozen=True)
class Made:
    """Where the runs are, and what is true of them; see `Report.truth`."""

    root: Path
    truth: pd.DataFrame

    def report(self, names: list[str], folder: str, data_dir: Path) -> Report:
        entries = collect(names, self.root / "runs", self.root / "ensembles")
        write_report(entries, self.root / folder, resamples=100, data_dir=data_dir)
        return Report(self.root / folder, self.truth)


@pytest.fixture(scope="session")
def made(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two runs: `alpha` errs at every fourth image, `beta` at every third; its first is a tie."""
    root = tmp_path_factory.mktemp("made")
    dataset = find_dataset(toy_data, "toy")
    table = dataset.table
    targets = table["dx"].map(TASK.index_by_dx()).to_numpy(dtype=np.int64)
    _, lesion = np.unique(table["lesion_id"], return_inverse=True)
    keys = pd.DataFrame(
        {
            "image_id": table["image_id"],
            "lesion_id": table["lesion_id"],
            "fold": lesion % 2,
            "target": np.array(TASK.codes)[targets],
        }
    )
    truth = keys.copy()
    place = np.arange(len(keys))
    for name, every, seed in (("alpha", 4, 0), ("beta", 3, 1)):
        shares = _shares(targets, place % every == 1, seed)
        if name == "beta":
            shares[0] = [0.3, 0.3, *[0.08] * 5]
        _write_run(root / "runs" / name, keys, shares, dataset)
        truth[name] = np.array(TASK.codes)[shares.argmax(axis=1)]
        truth[f"{name}_p"] = shares.max(axis=1)
        truth[f"{name}_pt"] = shares[place, targets]
    truth.loc[0, "beta"] = "tied"
    return Made(root, truth)


@pytest.fixture(scope="session")
def whole_report(made: Made, toy_data: Path) -> Report:
    """The report of both runs, with all its sections."""
    return made.report([], "whole", toy_data)


@pytest.fixture(scope="session")
def report(made: Made, toy_data: Path) -> Report:
    """The same with a few sections, which are quickly drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "SECTIONS", (leaderboard, confusion, browser))
        return made.report([], "report", toy_data)


@pytest.fixture(scope="session")
def bare_report(made: Made) -> Report:
    """The report of one of the runs, where its data set is not at hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "SECTIONS", (browser,))
        return made.report(["alpha"], "bare", made.root / "nowhere")


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """Start the system's Chromium, or skip and say what is missing."""
    sync_api = pytest.importorskip(
        "playwright.sync_api",
        reason="pages are not tried in a browser: `pip install playwright` drives one",
    )
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"pages are not tried in a browser: there is none of {', '.join(NAMES)}")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable)
        yield launched
        launched.close()


@pytest.fixture
def visit(chromium) -> Iterator[Callable]:
    """Open pages; at the end no one may have logged a warning, failed or asked the network."""
    complaints: list[str] = []
    contexts = []

    def watch(page) -> None:
        page.on("console", lambda it: complaints.append(f"{it.type}: {it.text}"))
        page.on("pageerror", lambda it: complaints.append(f"error: {it}"))
        page.on(
            "request",
            lambda it: None if it.url.startswith(("file:", "data:")) else complaints.append(it.url),
        )

    def open_page(url, **options) -> Page:
        contexts.append(
            chromium.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(5_000)
        watch(page)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def browse(visit, report) -> Callable:
    """Open the report's image browser at a view, as `true=MEL&show=all`."""

    def open_at(view="", **options) -> Page:
        page = visit(f"{report.url}#browser?{view}", **options)
        page.wait_for_selector(".browser .results:not([hidden])")
        return page

    return open_at
