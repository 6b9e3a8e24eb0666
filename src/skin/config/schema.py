"""The schema of an experiment's YAML file: its keys, their defaults, and what fits together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from skin.errors import SkinError
from skin.files import write_text
from skin.views import Tta

Positive = Annotated[int, Field(gt=0)]
Above = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
_NEIGHBOURS = 5
Transforms = list[dict[str, dict[str, Any]]]


class _Strict(BaseModel):
    """Unknown keys are errors: a misspelt key must not train the wrong thing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """Which images, at which sizes."""

    dataset: str | None = None  # a folder under data/; none: the only one there
    folds: str | None = None  # a name under data/<dataset>/folds; none: the only one there
    short_side: Positive | None = None  # of the decoded cache; none: the only one there
    image_size: Positive = 224  # what the model sees, square
    # Images whose diagnosis is none of the task's classes: an error, or left out of the training.
    outside: Literal["error", "drop"] = "error"


class AugmentConfig(_Strict):
    """Albumentations pipelines: a list of `{Transform: {argument: value}}`.

    The project's own `Hair`, `Microscope`, `ShadesOfGray` and `RandAugment` stand beside those of
    albumentations; `OneOf`, `SomeOf`, `RandomOrder` and `Sequential` hold others. A transform that
    takes `size`, or `height` and `width`, gets `data.image_size` unless the file sets it.
    Normalisation is no transform: it is part of the model.
    """

    train: Transforms = []
    by_class: dict[str, Transforms] = {}  # class code -> what its images get instead of `train`
    evaluate: Transforms = []


class HeadConfig(_Strict):
    """What turns features into class log-probabilities."""

    kind: Literal["linear", "multi_sample", "arc_margin", "hierarchical"] = "linear"
    samples: Positive = 5  # multi_sample: dropout masks whose log-probabilities are averaged
    scale: Annotated[float, Field(gt=0)] = 30.0  # arc_margin: of the cosines
    margin: Annotated[float, Field(ge=0, lt=1.57)] = 0.3  # arc_margin: radians, in training only
    units: Positive = 512  # hierarchical: of the LSTM
    label_units: Positive = 50  # hierarchical: of a label's embedding
    decoding: Literal["product", "greedy"] = "product"  # hierarchical: how a path is chosen


class MetadataConfig(_Strict):
    """Age, sex and site beside the image; any of them may be missing."""

    fusion: Literal["none", "concat", "metablock"] = "none"
    units: Positive = 32  # concat: of the metadata's embedding
    dropout: Fraction = 0.1  # how often a known field is hidden in training

    @property
    def used(self) -> bool:
        """Whether the variant takes metadata at all."""
        return self.fusion != "none"


class ModelConfig(_Strict):
    """A variant: backbone + attention + metadata + head."""

    backbone: str = "resnet50"  # any timm model with a spatial feature map
    pretrained: bool = True
    weights: Path | None = None  # a local file of the backbone's weights, instead of the hub's
    depth: Positive | None = None  # a transformer's first blocks, without the rest; none: all
    freeze: tuple[str, ...] = ()  # submodules or parameters of the backbone that never learn
    mean: tuple[float, float, float] | None = None  # of pixels in 0 to 1; none: the backbone's own
    std: tuple[Above, Above, Above] | None = None  # 0.5 and 0.5 bring pixels to -1 to 1
    attention: str = "none"
    head: HeadConfig = HeadConfig()
    metadata: MetadataConfig = MetadataConfig()
    dropout: Fraction = 0.0  # before the classifier
    drop_path: Fraction = 0.0  # stochastic depth in the backbone, where it has it

    @model_validator(mode="after")
    def _samples_differ(self) -> ModelConfig:
        if self.head.kind == "multi_sample" and not self.dropout:
            raise ValueError("head.kind is multi_sample, whose samples differ by dropout: set it")
        return self


class LossConfig(_Strict):
    """Cross entropy or focal loss, and what is done about unequal classes."""

    kind: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0  # Lin et al. 2017; 0 is cross entropy
    # Of the images that an epoch draws, so that what a weighted sampler evens out counts once.
    class_weights: Literal["none", "inverse", "sqrt_inverse", "effective"] = "none"
    effective_beta: Annotated[float, Field(ge=0, lt=1)] = 0.999  # Cui et al. 2019
    label_smoothing: Fraction = 0.0
    prior_adjustment: Annotated[float, Field(ge=0)] = 0.0  # tau of Menon et al. 2021; 0 is off
    # Both are of the class probabilities along the task's tree, whatever head gives them.
    tree_steps: Literal["sum", "mean"] = "sum"  # over the decisions on the way to a class
    path_cosine: Annotated[float, Field(ge=0)] = 0.0  # weight of the path loss; 0 is off

    @model_validator(mode="after")
    def _corrects_once(self) -> LossConfig:
        if self.class_weights != "none" and self.prior_adjustment:
            raise ValueError(
                f"class_weights ({self.class_weights}) and prior_adjustment "
                f"({self.prior_adjustment:g}) both make up for rare classes, which together "
                "overshoots: set prior_adjustment to 0, or class_weights to none"
            )
        return self


def _share_or_code(value: object) -> object:
    """Take a number above 0 and up to 1, or a word."""
    if not isinstance(value, bool):
        with suppress(TypeError, ValueError):
            value = float(value)  # type: ignore[arg-type]
    if isinstance(value, float) and not 0 < value <= 1:
        raise ValueError(
            f"{value:g} is no share of the largest class: give above 0 to 1, or a code"
        )
    return value


