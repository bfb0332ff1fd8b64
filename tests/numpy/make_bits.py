#!/usr/bin/env python3
"""Writes bits.json: inputs, and the bits that NumPy computes from them.

    python -m venv venv && venv/bin/pip install 'numpy==2.4.*'
    venv/bin/python tests/numpy/make_bits.py            # write bits.json
    venv/bin/python tests/numpy/make_bits.py --check    # compare with the file, write nothing

The script is deterministic: two runs with the same NumPy write the same bytes. Besides asking NumPy it computes
every sum a second time, one element after another, in the order that this library documents (`in_order_*`), and
stops at the first bit that differs. So a file that was written is also a check of that order.

One case is one line of the file, an object of

    dtype, rows, cols     of the C-contiguous matrices x and y; row has `cols` elements
    fill, seed            how x, y and row are made: see `fill`. x has the seed itself, y the next, row seed + 2
    put                   [place, bits] pairs, written over elements of x after the fill
    x, y, row             their bits in full, in place of fill and seed, when the case is small or peculiar
    factor                one element; stands only in cases stored in full, else the fill makes it from seed + 3
    inputs                checksum of x, y, row and factor, in this order, where the fill made them
    scale, add, broadcast_add, sum, sum_axis0, sum_axis1
                          what NumPy gives for x * factor, x + y, x + row and the three sums of x
    sum_axis0_accurate    np.ascontiguousarray(x.T).sum(axis=1): pairwise down each column
    mean, mean_axis0, mean_axis1
                          x.mean() of all and along both axes

Bits are hexadecimal, 8 digits for an f32 and 16 for an f64, elements one after another without a separator. A result
of more than `LISTED` elements is its checksum, `#` and 16 digits. Any NaN in a result is written as the one quiet
NaN, since neither payload nor sign of a NaN is promised. In inputs they stand as they are.
"""

import argparse
import difflib
import json
import pathlib
import sys
import warnings

import numpy as np

FILE = pathlib.Path(__file__).with_name("bits.json")
MASK = (1 << 64) - 1

# A result with more elements than this is written as a checksum.
LISTED = 4
# A generated case with no more elements than this is written in full.
IN_FULL = 8


class Format:
    """The layout of one floating-point format, and NumPy's types for it."""

    def __init__(self, name, float_type, bits_type, mantissa, bias, digits):
        self.name, self.float, self.bits = name, float_type, bits_type
        self.mantissa, self.bias, self.digits = mantissa, bias, digits
        self.sign = 1 << (4 * digits - 1)
        self.infinity = (2 * bias + 1) << mantissa
        self.quiet_nan = self.infinity | 1 << (mantissa - 1)
        # Values at the edges of the format: zero, the subnormals' ends, the normals' ends, one, infinity, NaNs.
        one, smallest_normal = bias << mantissa, 1 << mantissa
        edges = [0, 1, smallest_normal - 1, smallest_normal, one, one + 1, self.infinity - 1, self.infinity]
        nans = [self.quiet_nan, self.sign | self.quiet_nan | 0x5A, self.infinity | 1]
        self.edges = edges + [self.sign | bits for bits in edges] + nans
        # Exponent fields, first and one past the last, that each fill draws from.
        reach = 20 if name == "f32" else 40
        self.exponents = {
            "unit": (bias - 1, bias + 1),
            "wide": (bias - reach, bias + reach),
            "cancel": (bias - reach, bias + reach),
            "subnormal": (0, 3),
            "huge": (2 * bias - 2, 2 * bias + 1),
        }

    def array(self, bits):
        return np.array(bits, dtype=self.bits).view(self.float)


FORMATS = [
    Format("f32", np.float32, np.uint32, 23, 127, 8),
    Format("f64", np.float64, np.uint64, 52, 1023, 16),
]


# ---- Inputs. tests/numpy_bits.rs has the same three functions, to the bit.


