"""Which policy an outage falls under, and whether its evidence is enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from math import prod

from ..model.notice import Stage
from ..model.policy import Enough, NoticeRule, Policy, Release
from ..model.region import RegionTree
from ..model.signal import Evidence, Level, Signal, SignalClass

CAUTIOUS = Policy(
    id="cautious",
    suspect=tuple({klass: 0.5} for klass in SignalClass),
    confirm=({SignalClass.OFFICIAL: 1.0}, {SignalClass.STAFF: 1.0}),
)
"""In force where no configured policy fits: incidents are seen, and nothing is said without a person."""


def choose(
    policies: Sequence[Policy], tree: RegionTree, service: str, regions: Iterable[str], level: Level
) -> Policy:
    """The first policy whose services, regions and levels all fit; CAUTIOUS where none does.

    Regions fit when every one lies inside a region the policy names: a policy made for one state must not decide for
    the country.
    """
    places = tuple(regions)
    return next((policy for policy in policies if fits(policy, tree, service, places, level)), CAUTIOUS)


def fits(policy: Policy, tree: RegionTree, service: str, regions: Sequence[str], level: Level) -> bool:
    """Whether a policy is made for this service, all these regions and this level."""
    return (
        (not policy.services or service in policy.services)
        and (not policy.levels or level in policy.levels)
        and (not policy.regions or all(_inside(tree, place, policy.regions) for place in regions))
    )


def stricter(own: Policy, other: Policy) -> Policy:
    """`own`, with the release rule of each stage and the cap of `other` wherever those ask more of people."""
    caps = [policy.audience_cap for policy in (own, other) if policy.audience_cap is not None]
    rules = {stage: max(own.rule(stage), other.rule(stage), key=_strictness) for stage in Stage}
    return own.model_copy(update={"notices": rules, "audience_cap": min(caps, default=None)})


def _strictness(rule: NoticeRule) -> tuple[int, timedelta]:
    if rule.release is Release.AUTO:
        return 0, timedelta(0)
    if rule.release is Release.APPROVE_OR_AFTER and rule.after is not None:
        return 1, rule.after
    return 2, timedelta(0)


def _inside(tree: RegionTree, place: str, outer: Sequence[str]) -> bool:
    return place in outer or (place in tree and any(up in outer for up in tree.path(place)))


def scores(evidence: Evidence) -> Mapping[SignalClass, float]:
    """How strongly each class reports trouble, 0..1.

    Sources of one class are taken as independent witnesses: the score is the chance that not all of them are wrong,
    1 - (1-a)(1-b)…, the "noisy or". Signals of one source are not independent: only its strongest counts. What a blind
    source said last is no evidence. A source's track record is an exponent on the doubt it leaves (track.weight_of).
    """
    strongest: dict[SignalClass, dict[str, float]] = {}
    for signal in _speaking(evidence):
        by_source = strongest.setdefault(signal.klass, {})
        score = 1.0 - (1.0 - min(max(signal.score, 0.0), 1.0)) ** evidence.weights.get(signal.source, 1.0)
        by_source[signal.source] = max(by_source.get(signal.source, 0.0), score)
    return {klass: _together(by_source.values()) for klass, by_source in sorted(strongest.items())}


def _speaking(evidence: Evidence) -> list[Signal]:
    """The signals that report trouble and whose source can be heard."""
    return [s for s in evidence.signals if s.level.is_trouble and speaks(s, evidence.blind)]


def speaks(signal: Signal, blind: Collection[str]) -> bool:
    """Whether a signal still says something: its source can be heard, or it is the crowd's. The crowd counts as blind
    as soon as one listener is, for then its silence means nothing; but what the others hear is heard, and its signals
    are renewed every minute and run out by themselves."""
    return signal.source not in blind or signal.klass is SignalClass.CROWD


def _together(values: Iterable[float]) -> float:
    each = list(values)
    # Rounded, so that a lone 0.7 is 0.7 and not 0.6999999999999999, which would miss its own threshold.
    return round(1.0 - prod(1.0 - value for value in each), 9)


def enough(alternatives: Enough, evidence: Evidence) -> tuple[bool, str]:
    """Whether any alternative is reached by every class it names, and why, in words.

    A class that reports nothing reaches no score, not even 0: `official: 0` asks for any official word, not for none.
    An alternative that names no class is never reached: nothing is not evidence.
    """
    have = scores(evidence)
    for wanted in alternatives:
        if wanted and all(klass in have and have[klass] >= score for klass, score in wanted.items()):
            return True, " and ".join(_word(klass, have[klass], score, evidence)
                                      for klass, score in sorted(wanted.items()))
    said = ", ".join(f"{klass} {score:.2f}" for klass, score in have.items()) or "nothing reports trouble"
    needs = " or ".join(" with ".join(f"{klass} {score:.2f}" for klass, score in sorted(wanted.items()))
                        for wanted in alternatives if wanted) or "something no evidence can give"
    return False, f"{said}; needs {needs}"


def _word(klass: SignalClass, have: float, need: float, evidence: Evidence) -> str:
    sources = sorted({s.source for s in _speaking(evidence) if s.klass is klass})
    return f"{klass} evidence {have:.2f} (needs {need:.2f}) from {', '.join(sources)}"
