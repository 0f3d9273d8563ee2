"""Whether a setting named at the keyboard (`--set KEY=VALUE`) is one at all.

A misspelt key fits no kind, so recognising would only say that nothing was found there. It is told before anything is
asked: which key, the nearest right one, and all there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from .mistake import listed, nearest

Model = type[BaseModel]


def misspelt(keys: Iterable[str], models: Collection[Model], whose: str) -> str:
    """What is wrong with the first of `keys` ("placing.service": dots lead into what a setting holds) that none of
    `models` has, in words; "" where each is somebody's. `whose` names them: "statuspage", "a source"."""
    for key in keys:
        here: Collection[Model] = models
        steps = key.split(".")
        for depth, step in enumerate(steps):
            names = {name for model in here for name in model.model_fields}
            if step not in names:
                within = "".join(f"{one}." for one in steps[:depth])
                near = nearest(step, names)
                meant = f" (did you mean {within + near!r}?)" if near else ""
                return f"--set {key}: {whose} has no setting {within + step!r}{meant}; expected {_all(names, within)}"
            here = [below for model in here if step in model.model_fields
                    for below in _models(model.model_fields[step].annotation)]
            if not here:
                break  # what stands there is checked with its value
    return ""


def _all(names: Collection[str], within: str) -> str:
    return listed((within + name for name in names), most=len(names))


def _models(annotation: Any) -> list[Model]:
    """The settings classes a value of this type may be; none of what a mapping holds: its keys are anybody's."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return []
    return [model for part in get_args(annotation) for model in _models(part)]
