"""Every config that comes with the project: it trains by its own protocol, and it can learn."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from skin.cli import app
from skin.config import Config, list_known_configs, load_config
from skin.data.loader import training_loader
from skin.data.scheme import parse_name
from skin.models.build import build_model
from skin.runs import Run
from skin.training.losses import ClassificationLoss
from skin.training.plan import FoldPlan, plan_fold, resolve

CONFIGS = {path.stem: path for path in list_known_configs()}
PUBLISHED = [name for name in CONFIGS if name.startswith("published_")]
# What makes any of them small; all else is the config's own.
SMALL = {
    "model.backbone": "test_resnet",
    "model.pretrained": "false",
    "model.head.units": "16",
    "data.image_size": "64",
    "training.batch_size": "8",
    "training.precision": "fp32",
    "runtime.device": "cpu",
    "runtime.workers": "0",
}
IMAGES = 8
STEPS = 200  # at most


def skin(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic HAM10000 with the folds that the configs name, and with labels of two others."""
    root = tmp_path_factory.mktemp("variants")
    data, source = root / "data", root / "source"
    skin("data", "synthetic", source, "--lesions", "140", "--test", "0", "--width", "96")
    skin("data", "add", "ham10000", source, "--short-side", "72", "--data-dir", data)
    skin("data", "folds", "ham10000", "--folds", "2", "--data-dir", data)
    for folds in {load_config(path).data.folds for path in CONFIGS.values()} - {None}:
        scheme = parse_name(str(folds))
        assert scheme is not None, f"nobody can tell how the folds '{folds}' are made"
        skin(*scheme.command("ham10000", str(folds)).split()[1:], "--data-dir", data)
    table = pd.read_csv(source / "HAM10000_metadata.csv")
    of_three = table["dx"].where(table["dx"].isin(["mel", "nv"]), "sk")
    # Of the keratoses and carcinomas that HAM10000 has in one class, every second lesion is each.
    half = pd.Series(["ak", "scc"] * len(table))[pd.factorize(table["lesion_id"])[0]].to_numpy()
    of_eight = table["dx"].where(table["dx"] != "akiec", half)
    columns = ("--lesion-column", "lesion_id", "--age-column", "age", "--sex-column", "sex")
    for name, dx in (("isic2017", of_three), ("isic2019", of_eight)):
        table.assign(dx=dx).to_csv(root / f"{name}.csv", index=False)
        skin(
            *("data", "add", "csv", source, root / f"{name}.csv", "--name", name, *columns),
            *("--short-side", "72", "--data-dir", data),
        )
        skin("data", "folds", name, "--folds", "2", "--data-dir", data)
    return data


def dataset_of(name: str) -> str:
    task = load_config(CONFIGS[name]).task
    return task if task in {"isic2017", "isic2019"} else "ham10000"


def small(name: str, **keys: str) -> Config:
    config = load_config(CONFIGS[name])
    chosen = {**SMALL, "data.dataset": dataset_of(name), **keys}
    if config.data.folds is None:
        chosen["data.folds"] = "k2-seed0"
    if not config.model.backbone.startswith("resnet"):
        # Of layers that the small network calls otherwise, and has fewer of.
        chosen |= {"model.freeze": "[]", "model.depth": "null"}
    return load_config(CONFIGS[name], [f"{key}={value}" for key, value in chosen.items()])


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_protocol_runs_from_its_config(name: str, data_dir: Path, tmp_path: Path):
    """Two epochs of 24 images: its folds, balancing, stages, loss, schedule and views."""
    config = small(name)
    folds = f"data.folds={config.data.folds}"
    settings = {
        **SMALL,
        "data.dataset": dataset_of(name),
        "training.epochs": "2",
        "training.freeze_epochs": str(min(1, config.training.freeze_epochs)),
        "sampler.epoch_images": "24",
    }
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    where = ("--data-dir", data_dir, "--runs-dir", tmp_path)
    skin("train", "-c", name, "--fold", "0", *given, "--set", folds, *where)
    run = Run(tmp_path / name)
    metadata, oof = run.fold(0).metadata(), run.oof()
    assert metadata["leaking"] == str(config.data.folds).endswith("-image")
    assert len(oof) == metadata["held_out_images"] > 0
    assert run.fold(0).history()["train_loss"].notna().all()
    probabilities = oof[[f"prob_{code}" for code in metadata["classes"]]]
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1)


def test_a_protocol_that_leaks_says_so():
    for name in PUBLISHED:
        config = load_config(CONFIGS[name])
        leaks = str(config.data.folds).endswith("-image")
        assert leaks == ("leaks" in config.description), name


def one_batch(plan: FoldPlan) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The first batch of the training, as the loop would see it."""
    batches = plan.order.batches(range(1))
    batch = next(training_loader(plan.train_images, batches, 0, pin_memory=False))
    metadata = None if plan.metadata is None else torch.from_numpy(plan.metadata)[batch.rows]
    return batch.images, torch.from_numpy(plan.targets)[batch.rows], metadata


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_overfits_a_small_batch(name: str, data_dir: Path):
    # Nothing may stand between the model and the batch: dropout, smoothing, a prior, no bias of
    # few images.
    plain = {"model.dropout": "0.1", "loss.label_smoothing": "0", "loss.prior_adjustment": "0"}
    plan = plan_fold(resolve(small(name, **plain), data_dir), 0)
    images, targets, metadata = one_batch(plan)
    assert len(images) == IMAGES
    torch.manual_seed(0)
    model = build_model(plan.config).train()
    learning = {
        n.partition(".")[0] for n, p in model.backbone.named_parameters() if p.requires_grad
    }
    assert not learning & set(plan.config.model.freeze)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    task = plan.experiment.task
    even = plan.order.class_distribution(len(task))
    loss = ClassificationLoss(plan.config.loss, plan.train_counts, even, task.tree)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    while len(losses) < STEPS and (not losses or losses[-1] > 0.02 * losses[0]):
        value = loss(model(images, metadata, targets), targets)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    right = (model(images, metadata).argmax(1) == targets).float().mean()
    assert losses[-1] < 0.1 * losses[0], f"from {losses[0]:.3f} to {losses[-1]:.3f}"
    assert right == 1.0
