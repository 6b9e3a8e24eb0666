"""From YAML files to a config, and what is wrong with them in the user's words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from skin.config.schema import Config
from skin.errors import SkinError, did_you_mean


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
    installed = Path(__file__).parents[1] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "configs"


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
        return key.strip(), read_value(text)
    except yaml.YAMLError as error:
        raise SkinError(f"--set {setting}: the value is not YAML: {error}") from None


def read_value(text: str) -> object:
    """Read a value as `--set` does."""
    value: object = yaml.safe_load(text)
    if isinstance(value, str):
        with suppress(ValueError):  # YAML 1.1 reads 3e-4 as a string; users mean the number
            value = float(text)
    return value


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
