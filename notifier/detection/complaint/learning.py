"""Fitting the complaint model to labelled posts, and measuring it as it will be used: on events it has not seen.

Needs scikit-learn, imported where it is used: the daemon never comes here.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy

from .judge import Judge, Read
from .model import WORD_MOST, Model
from .verdict import Kind

SEEN_LEAST = 3
"""Posts a word must occur in to be learnt from."""
PENALTY = 1.0
"""C of scikit-learn's LogisticRegression. On CrisisLex T26, one event left out at a time, average precision among posts
that name a service was 0.40, 0.51 and 0.55 at 0.3, 1 and 3, and among all posts 0.24, 0.25 and 0.23."""
DIGITS = 3
"""Decimals of a weight that are kept: far below what decides, far above what rounding on another machine changes."""
_VETOES = (0.0, 0.02, 0.05, 0.1, 0.2)
_THRESHOLDS = tuple(step / 20 for step in range(1, 20))


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled post. `event`: what it is about, where known; else its month stands for it."""

    text: str
    label: Kind
    at: datetime
    event: str = ""

    @property
    def group(self) -> str:
        """What is left out together."""
        return self.event or f"{self.at:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Told:
    """One post as it is judged in a test: what the words say, how sure a model is that never saw its event, and what it
    is."""

    read: Read
    probability: float
    complaint: bool

    def words(self) -> bool:
        """Whether the words find a complaint."""
        return self.read.complains

    def both(self, threshold: float, veto: float) -> bool:
        """Whether words and model together do: the rule of `Judge`."""
        return self.probability >= veto if self.read.complains else self.read.asks and self.probability >= threshold


@dataclass(frozen=True, slots=True)
class Score:
    """How often a filter was right: complaints found, posts taken for one that are none, complaints missed."""

    right: int = 0
    false: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Share of what was found that is right; None where nothing was found."""
        return self.right / (self.right + self.false) if self.right + self.false else None

    @property
    def recall(self) -> float | None:
        """Share of the complaints that was found; None where there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None

    @property
    def balance(self) -> float:
        """F1, the harmonic mean of both; 0 where nothing was right."""
        return 2 * self.right / max(1, 2 * self.right + self.false + self.missed)

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.false + other.false, self.missed + other.missed)


