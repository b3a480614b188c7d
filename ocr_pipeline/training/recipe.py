"""A labelled folder -> the config of a fine-tuning that fits how much there is in it.

The numbers are decided here once, with their arithmetic beside them; every one of them is a
setting of the config and can be changed on the command line.
"""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import ConcatDataset, DataLoader

from detection.d2 import LazyCall as L
from detection.d2 import build_detection_train_loader
from detection.data import MixedPages, TrainMapper
from detection.targets import TextMaps
from ocr_pipeline.device import inference_dtype, resolve_device
from ocr_pipeline.evaluation import DetectionEvaluator, RecognitionEvaluator
from ocr_pipeline.labels import LabelError, LabelledPages
from ocr_pipeline.training.preflight import Inventory, inspect
from ocr_pipeline.training.replay import replay_pdfs
from ocr_pipeline.weights import read_metadata
from recognition.codec import Codec, change_charset, split_symbols
from recognition.data import WordCrops
from recognition.losses import CTCObjective
from synthesis.pages import PdfPages

logger = logging.getLogger(__name__)

#: (pages, share of what is learnt) pairs.
Sources = list[tuple[Any, float]]
#: (name, pages) pairs.
EvaluationSets = list[tuple[str, Any]]

#: Pages that every fine-tuning is measured on besides the user's, to show what it forgets.
SANITY = resources.files("ocr_pipeline.training") / "sanity"


def fine_tuning(
    stage: str,
    *,
    data: Sequence[Path],
    out: Path,
    validation: Path | None = None,
    weights: Path | None = None,
    charset: str = "",
    replay: float = 0.25,
    pdfs: Sequence[Path] = (),
    steps: int | None = None,
    device: str = "auto",
) -> DictConfig:
    """The config of a fine-tuning, for `engine.train`; what the labels hold goes to the log.

    Args:
        stage: "recognition" or "detection".
        data: labelled folders, or label files in them.
        out: folder of the run, for the replay's pages.
        validation: a labelled folder to validate on; else every fifth page of the data is held
            out, or every twentieth where there are a hundred or more.
        weights: to begin with; the shipped ones by default.
        charset: symbols for the recognizer to learn, see `change_charset`.
        replay: share of synthetic pages among what is learnt, 0 to below 1.
        pdfs: PDFs, or folders of them, for that; typeset into out/replay by default.
        steps: instead of what the amount of data suggests; evaluations and warm-up follow.
        device: "auto", "cpu" or "cuda".

    Raises:
        LabelError: the labels are of no use.
        WeightsError: the weights are not of this stage.
        ReplayError: there are no pages for the replay.
    """
    if not 0 <= replay < 1:
        raise ValueError(f"--replay is {replay}: give a share from 0 to below 1")
    source, metadata = read_metadata(weights, stage)
    model = json.loads(metadata["model"])
    if stage == "detection" and model["_target_"] != "detection.model.DBNet":
        raise ValueError(
            f"{source}: fine-tuning is for DBNet, and this is {model['_target_']}; train it "
            f"on with its config and train.init={source}"
        )
    codec = None
    if stage == "recognition":
        codec = Codec(charset=change_charset(json.loads(metadata["charset"]), charset))
    elif charset:
        raise ValueError("--charset is for the recognizer; the detector knows no characters")

    held_out = validation is None
    learnt = [_folder(path, held_out=held_out, learnt=True) for path in data]
    found = [_report(path, pages, codec) for path, pages in zip(data, learnt, strict=True)]
    validated = data if validation is None else [validation]
    held = [_folder(path, held_out=held_out) for path in validated]
    for path, pages in zip(validated, held, strict=True):
        held_found = inspect(_made(pages), codec)
        if not held_found.countable:
            raise LabelError(
                f"{path}: none of its {held_found.words:,} words can be measured by, for labels "
                "with spaces are not counted; name a folder of single words with --validation"
            )
        logger.info("validation: %d pages of %s", held_found.pages, path)
    _warn_of_shared(learnt, held)

    folders = [str(path) for path in pdfs or (replay_pdfs(out / "replay") if replay else [])]
    total = sum(inventory.words for inventory in found)
    own: Sources = [
        (pages, (1 - replay) * inventory.words / total)
        for pages, inventory in zip(learnt, found, strict=True)
    ]
    sources = _mixed(stage, own, folders, replay)
    device_found = resolve_device(device)
    cfg: dict[str, Any] = dict(
        model=OmegaConf.create(model),
        train=dict(
            weight_decay=0.02,
            clip_norm=5.0,
            device=device,
            dtype=str(_training_dtype(device_found))[6:],
            threads=0,
            seed=1,
            init=str(source),
            checkpoint_minutes=5,
            log_period=10,
            patience=8,
        ),
    )
    sanity = str(SANITY)
    sets: EvaluationSets = [("validation", L(ConcatDataset)(datasets=held))]
    if codec is None or not charset or _spells(codec, sanity):
        sets.append(("sanity", L(LabelledPages)(folder=sanity)))
    else:
        logger.info("the sanity set is not measured: the charset lacks its letters")
    if codec is not None:
        fresh = len(set(codec.symbols) - set(split_symbols(json.loads(metadata["charset"]))))
        cfg |= _recognition(codec, sources, sets, device_found)
        cfg["model"].num_classes = codec.num_classes
        cfg["train"] |= recognition_settings(
            words=total, fresh=fresh, cuda=_cuda(device_found), steps=steps
        )
    else:
        pages_found = sum(inventory.pages for inventory in found)
        resolution = json.loads(metadata.get("resolution", "{}"))
        cfg |= _detection(resolution, sources, sets, device_found)
        cfg["train"] |= detection_settings(pages=pages_found, cuda=_cuda(device_found), steps=steps)
    return OmegaConf.create(cfg, flags={"allow_objects": True})


