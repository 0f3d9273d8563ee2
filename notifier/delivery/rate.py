"""How many messages may leave now: a token bucket as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Bucket:
    """`rate` tokens flow in each second, up to `burst`; `tokens` stood in it at `at`."""

    rate: float
    burst: float
    tokens: float
    at: datetime

    @classmethod
    def full(cls, rate: float, now: datetime) -> Bucket:
        """A bucket holding one second's worth, and at least one token: the first message never waits."""
        burst = max(1.0, rate)
        return cls(rate, burst, burst, now)

    def level(self, now: datetime) -> float:
        """Tokens in it now. A clock that went back adds nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        return min(self.burst, self.tokens + passed * self.rate)

    def take(self, number: int, now: datetime) -> Bucket:
        """The bucket after taking `number` tokens. Raises ValueError when it holds fewer."""
        level = self.level(now)
        if number > level + 1e-9:
            raise ValueError(f"{number} tokens asked of a bucket that holds {level:.3f}: ask for its level first")
        return replace(self, tokens=max(0.0, level - number), at=max(now, self.at))
