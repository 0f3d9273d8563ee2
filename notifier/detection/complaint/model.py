"""A linear model of what a complaint is, fitted to labelled posts by `notifier train`: reading, asking and keeping it.

Its features are the single words of a post and what the vocabulary's phrases said of it. Fitted to 25 events and
tested on the one left out (nine of CrisisLex T26's 26, average precision), single words with an L1 penalty gave 0.271
with 1,300 weights, words and pairs 0.259 with 1,600, character n-grams of 3 to 5 letters 0.266 with 2,500, and with an
L2 penalty 0.275 with 87,000, at thirty times the cost. What the phrases said belongs in it: without, on 330
hand-labelled posts about internet providers (fitted to one country, tested on the other), the same words gave 0.33 in
place of 0.83, though the phrases had been seen beside these posts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"notifier complaint model 1 "
"""How a file begins; the SHA-256 of all after the first line follows."""
BYTES_MOST = 4_000_000
WEIGHTS_MOST = 100_000
WEIGHT_MOST = 100.0
WORD_MOST = 100
"""Letters of the longest word in a model."""
EXPLAIN = 4
"""Words that explain a verdict."""


class CannotUse(Exception):
    """A model file that is no model of ours; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of a logistic regression. `threshold`: from which probability on a post that the words pass over is a
    complaint; `veto`: below which one that the words take for a complaint is none; both chosen by leaving one event
    out. `vocabulary`: hash of the words it was fitted beside."""

    intercept: float
    weights: Mapping[str, float]
    threshold: float
    veto: float
    vocabulary: str = ""

    def probability(self, features: Iterable[str]) -> float:
        """How likely a post with these features is a complaint, 0 to 1."""
        get = self.weights.get
        score = self.intercept + sum(get(one, 0.0) for one in features)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))

    def explain(self, features: Iterable[str]) -> tuple[tuple[str, float], ...]:
        """The features that weigh most, with their weights (log odds), heaviest first."""
        weighed = ((one, self.weights[one]) for one in set(features) if one in self.weights)
        return tuple(sorted(weighed, key=lambda pair: (-abs(pair[1]), pair[0])))


def dump(model: Model) -> bytes:
    """A model as a file keeps it: the same bytes for the same model."""
    body = json.dumps({"vocabulary": model.vocabulary, "intercept": model.intercept, "threshold": model.threshold,
                       "veto": model.veto, "weights": dict(model.weights)},
                      ensure_ascii=False, sort_keys=True, indent=0).encode()
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def parse(data: bytes) -> Model:
    """Read a model. Raises CannotUse for anything but an unharmed one of ours."""
    first, _, body = data.partition(b"\n")
    if not first.startswith(MAGIC[:-2]):
        raise CannotUse("it is no complaint model; `notifier train` makes one")
    if not first.startswith(MAGIC):
        raise CannotUse("it is of another version; make it again with `notifier train`")
    if hashlib.sha256(body).hexdigest().encode() != first[len(MAGIC):]:
        raise CannotUse("it is damaged: its checksum differs")
    try:
        value = json.loads(body)
        return _checked(value)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CannotUse(f"it holds no model: {type(error).__name__}") from error


def _checked(value: Any) -> Model:
    weights = value["weights"]
    if len(weights) > WEIGHTS_MOST or any(len(word) > WORD_MOST for word in weights):
        raise ValueError("too many or too long")
    model = Model(float(value["intercept"]), {word: float(weight) for word, weight in weights.items()},
                  float(value["threshold"]), float(value["veto"]), str(value["vocabulary"])[:64])
    numbers = (model.intercept, *model.weights.values())
    if not all(abs(number) <= WEIGHT_MOST for number in numbers):  # also refuses what is no number
        raise ValueError("a weight out of bounds")
    if not (0 <= model.veto <= model.threshold <= 1):
        raise ValueError("a threshold out of bounds")
    return model


def read(path: Path) -> Model:
    """Read a model's file. Raises CannotUse, also where it cannot be read or is too large."""
    try:
        with open(path, "rb") as file:
            data = file.read(BYTES_MOST + 1)
    except (OSError, ValueError) as error:
        raise CannotUse(f"it cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from error
    if len(data) > BYTES_MOST:
        raise CannotUse(f"it has more than {BYTES_MOST:,} bytes")
    return parse(data)
