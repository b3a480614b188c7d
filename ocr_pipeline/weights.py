"""Weights files: safetensors in half precision that carry their model's config and charset."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import resources
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
from omegaconf import OmegaConf
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_arrays
from safetensors.torch import save
from torch import nn

from detection.d2 import instantiate
from detection.detector import Detector
from detection.quantized import is_quantizable
from detection.quantized import quantize as quantize_detector
from ocr_pipeline.device import inference_dtype, multiplies_bytes
from ocr_pipeline.files import atomic
from ocr_pipeline.folding import fold_batch_norms
from quantization.ranges import Ranges
from recognition.codec import Codec, split_symbols
from recognition.decoding import beam_decode, greedy_decode
from recognition.language import ORDER, LanguageModel, Tables
from recognition.lexicon import Lexicon, Words
from recognition.model import CRNN
from recognition.quantized import quantize as quantize_recognizer
from recognition.recognizer import Decode, Recognizer
from recognition.transfer import transfer_head

#: A weights file names the classes to build. Only what these packages define may be named: a file
#: from a stranger must not run code of its choice.
_TRUSTED = ("detection.", "recognition.", "detectron2.modeling.", "detectron2.layers.")

SHIPPED = resources.files("ocr_pipeline") / "weights"


class WeightsError(ValueError):
    """A weights file is missing, damaged, or not for this stage; the message says which."""


def save_weights(path: Path, model: nn.Module, config: Any, **extras: Any) -> None:
    """Write the model's state and what is needed to build and use it, whole or not at all.

    `extras` are `charset` and `confidence_exponent` (a recognizer's) or `resolution` (a detector's,
    arguments of `Detector`) and `calibration`, and either's `ranges` (see `quantization`).
    Parameters are stored as float16; statistics of batch norms stay float32 (their variances
    may exceed float16's range).
    """
    state = {
        name: value.half() if value.is_floating_point() and "running_" not in name else value
        for name, value in model.state_dict().items()
    }
    metadata = {"model": json.dumps(_plain(config))}
    metadata |= {name: json.dumps(_plain(value)) for name, value in extras.items()}
    with atomic(path) as file:
        file.write(save({name: value.contiguous() for name, value in state.items()}, metadata))


def load_model(path: Path, device: torch.device) -> tuple[nn.Module, dict[str, str]]:
    """Build the model that a weights file describes, with its weights, in float32.

    Returns:
        The model in evaluation mode on `device`, and the file's metadata.
    """
    state, metadata = _read(path)
    if "model" not in metadata:
        raise WeightsError(f"{path}: no model config inside; use a file that ocr-train wrote")
    config = json.loads(metadata["model"])
    _check_trusted(config, path)
    try:
        model = instantiate(OmegaConf.create(config))
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"{path}: does not fit this version of its model ({error})") from error
    _fill(model, state, path)
    return model.to(device, memory_format=torch.channels_last).eval(), metadata


def load_state(model: nn.Module, path: str | Path, *, charset: str = "") -> None:
    """Load a weights file into a model already built, to train on from it.

    With the model's `charset`, the head of a recognizer that knows another one is carried over
    (`recognition.transfer`).
    """
    state, metadata = _read(Path(path))
    known = json.loads(metadata.get("charset", '""'))
    if charset and known not in ("", charset):
        state["head.weight"], state["head.bias"] = transfer_head(
            state["head.weight"],
            state["head.bias"],
            old=split_symbols(known),
            new=split_symbols(charset),
        )
    _fill(model, state, path)


def read_calibration(path: str | Path) -> dict[str, Any]:
    """How sure a weights file's model is: the `calibration` (midpoint, slope) of a detector, the
    `confidence_exponent` of a recognizer, as far as it has them."""
    _, metadata = _read(Path(path))
    names = ("calibration", "confidence_exponent")
    return {name: json.loads(metadata[name]) for name in names if name in metadata}


def read_metadata(path: str | Path | None, stage: str) -> tuple[Path, dict[str, str]]:
    """Where the weights of a stage are (the shipped ones by default), and their metadata.

    Args:
        stage: "detection" or "recognition".
    """
    source = _locate(path, "recognizer" if stage == "recognition" else "detector")
    _, metadata = _read(source)
    if "model" not in metadata:
        raise WeightsError(f"{source}: no model config inside; use a file that ocr-train wrote")
    if ("charset" in metadata) != (stage == "recognition"):
        raise WeightsError(f"{source}: these weights are of the other stage, not of {stage}")
    _check_trusted(json.loads(metadata["model"]), source)
    return source, metadata


def load_detector(path: str | Path | None, device: torch.device) -> Detector:
    """The detection stage from a weights file, or from the shipped one.

    On CPUs that multiply bytes in hardware it works in bytes, if the file says in what ranges.
    """
    source = _locate(path, "detector")
    model, metadata = load_model(source, device)
    if isinstance(model, CRNN):
        raise WeightsError(f"{source}: these are a recognizer's weights; give --recognizer them")
    resolution = json.loads(metadata.get("resolution", "{}"))
    calibration = json.loads(metadata.get("calibration", "null"))
    dtype = inference_dtype(device)
    model = fold_batch_norms(model)
    if is_quantizable(model):
        model = _in_bytes(quantize_detector, model, metadata, source, device)
    detector = Detector(model=model, dtype=dtype, calibration=calibration, **resolution)
    return _described(detector, source)


def load_recognizer(
    path: str | Path | None, device: torch.device, *, language: bool = True
) -> Recognizer:
    """The recognition stage from a weights file, or from the shipped one.

    On CPUs that multiply bytes in hardware its convolutions are done in bytes, if the file says in
    what ranges. With `language`, words of which it is unsure are read with the help of the shipped
    language model and lexicon.
    """
    source = _locate(path, "recognizer")
    model, metadata = load_model(source, device)
    if "charset" not in metadata or not isinstance(model, CRNN):
        raise WeightsError(f"{source}: no charset inside; these are not a recognizer's weights")
    codec = Codec(charset=json.loads(metadata["charset"]))
    exponent = json.loads(metadata.get("confidence_exponent", "1"))
    model = _in_bytes(quantize_recognizer, fold_batch_norms(model), metadata, source, device)
    recognizer = Recognizer(
        model=model,
        codec=codec,
        dtype=inference_dtype(device),
        exponent=exponent,
        decode=language_decode(codec) if language else greedy_decode,
    )
    return _described(recognizer, source)


def _in_bytes(
    quantize: Callable[[Any, Ranges], Any],
    model: nn.Module,
    metadata: Mapping[str, str],
    source: Path,
    device: torch.device,
) -> Any:
    """The model quantized by the ranges of its file, where there are some and the device gains."""
    ranges = json.loads(metadata.get("ranges", "{}"))
    if not (ranges and multiplies_bytes(device)):
        return model
    try:
        return quantize(model, ranges)
    except ValueError as error:
        raise WeightsError(f"{source}: does not fit its model ({error})") from error


def language_decode(codec: Codec) -> Decode:
    """Beam search with the shipped language model and lexicon for words whose best path is unsure;
    the best path alone for alphabets that they do not know."""
    tables, characters, (checksums, scores) = _language()
    model = LanguageModel(tables=tables, characters=characters, codec=codec)
    if not model.covers():
        return greedy_decode
    lexicon = Lexicon(checksums=checksums, scores=scores, codec=codec)
    return partial(beam_decode, width=8, margin=4.0, language=model, lexicon=lexicon, sure=0.85)


@cache
def _language() -> tuple[Tables, str, Words]:
    path = Path(str(SHIPPED / "language.safetensors"))
    with safe_open(path, framework="np") as file:
        tables = [
            tuple(file.get_tensor(f"{name}_{order}") for name in _LANGUAGE_TABLES)
            for order in range(ORDER)
        ]
        checksums, scores = (file.get_tensor(name) for name in _LEXICON_ARRAYS)
        characters = file.metadata()["characters"]
        return tables, characters, (checksums, scores)  # type: ignore[return-value]


def save_language(path: Path, tables: Tables, characters: str, words: Words) -> None:
    """Write what `recognition.language.learn` and `recognition.lexicon.learn` have made."""
    arrays = {
        f"{name}_{order}": array
        for order, table in enumerate(tables)
        for name, array in zip(_LANGUAGE_TABLES, table, strict=True)
    }
    arrays |= dict(zip(_LEXICON_ARRAYS, words, strict=True))
    with atomic(path) as file:
        file.write(save_arrays(arrays, {"characters": characters}))


#: Names of `Tables`' columns, and of the lexicon's.
_LANGUAGE_TABLES = ("contexts", "shares", "counts", "symbols", "scores")
_LEXICON_ARRAYS = ("word_checksums", "word_scores")


def _locate(path: str | Path | None, stage: str) -> Path:
    if path is None:
        return Path(str(SHIPPED / f"{stage}.safetensors"))
    path = Path(path)
    return path / "weights.safetensors" if path.is_dir() else path


def _described(stage: Any, source: Path) -> Any:
    stage.source = source.name if source.parent == Path(str(SHIPPED)) else str(source)
    stage.sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    return stage


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    if not path.is_file():
        raise WeightsError(
            f"{path}: no such weights file; name a .safetensors file or a run folder"
        )
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged or not safetensors ({error})") from error
    for name, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise WeightsError(
                f"{path}: {name} has values that are not finite; take an earlier checkpoint"
            )
    return {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }, metadata


def _fill(model: nn.Module, state: dict[str, torch.Tensor], path: str | Path) -> None:
    """`load_state_dict`, but that of all that does not fit one name is enough."""
    wanted = model.state_dict()
    for name in {**wanted, **state}:
        found = tuple(state[name].shape) if name in state else "absent"
        shape = tuple(wanted[name].shape) if name in wanted else "none"
        if found != shape:
            raise WeightsError(
                f"{path}: {name} is {found}, the model wants {shape}; these weights are of another "
                "config, or of another version of this program"
            )
    model.load_state_dict(state)


def _plain(config: Any) -> Any:
    """A LazyConfig node as JSON values, callables by their dotted names."""
    if OmegaConf.is_config(config):
        config = OmegaConf.to_container(config, resolve=True)
    if isinstance(config, dict):
        return {name: _plain(value) for name, value in config.items()}
    if isinstance(config, list | tuple):
        return [_plain(value) for value in config]
    return f"{config.__module__}.{config.__qualname__}" if callable(config) else config


def _check_trusted(config: Any, path: Path) -> None:
    if isinstance(config, dict):
        if "_target_" in config:
            name = config["_target_"]
            # By where the thing is defined, not by its name: modules import others.
            found = locate(name) if str(name).startswith(_TRUSTED) else None
            if not str(getattr(found, "__module__", "")).startswith(_TRUSTED):
                raise WeightsError(f"{path}: wants to build {name}, which is no part of a model")
        for value in config.values():
            _check_trusted(value, path)
    elif isinstance(config, list):
        for value in config:
            _check_trusted(value, path)