def splitmix(seed, index):
    """The word number `index` of the splitmix64 sequence that starts from `seed`."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def fill(fmt, kind, seed, count):
    """`count` floats as bits, made of integers alone.

    edges           the edges of the format in turn, beginning with the one whose number is the seed
    any             any bits: NaNs, infinities, subnormals and all
    negative_zero   -0.0 everywhere
    unit            0.5 <= |x| < 2
    wide            exponents so far apart that the order of a sum decides its last bits
    cancel          wide, where the second half is the negative of the first in reverse, but for the last bit
    subnormal       the smallest magnitudes, about a third of them subnormal
    huge            the three largest exponents: sums overflow, or do not, according to order
    """
    if kind == "negative_zero":
        return [fmt.sign] * count
    if kind == "edges":
        return [fmt.edges[(seed + i) % len(fmt.edges)] for i in range(count)]
    if kind == "any":
        return [splitmix(seed, i) >> (64 - 4 * fmt.digits) for i in range(count)]
    first, end = fmt.exponents[kind]

    def one(index):
        word = splitmix(seed, index)
        exponent = first + (word >> 52 & 0x7FF) % (end - first)
        sign = fmt.sign if word >> 63 else 0
        return sign | exponent << fmt.mantissa | word & ((1 << fmt.mantissa) - 1)

    if kind == "cancel":
        return [one(i) if 2 * i < count else one(count - 1 - i) ^ fmt.sign ^ 1 for i in range(count)]
    return [one(i) for i in range(count)]


def checksum(values, start=0xCBF29CE484222325):
    """FNV-1a with whole elements in place of bytes, and a shift that carries high bits down."""
    for value in values:
        start = ((start ^ value) * 0x100000001B3) & MASK
        start ^= start >> 32
    return start


# ---- The documented order, one addition after another.


def pairwise(fmt, values):
    """The tree below a sum: eight accumulators up to 128 elements, halves that are multiples of 8 above."""
    n = len(values)
    if n < 8:
        total = fmt.float(-0.0)
        for value in values:
            total = total + value
        return total
    if n <= 128:
        r = list(values[:8])
        whole = n - n % 8
        for i in range(8, whole, 8):
            r = [r[lane] + values[i + lane] for lane in range(8)]
        total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
        for value in values[whole:]:
            total = total + value
        return total
    half = n // 2
    half -= half % 8
    return pairwise(fmt, values[:half]) + pairwise(fmt, values[half:])


def in_order_run(fmt, values):
    """A contiguous run: +0.0 plus the tree."""
    return fmt.float(0.0) + pairwise(fmt, list(values))


def in_order_axis0(fmt, x):
    """Row after row from +0.0; one column is a contiguous run."""
    if x.shape[1] == 1:
        return [in_order_run(fmt, x[:, 0])]
    totals = [fmt.float(0.0)] * x.shape[1]
    for row in x:
        totals = [total + value for total, value in zip(totals, row)]
    return totals


def in_order_means(fmt, sums, count):
    """Divided in double precision, and rounded once."""
    return [fmt.float(np.float64(total) / np.float64(count)) for total in sums]


def results(fmt, x, y, row, factor):
    """NumPy's arrays, each compared with the documented order first."""
    columns = np.ascontiguousarray(x.T)
    numpy = {
        "scale": x * factor,
        "add": x + y,
        "broadcast_add": x + row,
        "sum": np.sum(x),
        "sum_axis0": np.sum(x, axis=0),
        "sum_axis1": np.sum(x, axis=1),
        "sum_axis0_accurate": np.sum(columns, axis=1),
        "mean": np.mean(x),
        "mean_axis0": np.mean(x, axis=0),
        "mean_axis1": np.mean(x, axis=1),
    }
    in_order = {
        "scale": [a * factor for a in x.flat],
        "add": [a + b for a, b in zip(x.flat, y.flat)],
        "broadcast_add": [a + b for line in x for a, b in zip(line, row)],
        "sum": [in_order_run(fmt, x.flat)],
        "sum_axis0": in_order_axis0(fmt, x),
        "sum_axis1": [in_order_run(fmt, line) for line in x],
        "sum_axis0_accurate": [in_order_run(fmt, line) for line in columns],
    }
    in_order["mean"] = in_order_means(fmt, in_order["sum"], x.size)
    in_order["mean_axis0"] = in_order_means(fmt, in_order["sum_axis0"], x.shape[0])
    in_order["mean_axis1"] = in_order_means(fmt, in_order["sum_axis1"], x.shape[1])
    bits = {}
    for op, array in numpy.items():
        assert array.dtype == fmt.float, (op, array.dtype)
        bits[op] = to_bits(fmt, array)
        expected = to_bits(fmt, np.array(in_order[op], dtype=fmt.float))
        if bits[op] != expected:
            place = next(i for i, pair in enumerate(zip(bits[op], expected)) if pair[0] != pair[1])
            sys.exit(
                f"{op} {fmt.name} {x.shape}: element {place} is {bits[op][place]:x} in NumPy, "
                f"{expected[place]:x} in the documented order"
            )
    return bits


