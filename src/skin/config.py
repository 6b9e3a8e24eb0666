"""The schema of an experiment's YAML file: keys, defaults, and how a file extends another.

A config names one variant and how it is trained. `extends:` names a base file beside it; a file
says only what differs. `--set training.epochs=3` on the command line sets any key, last.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from skin.errors import SkinError, did_you_mean
from skin.files import write_text

Positive = Annotated[int, Field(gt=0)]
Above = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
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


class ModelConfig(_Strict):
    """A variant: backbone + attention + metadata + head."""

    backbone: str = "resnet50"  # any timm model with a spatial feature map
    pretrained: bool = True
    weights: Path | None = None  # a local file of the backbone's weights, instead of the hub's
    freeze: tuple[str, ...] = ()  # submodules of the backbone that never learn, as its first layers
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
    to: Annotated[float | str, BeforeValidator(_share_or_code)] = 1.0
    neighbours: Positive = 5  # smote: that a synthetic image may be blended with


class MixConfig(_Strict):
    """Mixing the images of a batch: mixup (Zhang et al. 2018), CutMix (Yun et al. 2019)."""

    mixup: Annotated[float, Field(ge=0)] = 0.0  # alpha of the beta distribution; 0 is off
    cutmix: Annotated[float, Field(ge=0)] = 0.0  # as well; with both, each batch draws one
    probability: Fraction = 1.0  # that a batch is mixed at all


class SamplerConfig(_Strict):
    """Which images make an epoch."""

    kind: Literal["shuffle", "weighted"] = "shuffle"
    power: Fraction = 1.0  # a class is drawn in proportion to count^(1 - power); 1 is balanced
    epoch_images: Positive | None = None  # none: as many as the training part has


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
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.3  # on BACC, once per stale stretch
    plateau_patience: Annotated[int, Field(ge=0)] = 2


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
    early_stopping: Positive | None = None  # epochs without a better BACC
    tta: Literal["none", "dihedral"] = "none"  # for the out-of-fold predictions

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
        if mixed and self.model.metadata.fusion != "none":
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


def load_config(
    path: Path, settings: Iterable[str] = (), options: Mapping[str, object] | None = None
) -> Config:
    """Read a config with its bases and what the command line sets.

    Args:
        path: the file.
        settings: `key=value`, the value as YAML.
        options: keys and values that are taken as they are; those of none are left alone.

    Raises:
        SkinError: a file is missing or no YAML, a key is unknown (the nearest right one is
            named), or a value has the wrong type.
    """
    tree = _read(path, ())
    for setting in settings:
        key, value = _parse_setting(setting)
        _put(tree, key, value)
    for key, option in (options or {}).items():
        if option is not None:
            _put(tree, key, str(option))
    return parse_config(tree, str(path))


def find_config(name: str) -> Path:
    """Find a config by its file or, without folder and ending, by its name.

    Names are looked up in `configs/` here, then among those that come with the package.

    Raises:
        SkinError: there is none; the message lists those there are.
    """
    if Path(name).suffix or len(Path(name).parts) > 1:
        return Path(name)
    known = {path.stem: path for path in list_known_configs()}
    if name not in known:
        raise SkinError(f"no config '{name}': {did_you_mean(name, known)}")
    return known[name]


def list_known_configs() -> list[Path]:
    """The configs in `configs/` here and those that come with the package, by name.

    `base` and what ends in `_base` is there to be extended, and no experiment.
    """
    found: dict[str, Path] = {}
    for folder in (_packaged_configs(), Path("configs")):
        paths = [path for path in folder.glob("*.yaml") if path.stem.split("_")[-1] != "base"]
        found |= {path.stem: path for path in paths}
    return [found[stem] for stem in sorted(found)]


def _packaged_configs() -> Path:
    """Inside an installed package, or beside the sources in a checkout."""
    installed = Path(__file__).parent / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def parse_config(tree: Mapping[str, Any], origin: str) -> Config:
    """Validate a config's tree; `origin` is named in the error.

    Raises:
        SkinError: a key is unknown or a value has the wrong type.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise SkinError(f"{origin}: " + "; ".join(lines)) from None


def _read(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """Read one file and lay it over the file that it extends."""
    if path.resolve() in below:
        raise SkinError(f"{path} extends itself: {' -> '.join(p.name for p in below)}")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise SkinError(f"no config at {path}{_nearest_file(path)}") from None
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        raise SkinError(f"{path} is not a YAML file: {error}") from None
    if not isinstance(tree, dict):
        raise SkinError(f"{path} must hold keys and values, not a {type(tree).__name__}")
    base = tree.pop("extends", None)
    if base is None:
        return tree
    return _merge(_read(path.parent / str(base), (*below, path.resolve())), tree)


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` on `base`; mappings merge, lists and values replace."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _parse_setting(setting: str) -> tuple[str, object]:
    """Split `a.b=value`; the value is read as YAML."""
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise SkinError(f"--set {setting}: write key=value, as training.epochs=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SkinError(f"--set {setting}: the value is not YAML: {error}") from None
    if isinstance(value, str):
        with suppress(ValueError):  # YAML 1.1 reads 3e-4 as a string; users mean the number
            value = float(text)
    return key.strip(), value


def _put(tree: dict[str, Any], key: str, value: object) -> None:
    """Set the value of a dotted key."""
    *parents, leaf = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise SkinError(f"cannot set {key}: '{parent}' holds a value, not keys")
    tree[leaf] = value


def _explain(detail: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """One validation error in the user's words."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f", did you mean '{near[0]}'?" if near else ""
        return f"unknown key '{key}'{hint} (known there: {', '.join(known)})"
    if detail["type"] == "value_error":  # our own, which says what is wrong
        return f"{key}: {detail['ctx']['error']}" if key else str(detail["ctx"]["error"])
    return f"'{key}' is {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    """The keys that the schema has at `location`."""
    schema: type[BaseModel] = Config
    for part in location:
        if isinstance(part, int):  # a place in a list, whose items' schema is known by then
            continue
        annotation = schema.model_fields[str(part)].annotation
        annotation = next(iter(get_args(annotation)), annotation)
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        schema = annotation
    return list(schema.model_fields)


def _nearest_file(path: Path) -> str:
    """Name the files that the user may have meant."""
    files = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, files, n=3, cutoff=0.4)
    return f"; there are {', '.join(near or files)}" if files else ""


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
