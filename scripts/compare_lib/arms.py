"""What is compared, and with what."""

from __future__ import annotations

from dataclasses import dataclass

BASE = "mobilenetv2"

# A published recipe keeps what it is about; network, size and length are those of the comparison.
_BUDGET = (
    "model.backbone=mobilenetv2_100",
    "model.freeze=[conv_stem, bn1, blocks.0, blocks.1, blocks.2, blocks.3]",
    "data.image_size=112",
    "optimizer.lr=1e-3",
    "optimizer.head_lr_scale=1",
    "training.epochs=3",
    "training.freeze_epochs=0",
    "training.early_stopping=null",
    "training.tta=none",
    "sampler.epoch_images=8012",
)
_BEST_HYBRID = (
    "balance=[{step: oversample, to: MEL}, {step: downsample, to: 0.5}, {step: smote_tomek}]"
)


@dataclass(frozen=True)
class Arm:
    """One row of the table.

    Attributes:
        name: of the row, and of its runs.
        group: rows that belong together.
        reference: the arm that it is compared with; but for published recipes, which differ from
            `plain` in many ways, it differs from it in one.
        settings: `key=value` over the config.
        config: its name in `configs/`.
        folds: other folds than those of the comparison, by their name.
    """

    name: str
    group: str
    reference: str | None
    settings: tuple[str, ...] = ()
    config: str = BASE
    folds: str | None = None


def _attention() -> list[Arm]:
    blocks = ("se", "cbam", "eca", "soft", "channel_spatial")
    return [
        Arm("plain", "attention", None),
        *(Arm(block, "attention", "plain", (f"model.attention={block}",)) for block in blocks),
        Arm("hierarchical", "attention", "plain", ("model.head.kind=hierarchical",)),
        Arm("metadata_concat", "attention", "plain", ("model.metadata.fusion=concat",)),
        Arm("metadata_metablock", "attention", "plain", ("model.metadata.fusion=metablock",)),
    ]


def _one_change(group: str, changes: dict[str, tuple[str, ...]]) -> list[Arm]:
    """Arms on plain cross entropy with shuffled images, as many an epoch whatever the balance."""
    bare = ("sampler.kind=shuffle", "sampler.epoch_images=8012", "loss.prior_adjustment=0")
    return [Arm(name, group, "ce", bare + settings) for name, settings in changes.items()]


def _published() -> list[Arm]:
    references = {
        "published_soft_attention": "plain",
        "published_hierarchical": "plain",
        "published_se_baseline": "plain",
        "published_se": "published_se_baseline",
        "published_gradcam": "plain",
        "published_gradcam_metadata": "published_gradcam",
        "published_binary": "plain",
        "published_binary_smote": "published_binary",
    }
    # Of three epochs one is the first stage, where a recipe has two.
    stages = {"published_soft_attention": ("training.freeze_epochs=1",)}
    return [
        Arm(name, "published", reference, _BUDGET + stages.get(name, ()), config=name)
        for name, reference in references.items()
    ]


ARMS = (
    *_attention(),
    Arm("ce", "loss", "plain", ("sampler.kind=shuffle", "loss.prior_adjustment=0")),
    *_one_change(
        "loss",
        {
            "ce_inverse": ("loss.class_weights=inverse",),
            "ce_effective": ("loss.class_weights=effective",),
            "ce_smoothing": ("loss.label_smoothing=0.1",),
            "ce_prior": ("loss.prior_adjustment=1",),
            "focal": ("loss.kind=focal",),
            "focal_inverse": ("loss.kind=focal", "loss.class_weights=inverse"),
            "arc_margin": ("model.head.kind=arc_margin",),
            "multi_sample": ("model.head.kind=multi_sample", "model.dropout=0.5"),
            "mixup": ("mix.mixup=0.4",),
            "cutmix": ("mix.cutmix=1.0",),
        },
    ),
    *_one_change(
        "balance",
        {
            "sampler_even": ("sampler.kind=weighted", "sampler.power=1.0"),
            "oversample": ("balance=[{step: oversample, to: MEL}]",),
            "downsample_half": ("balance=[{step: downsample, to: 0.5}]",),
            "downsample_mel": ("balance=[{step: downsample, to: MEL}]",),
            "smote_tomek": ("balance=[{step: smote_tomek}]",),
            "hybrid": (_BEST_HYBRID,),
        },
    ),
    *_published(),
    Arm("plain_leaking", "protocol", "plain", folds="k5-seed0-image"),
)
