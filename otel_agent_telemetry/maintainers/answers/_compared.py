"""Whether a later version is worse than an earlier one, with intervals that take installations as they are.

Events of one installation resemble each other, so an interval that took each event for itself would be too narrow: a
measure is a ratio of two sums over installations, and its variance that of the ratio estimator for clusters (Cochran,
Sampling Techniques, 3rd edition, 6.3 and 9A). A rate is never taken as more certain than independent events with two
more successes and two more failures would make it (Agresti and Coull 1998), as nothing seen is not nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Comparison", "Measured", "compare", "measured", "split"]

_FEWEST = 2
_Sums = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A ratio of sums over ``installations``, and the variance of its estimate."""

    ratio: float
    variance: float
    installations: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """``after`` minus ``before``, with the interval that holds the true difference in 95 of 100 such reports."""

    before: Measured
    after: Measured
    low: float
    high: float

    @property
    def difference(self) -> float:
        """How much more it is after."""
        return self.after.ratio - self.before.ratio

    @property
    def verdict(self) -> str:
        """``more``, ``less``, or ``unclear`` where the interval holds zero."""
        return "more" if self.low > 0 else "less" if self.high < 0 else "unclear"


def measured(sums: Sequence[_Sums], *, is_rate: bool) -> Measured | None:
    """The ratio of what stands above to what stands below, of one (above, below) for each installation.

    None for fewer than two installations: of one, nothing can be said about others.
    """
    above, below, count = sum(a for a, _ in sums), sum(b for _, b in sums), len(sums)
    if count < _FEWEST or not below:
        return None
    ratio = above / below
    between = sum((a - ratio * b) ** 2 for a, b in sums) * count / (count - 1)
    variance = between / below**2
    if is_rate:
        assumed = (above + 2) / (below + 4)
        variance = max(variance, assumed * (1 - assumed) / (below + 4))
    return Measured(ratio, variance, count)


def compare(
    before: Sequence[_Sums], after: Sequence[_Sums], *, is_rate: bool, level: float = 0.95
) -> Comparison | None:
    """Two versions by each one's installations; None where one of them has too few."""
    first, second = measured(before, is_rate=is_rate), measured(after, is_rate=is_rate)
    if first is None or second is None:
        return None
    freedom = first.installations + second.installations - 2
    reach = _student(0.5 + level / 2, freedom) * sqrt(first.variance + second.variance)
    difference = second.ratio - first.ratio
    return Comparison(first, second, difference - reach, difference + reach)


def split(rows: Iterable[tuple[int, int, float, float]]) -> tuple[list[_Sums], list[_Sums]]:
    """Rows of (is after, installation, above, below) as those before and those after."""
    sides: tuple[list[_Sums], list[_Sums]] = ([], [])
    for is_after, _, above, below in rows:
        sides[bool(is_after)].append((above, below))
    return sides


def _student(share: float, freedom: int) -> float:
    """The quantile of Student's t (Abramowitz and Stegun 26.7.5), for 2 degrees of freedom exactly."""
    if freedom == 2:  # noqa: PLR2004 - the case that the expansion does not reach
        return (2 * share - 1) / sqrt(2 * share * (1 - share))
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
