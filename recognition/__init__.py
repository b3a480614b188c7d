"""Recognition: word crops in, text out.

    crops.crop_words       image + quads           -> grey crops (32, w), proportion kept
    batching.collate       crops of like widths    -> a batch (B, 1, 32, W) and true widths
    model.CRNN             batch                   -> logits (B, T, V), T = ceil(W / 4)
    quantized.quantize     a CRNN                  -> the same, its convolutions in bytes
    decoding.greedy_decode logits                  -> symbols with time spans
    recognizer.Recognizer  all of it, crops -> list[Reading]

Training beside it: `data` cuts crops from labelled pages with the same `crop_words`, `augment`
roughens them, `losses.CTCObjective` is the model under training, `metrics` measures.
"""
