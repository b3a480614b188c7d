"""The recognition stage: crops in, readings out, in input order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from recognition.batching import collate, group_by_width, rung
from recognition.codec import Codec
from recognition.crops import HEIGHT, widen
from recognition.decoding import Decoded, character_spans, greedy_decode
from recognition.model import CRNN, STRIDE, time_steps

#: Padded pixels in a batch. The widest layer holds 32 float32 channels at full size, 128 bytes
#: a pixel: about 50 MB on a CPU; a GPU has room for more and needs it to be busy.
MAX_PIXELS = {"cpu": 32 * 96 * 64, "cuda": 32 * 96 * 512}

#: Words that are less sure than this, their letters narrower than so many pixels on
#: average, are read once more, this much wider: narrow letters share a time step. Of ICDAR 2015's
#: validation words 3 % more are right so. Wider letters gain nothing.
UNSURE, NARROW, WIDER = 0.45, 15, 1.4

Decode = Callable[[torch.Tensor, Sequence[int]], list[Decoded]]


@dataclass(frozen=True)
class Reading:
    """What a crop says.

    Attributes:
        text: normalised text (see `codec.normalize`), "" where nothing is legible; spaces where
            the crop holds several words.
        confidence: how probable it is that the text is right, 0..1: as `decoding.Decoded` has it,
            of the surer reading if it was read twice, calibrated (see `Recognizer`).
        spans: each character's [left, right] as fractions of the crop's width.
    """

    text: str
    confidence: float
    spans: list[tuple[float, float]]

    def words(self) -> list[tuple[str, float, float]]:
        """(text, left, right) of each word; there is one unless the text holds spaces."""
        words, start, left = [], 0, 0.0
        for index, character in enumerate([*self.text, " "]):
            if character != " ":
                continue
            # Spans meet half way between the marks of symbols, so a space's is too wide by half.
            low, high = self.spans[index] if index < len(self.text) else (1.0, 1.0)
            if index > start:
                words.append((self.text[start:index], left, low + (high - low) / 4))
            start, left = index + 1, high - (high - low) / 4
        return words


class Recognizer:
    """Runs a CRNN on the device that its weights are on.

    `source` and `sha256` name the weights file, where the model came from one.

    Args:
        model: the network.
        codec: of its classes.
        dtype: of autocast; float32 switches it off.
        exponent: the decoder's confidences are taken to this power, which makes them shares of
            words that are right; see `metrics.fit_exponent`.
        decode: class scores and valid steps to symbols: `decoding.greedy_decode`, or
            `decoding.beam_decode` with all but these bound.
    """

    source: str = ""
    sha256: str = ""

    def __init__(
        self,
        *,
        model: CRNN,
        codec: Codec,
        dtype: torch.dtype = torch.float32,
        exponent: float = 1.0,
        decode: Decode = greedy_decode,
    ):
        codec.check_head(model.num_classes)
        self.model = model.eval()
        self.codec = codec
        self.device = next(model.parameters()).device
        self.dtype = dtype
        self.exponent = exponent
        self.decode = decode

    def recognize(self, crops: Sequence[np.ndarray]) -> list[Reading]:
        """Read grey uint8 crops (32, w), as `crops.crop_words` cuts them."""
        for crop in crops:
            if crop.ndim != 2 or crop.shape[0] != HEIGHT or not crop.size or crop.dtype != np.uint8:
                raise ValueError(
                    f"a crop is {crop.dtype} {crop.shape}, expected uint8 ({HEIGHT}, width); "
                    "cut words with recognition.crops.crop_words"
                )
        readings = self._read(crops)
        unsure = [
            index
            for index, (said, crop) in enumerate(zip(readings, crops, strict=True))
            if said.confidence < UNSURE and crop.shape[1] < NARROW * len(said.text)
        ]
        again = self._read([widen(crops[index], WIDER) for index in unsure])
        for index, reading in zip(unsure, again, strict=True):
            if reading.text and reading.confidence > readings[index].confidence:
                readings[index] = reading
        return [replace(said, confidence=said.confidence**self.exponent) for said in readings]

    @torch.inference_mode()
    def _read(self, crops: Sequence[np.ndarray]) -> list[Reading]:
        """Each crop looked at once; confidences are the decoder's."""
        readings: dict[int, Reading] = {}
        widths = [crop.shape[1] for crop in crops]
        for group in group_by_width(widths, max_pixels=MAX_PIXELS[self.device.type]):
            images, true_widths = collate(
                [crops[index] for index in group], rows=rung(len(group), step=2)
            )
            with torch.autocast(
                self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32
            ):
                logits = self.model(images.to(self.device), true_widths.to(self.device))
            steps = time_steps(true_widths[: len(group)]).tolist()
            for index, decoded in zip(group, self.decode(logits[: len(group)], steps), strict=True):
                places = character_spans(decoded.frames, widths[index] / STRIDE)
                spans = zip(decoded.indices, places, strict=True)
                readings[index] = Reading(
                    text=self.codec.decode(decoded.indices),
                    confidence=decoded.confidence,
                    # The characters of a symbol stand at one place.
                    spans=[span for symbol, span in spans for _ in self.codec.decode([symbol])],
                )
        return [readings[index] for index in range(len(crops))]