def score(told: Iterable[Told], found: Callable[[Told], bool]) -> Score:
    """What a filter made of posts."""
    outcomes = Counter((found(one), one.complaint) for one in told)
    return Score(outcomes[True, True], outcomes[True, False], outcomes[False, True])


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report: an event's posts, and what words alone and words with a model made of them. The thresholds
    were chosen without these posts."""

    event: str
    posts: int
    words: Score
    both: Score
    threshold: float
    veto: float


def row(event: str, told: Sequence[Told], threshold: float, veto: float) -> Row:
    """A line of a report."""
    return Row(event, len(told), score(told, Told.words), score(told, lambda one: one.both(threshold, veto)),
               threshold, veto)


# ── fitting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fit(features: Sequence[frozenset[str]], complaints: Sequence[bool]) -> tuple[float, dict[str, float]]:
    """(intercept, weights) of an L1-penalised logistic regression; the same for the same posts in the same order.
    Raises ImportError where scikit-learn is not installed."""
    from scipy.sparse import csr_array  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped,import-not-found,unused-ignore]

    seen = Counter(word for one in features for word in one if len(word) <= WORD_MOST)
    words = sorted(word for word, posts in seen.items() if posts >= SEEN_LEAST)
    number = {word: at for at, word in enumerate(words)}
    if len(set(complaints)) < 2 or not words:
        return (5.0 if complaints and all(complaints) else -5.0), {}
    columns = [sorted(number[word] for word in one if word in number) for one in features]
    starts = [0]
    for one in columns:
        starts.append(starts[-1] + len(one))
    flat = numpy.array([at for one in columns for at in one], numpy.int32)
    table = csr_array((numpy.ones(len(flat)), flat, numpy.array(starts, numpy.int32)), shape=(len(columns), len(words)))
    fitted: Any = LogisticRegression(C=PENALTY, penalty="l1", solver="liblinear", random_state=0, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how the penalty is spelt changes with the version; what it does, does not
        fitted.fit(table, list(complaints))
    weights = {word: round(float(weight), DIGITS) for word, weight in zip(words, fitted.coef_[0], strict=True)}
    return round(float(fitted.intercept_[0]), DIGITS), {word: weight for word, weight in weights.items() if weight}


def _model(reads: Sequence[Read], labels: Sequence[bool]) -> Model:
    intercept, weights = fit([one.features for one in reads], labels)
    return Model(intercept, weights, threshold=0.5, veto=0.0)


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Report:
    """What training came to: the model fitted to all posts, and how such a model did on what it had not seen."""

    model: Model
    by_event: tuple[Row, ...]
    by_time: tuple[Row, ...]
    split_at: datetime | None


def train(judge: Judge, examples: Sequence[Example]) -> Report:
    """Fit and measure. `judge` reads the words (made with `learning`); the order of the examples does not matter."""
    ordered = sorted(examples, key=lambda one: (one.at, one.group, one.text, one.label))
    reads = [judge.read(one.text) for one in ordered]
    labels = [one.label is Kind.COMPLAINT for one in ordered]
    groups = [one.group for one in ordered]
    told = left_out(reads, labels, groups)
    threshold, veto = best(one for found in told.values() for one in found)
    by_event = tuple(row(event, found, *best(one for other, posts in told.items() if other != event for one in posts))
                     for event, found in sorted(told.items()))
    intercept, weights = fit([one.features for one in reads], labels)
    model = Model(intercept, weights, threshold, veto, judge.hash)
    split_at = ordered[len(ordered) // 2].at if ordered else None
    cut = next((at for at, one in enumerate(ordered) if one.at == split_at), 0)
    return Report(model, by_event, _by_time(reads, labels, groups, cut), split_at)


def left_out(reads: Sequence[Read], labels: Sequence[bool], groups: Sequence[str]) -> dict[str, list[Told]]:
    """By event: its posts, with how sure a model fitted to all other events is of each."""
    found: dict[str, list[Told]] = {}
    for event in sorted(set(groups)):
        others = [at for at, group in enumerate(groups) if group != event]
        model = _model([reads[at] for at in others], [labels[at] for at in others])
        found[event] = [Told(reads[at], model.probability(reads[at].features), labels[at])
                        for at, group in enumerate(groups) if group == event]
    return found


def best(told: Iterable[Told]) -> tuple[float, float]:
    """(threshold, veto) with the best balance of precision and recall among those no less precise than the words alone;
    the more cautious of equals: what adds least and takes back least."""
    posts = [one for one in told if one.read.asks]
    least = score(posts, Told.words).precision or 0.0
    chosen, most = (1.0, 0.0), -1.0
    for threshold in (1.0, *reversed(_THRESHOLDS)):
        for veto in (one for one in _VETOES if one <= threshold):
            found = score(posts, lambda one: one.both(threshold, veto))  # noqa: B023 used at once
            if found.balance > most and (found.precision or 0.0) >= least:
                chosen, most = (threshold, veto), found.balance
    return chosen


def _by_time(reads: Sequence[Read], labels: Sequence[bool], groups: Sequence[str], cut: int) -> tuple[Row, ...]:
    """Fit to the earlier posts, thresholds too (leaving out one of their events at a time), and test on the later."""
    if not 0 < cut < len(reads):
        return ()
    before = left_out(reads[:cut], labels[:cut], groups[:cut])
    threshold, veto = best(one for found in before.values() for one in found)
    model = _model(reads[:cut], labels[:cut])
    later: dict[str, list[Told]] = {}
    for read, label, group in zip(reads[cut:], labels[cut:], groups[cut:], strict=True):
        later.setdefault(group, []).append(Told(read, model.probability(read.features), label))
    return tuple(row(event, found, threshold, veto) for event, found in sorted(later.items()))


def totals(rows: Iterable[Row]) -> Mapping[str, Score]:
    """All lines of a report together: "words" and "both"."""
    listed = list(rows)
    return {"words": sum((one.words for one in listed), Score()), "both": sum((one.both for one in listed), Score())}
