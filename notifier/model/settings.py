"""What every settings class shares, so that a typo in YAML is an error wherever it stands."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_SPELT = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Settings(BaseModel):
    """A frozen piece of configuration; unknown keys are refused.

    Every field states its unit in its name or type and carries a description: the description becomes the hint an
    editor shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


def parse_duration(value: Any) -> timedelta:
    """Read "90s", "2m", "1h30m", "2d" as a timedelta; a timedelta passes through.

    Raises ValueError with the accepted spellings for anything else, a bare number included: a number without a unit
    is how a five-minute limit becomes five seconds.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and len(value) <= 32 and _WHOLE.fullmatch(value.strip()):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        if seconds <= 10 * 365 * 86400:
            return timedelta(seconds=seconds)
    raise ValueError("expected a duration with its unit, such as 30s, 5m, 1h30m or 2d")


def spelt_duration(length: timedelta) -> str:
    """Whole seconds as `parse_duration` reads them, in the largest unit that fits: "90s", "5m", "1d"."""
    seconds = round(length.total_seconds())
    return next(f"{seconds // size}{unit}" for unit, size in _SPELT if seconds % size == 0)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$", "examples": ["30s", "5m", "1h30m"]}
    ),
]
"""A length of time written with its unit."""

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name used in keys, tables, metrics and file names: letters, digits, dot, dash and underscore, at most 64."""
