#!/usr/bin/env bash
# NumPy 2.4.6 (from PyPI), CPython, Linux with the GNU C library, x86-64.
#
# One would expect a large array to begin on a page, or at least on a cache line. None does: NumPy takes what `malloc`
# gives, and of what the C library maps for itself the first 16 bytes are its own. So every array of 32 MiB and more begins 16
# bytes past a page, for good, whatever was allocated before; smaller ones do at first, and after some were freed they begin
# at any multiple of 16. A vector of 64 bytes then always straddles two lines: a loop that was timed on memory of its own,
# which begins on a line, is another one on NumPy's. `numpy.empty` has no argument for it. An array over a mapped file does
# begin on a page.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6

"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import platform
import sys

import numpy as np

print(f"NumPy {np.__version__}, {' '.join(platform.libc_ver())}, {platform.machine()}")
MIB = 1 << 20


def begins(array):
    return array.ctypes.data % 4096


seen = {}
for name, how in (("empty", np.empty), ("zeros", np.zeros), ("ones", np.ones)):
    seen[name] = [begins(how(size * MIB // 8)) for size in (33, 64, 200)]
    print(f"np.{name}, bytes after a page at 33, 64, 200 MiB: {seen[name]}")
# What was freed moves smaller arrays to other places, and these to none.
for size in range(1, 32):
    np.empty(size * MIB // 8)
seen["again"] = [begins(np.empty(size * MIB // 8)) for size in (33, 64, 200)]
print(f"the same after smaller ones were freed: {seen['again']}")
result = [begins(np.ones(5 * MIB) * 2.0), begins(np.ones((5 * MIB, 1)).copy())]
print(f"results and copies of 40 MiB: {result}")
file = np.memmap(sys.argv[1] + "/array", mode="w+", shape=(5 * MIB,))
print(f"a file's array: {begins(file)}")
right = all(values == [16, 16, 16] for values in seen.values()) and result == [16, 16] and begins(file) == 0
sys.exit(0 if right else "the behaviour has changed")
PYTHON
