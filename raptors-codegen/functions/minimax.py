"""Coefficients of the polynomials in the texts of this folder: `pip install mpmath`, then `python minimax.py`.

Each is the polynomial of its degree whose greatest error, weighted as the table says, is least (Remez's exchange, in 60
digits), with its coefficients rounded to binary64. The greatest error of what comes of it is printed in bits.
"""

import mpmath as mp

mp.mp.dps = 60


def remez(f, low, high, degree, weight):
    """The coefficients of the polynomial p for which |p - f| * weight is least at most."""
    count = degree + 2
    nodes = [
        (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / (count - 1)) for i in range(count)
    ]
    for _ in range(30):
        rows = mp.matrix(count, count)
        right = mp.matrix(count, 1)
        for i, x in enumerate(nodes):
            for power in range(degree + 1):
                rows[i, power] = x**power
            rows[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        found = mp.lu_solve(rows, right)
        p = [found[i] for i in range(degree + 1)]

        def error(x):
            return (mp.polyval(p[::-1], x) - f(x)) * weight(x)

        # The greatest error of each sign, in a grid that is fine between the nodes.
        grid = [low + (high - low) * (1 - mp.cos(mp.pi * i / 600)) / 2 for i in range(601)]
        values = [error(x) for x in grid]
        new, at = [], 0
        while at < len(grid):
            sign = mp.sign(values[at])
            best = at
            while at < len(grid) and mp.sign(values[at]) == sign:
                if abs(values[at]) > abs(values[best]):
                    best = at
                at += 1
            new.append(grid[best])
        if len(new) < count:
            break
        while len(new) > count:
            new.pop(0 if abs(error(new[0])) < abs(error(new[-1])) else -1)
        if max(abs(a - b) for a, b in zip(new, nodes)) < (high - low) * mp.mpf(10) ** -4:
            break
        nodes = new
    return p


def rounded(f, low, high, degree, weight):
    """The same in binary64, and the greatest error."""
    coefficients = [float(c) for c in remez(f, low, high, degree, weight)]
    grid = [low + (high - low) * (i + mp.mpf(1) / 3) / 400 for i in range(400)]
    exact = [mp.mpf(c) for c in coefficients]
    worst = max(abs((mp.polyval(exact[::-1], x) - f(x)) * weight(x)) for x in grid)
    return coefficients, worst


HALF_LN2 = mp.log(2) / 2 + mp.mpf(2) ** -20


def exp_rest(r):
    """(exp(r) - 1 - r) / r**2"""
    if abs(r) < mp.mpf(10) ** -8:
        return mp.mpf(1) / 2 + r / 6 + r * r / 24
    return (mp.expm1(r) - r) / (r * r)


def log_rest(z):
    """(log((1 + s) / (1 - s)) - 2 * s) / s**3 with z = s**2"""
    if z < mp.mpf(10) ** -16:
        return mp.mpf(2) / 3 + 2 * z / 5
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def atan_rest(z):
    """(atan(s) - s) / s**3 with z = s**2"""
    if z < mp.mpf(10) ** -16:
        return -mp.mpf(1) / 3 + z / 5
    s = mp.sqrt(z)
    return (mp.atan(s) - s) / s**3


S = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
POLYNOMIALS = {
    "cbrt": (mp.cbrt, mp.mpf(1), mp.mpf(8), 5, lambda m: 1 / mp.cbrt(m)),
    "exp": (exp_rest, -HALF_LN2, HALF_LN2, 10, lambda r: r * r + mp.mpf(2) ** -8),
    "exp, elements of f32": (exp_rest, -HALF_LN2, HALF_LN2, 9, lambda r: r * r + mp.mpf(2) ** -8),
    "log": (log_rest, mp.mpf(0), S * S, 7, lambda z: z + mp.mpf(2) ** -10),
    "atan": (atan_rest, mp.mpf(0), mp.mpf("0.1716"), 12, lambda z: z + mp.mpf(2) ** -10),
}

if __name__ == "__main__":
    for name, (f, low, high, degree, weight) in POLYNOMIALS.items():
        coefficients, worst = rounded(f, low, high, degree, weight)
        print(f"{name}: 2^{float(mp.log(worst, 2)):.1f}")
        print("   ", ", ".join(repr(c) for c in coefficients))