def describe(cfg: DictConfig) -> Iterator[str]:
    """What was decided, and changed on the command line, for people to read."""
    settings = dict(cfg.train)
    yield f"beginning with {settings.pop('init')} on {resolve_device(settings['device'])}"
    frozen = ", ".join(settings["freeze"]) or "nothing"
    norms = "; batch norms keep their statistics" if settings["freeze_norm"] else ""
    yield f"frozen: {frozen}{norms}"
    if "codec" in cfg:
        sources = cfg.data.dataset.sources
        yield "augmentation: every crop is framed anew, half of them are roughened"
    else:
        sources, mapper = cfg.data.dataset.sources, cfg.data.mapper
        yield (
            f"augmentation: windows of {mapper.crop_size[1]} x {mapper.crop_size[0]}, scaled by "
            f"{mapper.scales[0]} to {mapper.scales[1]}, {100 * mapper.turned:.0f} % of them turned"
        )
    shares = (
        f"{getattr(pages, 'folder', 'synthetic pages')} {100 * share:.0f} %"
        for pages, share in sources
    )
    yield f"learning from: {', '.join(shares)}"
    yield "settings (change any with train.NAME=VALUE): " + ", ".join(
        f"{name}={value}" for name, value in settings.items() if not name.startswith("freeze")
    )


