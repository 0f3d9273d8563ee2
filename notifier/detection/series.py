"""What was heard of one service in one region lately, and whether it is alarmed. Plain counting; times are seconds
since 1970."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .spike import Heard

BIN = 10
"""Seconds of a bin."""
KEEP = 35 * 60
"""Seconds bins are kept at least."""
KEEP_MINUTES = 180
"""Minutes kept for people to look at."""
WORDS_MOST = 50
"""Words kept of one slot."""
SLOT = 300
"""Seconds of a slot of words."""

Bins = dict[int, int]


class Sample(NamedTuple):
    """A complaint as staff may see it, and by what it was placed ("" where it has no place)."""

    at: int
    text: str
    placed_by: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """What made an alarm: `people` heard within `minutes`, how many were `expected` in all of it after what was heard
    before, and how many a minute are `usual` at its hour. No minutes: not known."""

    minutes: int = 0
    people: int = 0
    expected: float = 0.0
    usual: float = 0.0


@dataclass
class Episode:
    """An alarm that lasts. `people` since `onset`, a person at most once an hour; `peak` its highest score, reached in
    `window`; `most` the most people any alarming window held; `heard` when the newest unusual complaint was."""

    onset: int
    began: int
    heard: int
    people: int
    peak: float
    most: int
    window: Window = Window()


@dataclass
class Series:
    """People by bin: with a known place, without one (home region only), and those who say it works again."""

    placed: Bins = field(default_factory=dict)
    unplaced: Bins = field(default_factory=dict)
    recovered: Bins = field(default_factory=dict)
    minutes: Bins = field(default_factory=dict)
    copies: Bins = field(default_factory=dict)
    """Complaints by minute that another had made before: reposts and copies. They are no people."""
    words: dict[int, dict[str, int]] = field(default_factory=dict)
    """By slot, how often each was said: what is said now is other than what was said all day."""
    samples: list[Sample] = field(default_factory=list)
    floor: int = 0
    """Bins up to this one belong to an episode that is over."""
    episode: Episode | None = None

    @property
    def active(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.placed or self.unplaced or self.recovered or self.episode)

    def add(self, at: int, *, placed: bool, people: int = 1) -> None:
        """Count the complaint of one person, or of several."""
        if not people:
            return
        bins = self.placed if placed else self.unplaced
        bins[at // BIN] = bins.get(at // BIN, 0) + people
        self.minutes[at // 60] = self.minutes.get(at // 60, 0) + people
        if self.episode is not None and at >= self.episode.onset:
            self.episode.people += people

    def show(self, words: Iterable[str], sample: Sample, most: int) -> None:
        """Keep a complaint's words and, as one of the `most` newest, its text."""
        slot = self.words.setdefault(sample.at // SLOT, {})
        for word in words:
            if word in slot or len(slot) < WORDS_MOST:
                slot[word] = slot.get(word, 0) + 1
        if most and all(sample.text != known.text for known in self.samples):
            self.samples = [*self.samples, sample][-most:]

    def copy(self, at: int, copies: int = 1) -> None:
        """Count complaints that are another's."""
        if copies:
            self.copies[at // 60] = self.copies.get(at // 60, 0) + copies

    def recover(self, at: int, people: int = 1) -> None:
        """Count people who say that it works again."""
        if people:
            self.recovered[at // BIN] = self.recovered.get(at // BIN, 0) + people

    def windows(self, now: int, lengths: Iterable[int], rate: float) -> list[Heard]:
        """What the windows of these minutes hold that end now; none reaches back into an episode that is over."""
        newest = now // BIN
        counts = [(newest - at, count, count if known else 0)
                  for bins, known in ((self.placed, True), (self.unplaced, False))
                  for at, count in bins.items() if at > self.floor]
        counts.sort()
        found: list[Heard] = []
        people = placed = next_one = 0
        for length in sorted(lengths):
            while next_one < len(counts) and counts[next_one][0] < length * 60 // BIN:
                people += counts[next_one][1]
                placed += counts[next_one][2]
                next_one += 1
            found.append(Heard(length, people, placed, rate * length))
        return found

    def steps(self, now: int, minutes: int) -> list[int]:
        """People a bin over the last `minutes`, oldest first, the bin of `now` last."""
        newest = now // BIN
        size = minutes * 60 // BIN
        return [self._in(at) for at in range(newest - size + 1, newest + 1)]

    def _in(self, at: int) -> int:
        return 0 if at <= self.floor else self.placed.get(at, 0) + self.unplaced.get(at, 0)

    def since(self, second: int) -> int:
        """People counted from a time on, as far back as bins are kept."""
        return sum(count for bins in (self.placed, self.unplaced) for at, count in bins.items()
                   if at >= second // BIN)

    def said_since(self, second: int) -> list[str]:
        """Words of complaints from a time on, as far back as bins are kept; the most said first."""
        said: Counter[str] = Counter()
        for slot, words in self.words.items():
            if slot >= second // SLOT:
                said.update(words)
        return sorted(said, key=lambda word: (-said[word], word))

    def placed_within(self, now: int, minutes: int) -> int:
        """People with a known place within the last minutes, since the last episode's end."""
        oldest = max(now // BIN - minutes * 60 // BIN, self.floor)
        return sum(count for at, count in self.placed.items() if at > oldest)

    def recovered_within(self, now: int, seconds: int) -> int:
        """People who said within so many seconds that it works again."""
        return sum(count for at, count in self.recovered.items() if at > (now - seconds) // BIN)

    def newest(self) -> int:
        """When the last complaint was, 0 if none is kept."""
        return max((at for bins in (self.placed, self.unplaced) for at in bins), default=0) * BIN

    def forget(self, now: int, keep: int = KEEP) -> None:
        """Drop what is older than `keep` seconds; what an episode gathered stays until it is over."""
        for bins, oldest in ((self.placed, (now - keep) // BIN), (self.unplaced, (now - keep) // BIN),
                             (self.recovered, (now - keep) // BIN), (self.minutes, now // 60 - KEEP_MINUTES),
                             (self.copies, now // 60 - KEEP_MINUTES)):
            for at in [at for at in bins if at < oldest]:
                del bins[at]
        for slot in [slot for slot in self.words if slot < (now - keep) // SLOT]:
            del self.words[slot]
        if not self.active:
            self.words, self.samples = {}, []
