"""Networks in integers of eight bits, for processors that multiply those (VNNI).

A map's value is scale * (byte - zero), with one scale and one zero for the whole map, which follow
from the range that its values were seen to have (`ranges`); weights are signed bytes with a scale
for each output channel; sums are of 32 bits (`convolution`; Jacob et al. 2018, arXiv 1712.05877,
section 2). Which layers are done so is told by `detection.quantized` and `recognition.quantized`.
"""
