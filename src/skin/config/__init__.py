"""The schema of an experiment's YAML file, and how it is read.

A config names one variant and how it is trained. `extends:` names a base file beside it; a file
says only what differs. `--set training.epochs=3` on the command line sets any key, last.
"""

from __future__ import annotations

from skin.config.loading import (
    find_config,
    list_known_configs,
    load_config,
    parse_config,
    read_value,
)
from skin.config.schema import (
    AugmentConfig,
    BalanceStep,
    Config,
    HeadConfig,
    LossConfig,
    MetadataConfig,
    MixConfig,
    ModelConfig,
    OptimizerConfig,
    SamplerConfig,
    ScheduleConfig,
    Transforms,
)

__all__ = [
    "AugmentConfig",
    "BalanceStep",
    "Config",
    "HeadConfig",
    "LossConfig",
    "MetadataConfig",
    "MixConfig",
    "ModelConfig",
    "OptimizerConfig",
    "SamplerConfig",
    "ScheduleConfig",
    "Transforms",
    "find_config",
    "list_known_configs",
    "load_config",
    "parse_config",
    "read_value",
]