def to_bits(fmt, array):
    flat = np.atleast_1d(np.ascontiguousarray(array)).reshape(-1)
    raw = flat.view(fmt.bits).tolist()
    return [fmt.quiet_nan if nan else bits for nan, bits in zip(np.isnan(flat).tolist(), raw)]


# ---- Cases.

# Around 8 lanes, around the leaf of 128, around halves that are rounded to 8, around NumPy's buffer of 8192.
LENGTHS = [*range(0, 10), 15, 16, 17, 23, 24, 25, 31, 32, 33, 63, 64, 65, 71, 127, 128, 129, 130, 135, 136, 137]
LENGTHS += [143, 144, 200, 255, 256, 257, 258, 264, 265, 271, 272, 273, 288, 384, 511, 512, 513, 520, 1000, 1023]
LENGTHS += [1024, 1025, 1032, 2047, 2048, 2049, 4095, 4096, 4097, 5003, 8191, 8192, 8193, 10007, 16393]

SHAPES = [(0, 0), (0, 5), (5, 0), (2, 2), (3, 2), (2, 3), (3, 5), (5, 3), (2, 8), (8, 2), (7, 7)]
SHAPES += [(8, 8), (9, 9), (2, 16), (16, 2), (5, 17), (17, 5), (16, 16), (31, 33), (33, 31), (64, 64), (17, 129)]
SHAPES += [(129, 17), (128, 128), (130, 136), (136, 130), (300, 7), (7, 300), (33, 257), (257, 33), (3, 1000)]
SHAPES += [(1000, 3), (2, 1025), (1025, 2), (100, 100), (2, 4099), (4099, 2), (13, 1031), (1031, 13), (10, 1024)]

# What the fills other than `wide` and `cancel` are tried on.
FEW = [(1, 7), (1, 8), (1, 31), (1, 128), (1, 129), (1, 1025), (9, 1), (137, 1), (3, 5), (17, 33), (130, 7), (5, 300)]


def generated(fmt, shape, kind, seed, put=()):
    case = {"rows": shape[0], "cols": shape[1], "fill": kind, "seed": seed}
    if put:
        case["put"] = [[place, f"{bits:0{fmt.digits}x}"] for place, bits in put]
    count = shape[0] * shape[1]
    x, y = fill(fmt, kind, seed, count), fill(fmt, kind, seed + 1, count)
    for place, bits in put:
        x[place] = bits
    return case, x, y, fill(fmt, kind, seed + 2, shape[1]), fill(fmt, kind, seed + 3, 1)[0]


def stored(shape, x, y, row, factor):
    return {"rows": shape[0], "cols": shape[1]}, x, y, row, factor


