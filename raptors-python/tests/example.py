"""The README's example and a few lines more, checked with mypy and run."""

import numpy as np
import raptors as rp
from numpy.typing import NDArray

x = np.random.default_rng(0).random((1000, 50), dtype=np.float32)
mean = rp.mean(x, axis=0)  # the bits of np.mean(x, axis=0)
centred = rp.broadcast_add(x, -mean)
rp.scale(centred, 0.5, out=centred)  # in place
print(rp.max(centred), rp.explain("mean", x, axis=0))

total: np.float32 = rp.sum(x)
kept: NDArray[np.float32] = rp.sum(x, axis=1, keepdims=True, numerics="accurate")
into: NDArray[np.float64] = rp.sum(np.ones((3, 4)), axis=-1, out=np.empty(3))
larger: NDArray[np.float64] = rp.maximum(np.ones(3), np.zeros(3))
bounded: NDArray[np.float32] = rp.minimum(x, 3.0)
with rp.threads(1):
    assert rp.num_threads() == 1
rp.trim()
rp.telemetry_set(True)
rp.sum(x)
calls: list[dict[str, object]] = rp.telemetry()["rows"]
assert calls[0]["op"] == "sum" and calls[0]["calls"] == 1
assert abs(total / x.size - 0.5) < 0.01 and kept.shape == (1000, 1) and into[0] == 4 and larger[0] == 1
