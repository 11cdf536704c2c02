"""Distributions of seconds in buckets of fixed, logarithmic width: small, mergeable, and good to a tenth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

STEPS = 4  # buckets to each doubling: the next bucket's edge is 19 % further
LEAST = 1e-6  # seconds; what is shorter, or negative because a clock was set, is in the first bucket
FIRST = math.ceil(math.log2(LEAST) * STEPS)


@dataclass(slots=True)
class Histogram:
    """How often values of which size were seen.

    Attributes:
        counts: How many are in each bucket that has any; bucket `n` ends at ``2 ** ((n + FIRST) / STEPS)``, so
            that up to 256 they are numbers which Python has anyway.
        count: How many there are.
        total: Their sum.
        least: The smallest of them.
        most: The largest.
    """

    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = 0.0

    def add(self, value: float) -> None:
        """Count one value; what is no finite number of seconds is left out, negative ones are 0."""
        if not 0.0 <= value < math.inf:
            if not -math.inf < value < 0.0:
                return
            value = 0.0
        bucket = 0 if value <= LEAST else math.ceil(math.log2(value) * STEPS) - FIRST
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.count += 1
        self.total += value
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value

    def merge(self, other: Histogram) -> None:
        """Count everything that another one has."""
        for bucket, number in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + number
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    def copy(self) -> Histogram:
        """Return one that goes its own way."""
        return Histogram(dict(self.counts), self.count, self.total, self.least, self.most)

    @property
    def mean(self) -> float | None:
        """The average; None of nothing."""
        return self.total / self.count if self.count else None

    def percentile(self, share: float) -> float | None:
        """Return the value below which `share` (0 to 1) of all are, within a tenth; None of nothing.

        Raises:
            ValueError: that is no share.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"percentile({share!r}): give a number from 0 to 1")
        if not self.count:
            return None
        rank, seen = share * self.count, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                middle: float = 2.0 ** ((bucket + FIRST - 0.5) / STEPS)
                return min(max(middle, self.least), self.most)
        return self.most

    def up_to(self, edges: tuple[float, ...]) -> list[int]:
        """Return how many are not greater than each edge. Exact where an edge is that of a bucket."""
        limits = [math.floor(math.log2(edge) * STEPS + 1e-9) - FIRST for edge in edges]
        return [sum(n for bucket, n in self.counts.items() if bucket <= limit) for limit in limits]
