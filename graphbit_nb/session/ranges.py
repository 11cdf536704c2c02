"""A number that is not known yet: the least, the likely one, and the most, if there is a most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, which is None where there is no bound."""

    low: float
    likely: float
    high: float | None

    @classmethod
    def exactly(cls, value: float) -> Range:
        """Return a range of one number."""
        return cls(value, value, value)

    @property
    def is_exact(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    def __add__(self, other: Range) -> Range:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(self.low + other.low, self.likely + other.likely, high)

    def __mul__(self, other: Range) -> Range:
        if 0.0 in (self.high, other.high):
            return NONE
        high = None if self.high is None or other.high is None else self.high * other.high
        return Range(self.low * other.low, self.likely * other.likely, high)

    def __contains__(self, value: float) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)

    def perhaps(self) -> Range:
        """Return the same for what may not happen at all."""
        return Range(0.0, self.likely, self.high)


NONE = Range.exactly(0.0)
ONE = Range.exactly(1.0)
