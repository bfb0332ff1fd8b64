#!/usr/bin/env bash
# OpenBLAS 0.3.26 and 0.3.31 (scipy-openblas32 0.3.26.0.4 and 0.3.31.188.0 from PyPI), their kernels for Haswell, CPython,
# x86-64 with AVX2.
#
# One would expect cblas_sscal and cblas_dscal to multiply. By 0 it depends on the version: 0.3.26 writes +0 everywhere, over
# NaN and infinities too, and over negative numbers, whose product is -0. 0.3.31 gives the products: NaN of a NaN and of an
# infinity, -0 of a negative number. So the same program has other results after an update, and a library that takes `scal`
# for `x * a` finds NaN in its data gone with the older one. By NaN both give NaN.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
for version in 0.3.26.0.4 0.3.31.188.0; do
    "$folder/environment/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$folder/$version" \
        "scipy-openblas32==$version"
done

export OPENBLAS_CORETYPE=Haswell
"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import ctypes
import math
import sys

INF, NAN = math.inf, math.nan
GIVEN = [1.0, -2.0, INF, -INF, NAN]


def words(values):
    return [f"{value:g}" for value in values]


def scal(library, letter, number, factor):
    # More than a vector, so that the kernel's loop runs and not its rest alone.
    x = (number * (8 * len(GIVEN)))(*(GIVEN * 8))
    function = getattr(library, f"scipy_cblas_{letter}scal")
    function.argtypes, function.restype = [ctypes.c_int, number, ctypes.c_void_p, ctypes.c_int], None
    function(len(x), factor, x, 1)
    result = words(x)
    assert result == result[: len(GIVEN)] * 8, result
    return result[: len(GIVEN)]


def found(version):
    library = ctypes.CDLL(f"{sys.argv[1]}/{version}/scipy_openblas32/lib/libscipy_openblas.so")
    library.scipy_openblas_get_config.restype = ctypes.c_char_p
    print(library.scipy_openblas_get_config().decode())
    results = {}
    for letter, number in (("s", ctypes.c_float), ("d", ctypes.c_double)):
        for factor in (0.0, NAN):
            results[letter, str(factor)] = scal(library, letter, number, factor)
            print(f"  {letter}scal of {words(GIVEN)} by {factor:g}: {results[letter, str(factor)]}")
    return results


old, new = found("0.3.26.0.4"), found("0.3.31.188.0")
right = True
for letter in "sd":
    right &= old[letter, "0.0"] == ["0"] * 5 and new[letter, "0.0"] == ["0", "-0", "nan", "nan", "nan"]
    right &= old[letter, "nan"] == new[letter, "nan"] == ["nan"] * 5
sys.exit(0 if right else "the behaviour has changed")
PYTHON
