"""What samples of times say: a median, an interval for it, a spread.

The interval of a median comes from order statistics: the number of samples below the true median is binomial, whatever
the distribution of the samples, so that the k-th smallest and the k-th largest enclose it with a probability that is
known exactly. Times are skewed and have outliers, which this does not mind; a bootstrap would need a generator of
random numbers to arrive at nearly the same order statistics.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95

FEWEST = 6
"""Samples below which not even the smallest and the largest enclose the median with that confidence."""


@dataclass(frozen=True)
class Estimate:
    """A median, and the interval that the true one lies in with 95 % confidence."""

    median: float
    low: float
    high: float

    def is_within(self, part: float) -> bool:
        """Whether the interval reaches no further from the median than that part of it, on average."""
        return (self.high - self.low) / 2 <= part * self.median


@functools.lru_cache
def _rank(count: int) -> int:
    """The greatest k for which the k-th smallest and the k-th largest of so many enclose the median."""
    below = 0.0
    for k in range(count):
        below += math.comb(count, k) / 2.0**count
        if 2.0 * below > 1.0 - CONFIDENCE:
            return k
    return count


def estimate(samples: Sequence[float]) -> Estimate:
    """The median of the samples, with its interval; with too few of them, an interval without bounds."""
    if len(samples) < FEWEST:
        return Estimate(statistics.median(samples), 0.0, math.inf)
    ordered = sorted(samples)
    rank = _rank(len(ordered))
    return Estimate(statistics.median(ordered), ordered[rank - 1], ordered[-rank])


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The ratio of times that were taken in pairs: each pair is a sample, so what slows both does not count."""
    return estimate([numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)])


def spread(samples: Sequence[float]) -> float:
    """How far apart the middle half of the samples lies, as a part of the median."""
    if len(samples) < 2:
        return 0.0
    lower, middle, upper = statistics.quantiles(samples, n=4, method="inclusive")
    return (upper - lower) / middle


def geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values) if values else math.nan