def cases(fmt):
    """Every case of one format: the description, x, y, row and factor."""
    seed = 1000 if fmt.name == "f32" else 2000
    for length in LENGTHS:
        for kind in ["wide", "cancel"] if length > 8 else ["wide"]:
            # The long way along a row, and once along a column.
            shapes = [(1, length), (length, 1)] if kind == "wide" else [(1, length)]
            for shape in shapes:
                seed += 10
                yield generated(fmt, shape, kind, seed)
    for shape in SHAPES:
        for kind in ["wide", "cancel"]:
            seed += 10
            yield generated(fmt, shape, kind, seed)
    for shape in FEW:
        for kind in ["any", "negative_zero", "unit", "subnormal", "huge"]:
            seed += 10
            yield generated(fmt, shape, kind, seed)

    # One or two extraordinary elements among ordinary ones, in every lane of the tree and in the remainder.
    minus_infinity = fmt.sign | fmt.infinity
    largest = fmt.infinity - 1
    for length in [6, 11, 139]:
        for place in range(0, length, 1 if length < 100 else 11):
            other = (place + length // 2) % length
            for put in [
                [(place, fmt.quiet_nan)],
                [(place, fmt.infinity)],
                [(place, fmt.infinity), (other, minus_infinity)],
                [(place, largest), (other, largest)],
            ]:
                if place % 3 and len(put) == 1:
                    continue
                seed += 10
                yield generated(fmt, (1, length), "unit", seed, put)

    # Each edge value against each: the columns of x run over them, the rows of y.
    edges, n = fmt.edges, len(fmt.edges)
    x = [edges[column] for _ in range(n) for column in range(n)]
    y = [edges[line] for line in range(n) for _ in range(n)]
    yield stored((n, n), x, y, edges[::-1], edges[5])
    # Each as the factor of all.
    for first in range(n):
        yield generated(fmt, (1, n), "edges", first)
    # Zeros of both signs, and sums that end at zero.
    one, zero, minus = fmt.bias << fmt.mantissa, 0, fmt.sign
    for values in [[minus], [zero], [minus, minus], [minus, zero], [one, one | minus], [minus] * 9, [minus] * 8 + [zero]]:
        for shape in [(1, len(values)), (len(values), 1)]:
            yield stored(shape, values, values[::-1], values[: shape[1]], minus)


def line(fmt, case, x, y, row, factor):
    def digits(values):
        return "".join(f"{bits:0{fmt.digits}x}" for bits in values)

    if "fill" not in case or len(x) <= IN_FULL:
        case = {"rows": case["rows"], "cols": case["cols"], "x": digits(x), "y": digits(y), "row": digits(row)}
        case["factor"] = digits([factor])
    else:
        case["inputs"] = f"#{checksum([*x, *y, *row, factor]):016x}"
    case = {"dtype": fmt.name, **case}

    shape = (case["rows"], case["cols"])
    with np.errstate(all="ignore"):
        found = results(
            fmt,
            fmt.array(x).reshape(shape),
            fmt.array(y).reshape(shape),
            fmt.array(row),
            fmt.array([factor])[0],
        )
    for op, bits in found.items():
        case[op] = digits(bits) if len(bits) <= LISTED else f"#{checksum(bits):016x}"
    return json.dumps(case, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description="Write the table of NumPy's bits.")
    parser.add_argument("--check", action="store_true", help="compare with the file and write nothing")
    check = parser.parse_args().check
    # The mean of nothing is NaN, and NumPy says so each time.
    warnings.simplefilter("ignore", RuntimeWarning)

    lines = [line(fmt, *case) for fmt in FORMATS for case in cases(fmt)]
    text = '{"numpy":"%s","cases":[\n%s\n]}\n' % (np.__version__, ",\n".join(lines))
    if not check:
        FILE.write_text(text)
        print(f"{FILE.name}: {len(lines)} cases, {len(text)} bytes, NumPy {np.__version__}")
    elif text != FILE.read_text():
        sys.stdout.writelines(difflib.unified_diff(FILE.read_text().splitlines(True), text.splitlines(True), n=0))
        sys.exit(f"{FILE.name} is not what NumPy {np.__version__} gives")
    else:
        print(f"{FILE.name} is what NumPy {np.__version__} gives: {len(lines)} cases")


if __name__ == "__main__":
    main()
