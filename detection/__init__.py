"""The text detector: where the words of a page are.

    page image -> resize to working resolution        geometry
               -> DBNet: probability map              model
               -> regions, grown back to quads        postprocess
               -> quads in page pixels, scores        detector
               -> another look, where it is too large farther
               -> tiles, where text is too small      closer

Training runs the other way: pages are cut to crops (`data`), labels drawn as maps (`targets`) and
compared with the network's (`losses`). `quantized` does the network's work in bytes, `metrics`
measures quads against the truth, `maps` shows what the detector sees, `adapter` lets any other
Detectron2 model take DBNet's place, and `d2` is where Detectron2 comes in.
"""