def recognition_settings(
    *, words: int, fresh: int, cuda: bool, steps: int | None = None
) -> dict[str, Any]:
    """Settings of `train` for a recognizer.

    Args:
        words: to learn from.
        fresh: symbols that the weights do not know.
        cuda: whether it trains on a GPU.
        steps: instead of what the words suggest.
    """
    # Each word 30 times, in batches of about 50 or 200; 6,000 steps on a CPU are an evening.
    # New symbols take their time even if there are few words.
    least, most = 1_500 if fresh else 300, 20_000 if cuda else 6_000
    steps = steps or _between(30 * words // (200 if cuda else 50), least, most)
    few = words < 2_000
    return dict(
        steps=steps,
        # The full training ends at 2e-5 and peaks at 1e-3. New symbols have all to learn.
        lr=5e-4 if fresh else 1e-4 if few else 3e-4,
        # Few words cannot teach strokes, only how they make letters.
        freeze=["stem.", "stages.0."] if few and not fresh else [],
        freeze_norm=words < 20_000,
        best="validation/cer",
        **_pace(steps),
    )


def detection_settings(*, pages: int, cuda: bool, steps: int | None = None) -> dict[str, Any]:
    """Settings of `train` for a detector that learns from so many pages."""
    # A page is about 11 windows; each is seen some 20 times, in batches of 4, or 8 on a GPU.
    steps = steps or _between(220 * pages // (8 if cuda else 4), 200, 12_000 if cuda else 3_000)
    few = pages < 20
    return dict(
        steps=steps,
        lr=1e-4 if few else 3e-4,
        freeze=["backbone.bottom_up.stem.", "backbone.bottom_up.res2."] if few else [],
        freeze_norm=pages < 200,
        best="validation/hmean",
        **_pace(steps),
    )


def _pace(steps: int) -> dict[str, Any]:
    return dict(
        warmup=steps // 20,
        average=0.99 if steps < 2_000 else 0.999,  # over the last hundred steps, or thousand
        eval_period=_between(steps // 20, 25, 1_000),
    )


def _between(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _mixed(stage: str, sources: Sources, folders: list[str], replay: float) -> Sources:
    """The sources and, for the replay, pages drawn as in the full training of the stage."""
    if not replay:
        return sources
    drawn: dict[str, Any] = (
        dict(text_height=(11, 48), max_side=2200, seed=11)
        if stage == "recognition"
        else dict(crop=1000, text_height=(7, 30), seed=21)
    )
    return [*sources, (L(PdfPages)(folders=folders, **drawn), replay)]


def _recognition(
    codec: Codec, sources: Sources, sets: EvaluationSets, device: torch.device
) -> dict[str, Any]:
    return dict(
        codec=L(Codec)(charset=codec.charset),
        objective=L(CTCObjective)(),
        data=L(DataLoader)(
            dataset=L(WordCrops)(
                sources=sources,
                codec="${codec}",
                max_pixels=32 * 96 * (192 if _cuda(device) else 48),
            ),
            batch_size=None,
            num_workers=8 if _cuda(device) else 1,
        ),
        evaluate=L(RecognitionEvaluator)(sets=sets, codec="${codec}", limit=2000),
    )


def _detection(
    resolution: dict[str, Any], sources: Sources, sets: EvaluationSets, device: torch.device
) -> dict[str, Any]:
    return dict(
        resolution=resolution,
        data=L(build_detection_train_loader)(
            dataset=L(MixedPages)(sources=sources),
            mapper=L(TrainMapper)(
                targets=L(TextMaps)(shrink_ratio=0.7),
                crop_size=(512, 512),
                scales=(0.6, 1.4),
                turned=0.1,
                **{name: f"${{resolution.{name}}}" for name in resolution},
            ),
            total_batch_size=8 if _cuda(device) else 4,
            aspect_ratio_grouping=False,
            num_workers=8 if _cuda(device) else 1,
        ),
        evaluate=L(DetectionEvaluator)(sets=sets, resolution="${resolution}", limit=40),
    )


def _folder(path: Path, *, held_out: bool, learnt: bool = False) -> Any:
    """A labelled folder, or what of it is learnt, or what is held out for validation."""
    named = path.is_file() or path.suffix == ".jsonl"
    folder, labels = (path.parent, path.name) if named else (path, "labels.jsonl")
    pages = L(LabelledPages)(folder=str(folder), labels=labels)
    if held_out:
        count = len(_made(pages))
        if count < 2:
            raise LabelError(
                f"{path}: {count} page(s) cannot be parted into training and validation; label "
                "more, or name a folder to validate on with --validation"
            )
        pages.part = (~0 if learnt else 0, _between(count, 2, 5) if count < 100 else 20)
    return pages


def _warn_of_shared(learnt: Sequence[Any], held: Sequence[Any]) -> None:
    """Say so if what is measured by is learnt from, as it is or made from the same page."""

    def pages(folders: Sequence[Any]) -> set[str]:
        made = map(_made, folders)
        return {
            record.get("source") or os.path.realpath(folder.folder / record["image"])
            for folder in made
            for record in folder.records
        }

    measured = pages(held)
    shared = measured & pages(learnt)
    if shared:
        logger.warning(
            "%d of %d validation pages are learnt from too, such as %s: the figures will look too "
            "good; `ocr-data split` parts them", len(shared), len(measured), min(shared)
        )  # fmt: skip


def _spells(codec: Codec, folder: str) -> bool:
    """Whether the charset has the letters of at least half of a folder's words."""
    records = LabelledPages(folder=folder).records
    known = [codec.covers(word["text"]) for record in records for word in record["words"]]
    return 2 * sum(known) >= len(known)


def _made(pages: Any) -> LabelledPages:
    return LabelledPages(**{name: value for name, value in pages.items() if name != "_target_"})


def _report(path: Path, pages: Any, codec: Codec | None) -> Inventory:
    found = inspect(_made(pages), codec)
    for line in found.lines():
        logger.info("%s: %s", path, line)
    return found


def _cuda(device: torch.device) -> bool:
    return device.type == "cuda"


def _training_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is multiplied in hardware: unlike float16 it does not overflow."""
    if _cuda(device):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return inference_dtype(device)