class BalanceStep(_Strict):
    """One step of balancing the training part; steps apply in the order of the list.

    `to` is a size: a share of the largest class's images, or a class's code for as many as that
    class has. Larger classes are cut to it, or smaller ones raised to it.
    """

    step: Literal["downsample", "oversample", "smote", "tomek", "smote_tomek"]
    to: Annotated[float | str, BeforeValidator(_share_or_code)] = 1.0  # of all but tomek
    neighbours: Positive = _NEIGHBOURS  # smote: that a synthetic image may be blended with

    @model_validator(mode="after")
    def _keys_count(self) -> BalanceStep:
        # A saved config holds the defaults too, so what counts is whether a value is another.
        if self.step == "tomek" and self.to != 1:
            raise ValueError("to makes no difference to tomek: leave it out")
        if not self.step.startswith("smote") and self.neighbours != _NEIGHBOURS:
            raise ValueError(f"neighbours makes no difference to {self.step}: leave it out")
        return self


class MixConfig(_Strict):
    """Mixing the images of a batch: mixup (Zhang et al. 2018), CutMix (Yun et al. 2019)."""

    mixup: Annotated[float, Field(ge=0)] = 0.0  # alpha of the beta distribution; 0 is off
    cutmix: Annotated[float, Field(ge=0)] = 0.0  # as well; with both, each batch draws one
    probability: Fraction = 1.0  # that a batch is mixed at all


class SamplerConfig(_Strict):
    """Which images make an epoch; see `skin.data.order.TrainingOrder`."""

    kind: Literal["shuffle", "weighted", "undersample"] = "shuffle"
    power: Fraction = 1.0  # weighted: a class in proportion to count^(1 - power); 1 is balanced
    ratio: Above = 1.0  # undersample: images of all other classes for each of the smallest one
    epoch_images: Positive | None = None  # none: as many as the training part has
    # How often an image is drawn, by the dataset's column `source`; sources not named weigh 1.
    source_weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}

    @model_validator(mode="after")
    def _keys_count(self) -> SamplerConfig:
        if self.kind != "undersample" and self.ratio != 1:
            raise ValueError(f"ratio makes no difference to {self.kind}: leave it out")
        if self.kind == "undersample" and self.epoch_images:
            raise ValueError(
                "epoch_images makes no difference to undersample, whose epoch is as long as the "
                "smallest class and ratio say: leave it out"
            )
        return self


class OptimizerConfig(_Strict):
    """An optimizer of timm's factory."""

    name: str = "adamw"
    lr: Annotated[float, Field(gt=0)] = 3e-4
    head_lr_scale: Annotated[float, Field(gt=0)] = 1.0  # the new layers' lr over the backbone's
    weight_decay: Annotated[float, Field(ge=0)] = 0.05


class ScheduleConfig(_Strict):
    """The learning rate over the training."""

    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    min_lr_ratio: Fraction = 0.01  # the last lr over the first
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.3  # once per stale stretch
    plateau_patience: Annotated[int, Field(ge=0)] = 2


def _views(text: str) -> str:
    """Bring the name of views into its one form."""
    try:
        return str(Tta.parse(text))
    except SkinError as error:  # pydantic collects the errors of values
        raise ValueError(str(error)) from None


class TrainingConfig(_Strict):
    """The loop."""

    epochs: Positive = 30
    freeze_epochs: Annotated[int, Field(ge=0)] = 0  # first stage: only the new layers learn
    batch_size: Positive = 32
    eval_batch_size: Positive = 64
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = None
    select_by: Literal["bacc", "auc", "pauc"] = "bacc"  # what judges an epoch; see `Selection`
    early_stopping: Positive | None = None  # epochs without a better figure
    tta: Annotated[str, AfterValidator(_views)] = "none"  # of out-of-fold predictions; see `Tta`

    @model_validator(mode="after")
    def _both_stages_run(self) -> TrainingConfig:
        if self.freeze_epochs >= self.epochs:
            raise ValueError(
                f"freeze_epochs ({self.freeze_epochs}) must be fewer than epochs ({self.epochs})"
            )
        return self


class RuntimeConfig(_Strict):
    """What changes the speed and never the result; a run may go on under other values."""

    device: str = "auto"  # auto, cpu, cuda, cuda:1
    workers: Annotated[int, Field(ge=0)] | None = None  # loader processes; none: by the cores
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 120.0


class Config(_Strict):
    """One experiment."""

    description: str = ""
    task: str = "isic2018"
    seed: int = 0
    data: DataConfig = DataConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    balance: tuple[BalanceStep, ...] = ()
    mix: MixConfig = MixConfig()
    sampler: SamplerConfig = SamplerConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    training: TrainingConfig = TrainingConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Config:
        mixed = self.mix.mixup or self.mix.cutmix
        if mixed and self.model.head.kind == "arc_margin":
            raise ValueError("mix.*: a margin needs one class an image; drop mix, or arc_margin")
        if mixed and self.model.metadata.used:
            raise ValueError("mix.*: metadata cannot be mixed; drop mix, or model.metadata.fusion")
        if self.model.head.kind == "hierarchical" and self.model.metadata.fusion == "concat":
            raise ValueError(
                "model.metadata.fusion is 'concat', which joins pooled features, and the "
                "hierarchical head takes the map: use metablock"
            )
        return self

    def differences(self, other: Config) -> list[str]:
        """Say, a line a key, where the two would train differently."""
        mine, theirs = _flat(self.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
        return [
            f"{key}: {theirs.get(key)!r} -> {mine.get(key)!r}"
            for key in sorted(mine | theirs)
            if mine.get(key) != theirs.get(key)
            and not key.startswith("runtime.")
            and key != "description"
        ]

    def save(self, path: Path) -> None:
        """Write the whole resolved config as YAML."""
        write_text(path, yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
