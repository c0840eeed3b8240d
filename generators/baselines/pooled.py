"""Mean and standard deviation of numbers that come in parts."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor


class Pooled:
    """Of all numbers added so far; of a single part exactly what torch says of it, in 32 bits.

    Parts are joined as by Chan, Golub and LeVeque 1983 (The American Statistician 37, eq. 2.1), in 64 bits.
    """

    def __init__(self) -> None:
        self.count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, numbers: Float[Tensor, " numbers"]) -> None:
        """Another part."""
        own = len(numbers)
        if not own:
            return
        mean = float(numbers.mean())
        squares = (own - 1) * float(numbers.std()) ** 2 if own > 1 else 0.0
        total, apart = self.count + own, mean - self._mean
        self._squares += squares + apart**2 * self.count * own / total
        self._mean = (self.count * self._mean + own * mean) / total
        self.count = total

    @property
    def mean(self) -> float:
        """0 where there are no numbers."""
        return self._mean

    @property
    def std(self) -> float:
        """With divisor n - 1; 1 where there are fewer than two numbers."""
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else 1.0
