"""`key=value` on a LazyConfig, with what is wrong with it in one line."""

import difflib
import inspect
from collections.abc import Iterator, Sequence
from numbers import Real
from pydoc import locate
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from detection.d2 import LazyConfig


class OverrideError(ValueError):
    """A setting does not exist or cannot have this value; the message says which and why."""


def apply_overrides(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Change settings of a config in place.

    Settings are the values of the config, and the defaults of what it calls: `data.dataset.joined`
    is one although no config names it.

    Raises:
        OverrideError: there is no such setting, or its value is of another type.
    """
    known = dict(_settings(cfg, OmegaConf.to_container(cfg, resolve=False)))
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise OverrideError(f"{override!r} is not of the form key=value")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OverrideError(f"the config has no key {key!r}{hint}")
        try:
            LazyConfig.apply_overrides(cfg, [override])
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise OverrideError(f"{override}: cannot be read ({reason}); quote signs as in "
                                f"'{key}=\"...\"'") from error  # fmt: skip
        value = OmegaConf.select(cfg, key)
        if isinstance(known[key], str) and not isinstance(value, str):
            OmegaConf.update(cfg, key, text)  # it looks like something else: paths.real=2024
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=False)
        wanted = _wanted(known[key], value, text)
        if wanted:
            raise OverrideError(f"{override}: {key} is {wanted} (now {_shown(known[key])})")


def _settings(cfg: DictConfig, node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting below a node of the config, with its value."""
    if not isinstance(node, dict):
        return
    for name, default in _defaults(node.get("_target_")):
        if name not in node:
            yield f"{prefix}{name}", default
    for name, value in node.items():
        key = f"{prefix}{name}"
        refers = isinstance(value, str) and "${" in value
        yield key, OmegaConf.select(cfg, key) if refers else value
        yield from _settings(cfg, value, f"{key}.")


def _defaults(target: Any) -> Iterator[tuple[str, Any]]:
    """The arguments of a function or class, by its name or itself, that have a default."""
    if isinstance(target, str):
        target = locate(target)
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # nothing to call, or without a signature
        return
    for parameter in parameters:
        if parameter.default is not parameter.empty:
            yield parameter.name, parameter.default


def _wanted(example: Any, value: Any, text: str) -> str | None:
    """What a setting like `example` must be, if `value` is not; None if it is."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if isinstance(example, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(example, int):
        whole = number and isinstance(value, int)
        return None if whole else "a whole number such as 500"
    if isinstance(example, float):
        return None if number else "a number such as 0.001"
    if isinstance(example, list | tuple):
        if not isinstance(value, list):
            return f"a list, such as [{text}]"
        if example and all(isinstance(item, Real) for item in example):
            numbers = len(value) == len(example) and all(isinstance(v, Real) for v in value)
            return None if numbers else f"a list of {len(example)} numbers"
    if isinstance(example, dict) and not isinstance(value, dict):
        names = ", ".join(name for name in example if name != "_target_")
        return f"a group of settings: {names}; change one of them"
    return None


def _shown(value: Any) -> Any:
    return "a group" if isinstance(value, dict) else value
