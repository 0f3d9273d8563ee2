"""What a provider's contract allows an account, in the words of the configuration, as limits all its channels share;
and what its answers say is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from pydantic import Field, field_validator, model_validator

from notifier.model.delivery import Outcome
from notifier.model.limit import Limit, Told
from notifier.model.settings import Duration, Settings, spelt_duration
from notifier.secret import Secret

WITHIN_LEAST, WITHIN_MOST = timedelta(seconds=1), timedelta(days=31)


class Allowance(Settings):
    """So many in any stretch of time, wherever it begins. What is above `burst` flows in evenly, because nobody knows
    from which moment a provider counts."""

    most: int = Field(ge=10, le=1_000_000_000)
    """What the provider allows in such a time, in its own unit (posts, requests, points, segments)."""
    within: Duration
    """The time."""
    burst: int | None = Field(default=None, ge=2)
    """How many of them may leave at once; a third where not given. The more, the slower the rest flows in. A quarter of
    them is kept for acknowledgements, all-clears and corrections."""

    @field_validator("within")
    @classmethod
    def _a_window(cls, value: timedelta) -> timedelta:
        if not WITHIN_LEAST <= value <= WITHIN_MOST:
            raise ValueError("expected a time from 1s to 31d")
        return value

    @model_validator(mode="after")
    def _something_flows(self) -> Allowance:
        if self.burst is not None and self.burst >= self.most:
            raise ValueError("expected burst to be less than most: what is above it flows in over the time")
        return self


def limits_of(account: str, allowances: Iterable[Allowance], *, cost: float = 1.0) -> tuple[Limit, ...]:
    """The limits of an account, the shortest first; `cost` is what one message takes, in the provider's unit."""
    return tuple(
        Limit.within(f"{account}/{spelt_duration(one.within)}", one.most, one.within, burst=one.burst, cost=cost)
        for one in sorted(allowances, key=lambda one: one.within))


def with_remaining(outcome: Outcome, headers: Mapping[str, str], name: str) -> Outcome:
    """The outcome, with what a header says is left of the account's limit."""
    value = headers.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        return outcome
    return replace(outcome, told=Told(float(value), outcome.told.until if outcome.told else None))


def place(secret: Secret) -> str:
    """Where a secret lies, which is what tells one account's from another's without reading it."""
    return secret.env or secret.file or str(secret.credential)
