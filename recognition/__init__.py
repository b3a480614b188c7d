"""Recognition: word crops in, text out.

    crops.crop_words       image + quads           -> grey crops (32, w), proportion kept
    batching.make_batches  crops of many widths    -> batches (B, 1, 32, W) with true widths
    model.CRNN             batch                   -> logits (B, T, V), T = ceil(W / 4)
    decoding.greedy_decode logits                  -> symbols with time spans
    recognizer.Recognizer  all of it, crops -> list[Reading]

Training beside it: `data` cuts crops from labelled pages with the same `crop_words`, `augment`
roughens them, `losses.CTCObjective` is the model under training, `metrics` measures.
"""
