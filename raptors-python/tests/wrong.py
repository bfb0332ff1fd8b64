"""Calls that mypy must refuse, each marked with what it must say."""

import numpy as np
import raptors as rp

x = np.ones((3, 4))
rp.scale(x, "2")  # error: [arg-type]
rp.add(x, x.astype(np.float32))  # error: [type-var]
rp.scale(np.ones(3, np.int64), 2.0)  # error: [type-var]
rp.sum(x, numerics="fast")  # error: [call-overload]
rp.max(x, numerics="accurate")  # error: [call-overload]
rp.sum(x, keep_dims=True)  # error: [call-overload]
rp.hypotenuse(x)  # error: [attr-defined]
rp.tune(np.float32)  # error: [arg-type]
rp.tune("scale", progress="bar")  # error: [arg-type]
