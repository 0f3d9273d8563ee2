"""Which policy is in force, and what evidence is enough for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.incidents.policy import CAUTIOUS, choose, enough, scores, stricter
from notifier.model.notice import Stage
from notifier.model.policy import Enough, NoticeRule, Policy, Release
from notifier.model.signal import Level, Signal

from .builders import CROWD, MEASURED, OFFICIAL, TREE, crowd, evidence, policy, signal

VT = policy(id="vermont", regions=("US-VT",))
POWER = policy(id="power", services=("power",))
BAD = policy(id="bad", levels=(Level.CRITICAL,))
REST = policy(id="rest")


@pytest.mark.parametrize(("policies", "service", "regions", "level", "chosen"), [
    pytest.param([VT, REST], "power", ("VT-CHITTENDEN",), Level.MINOR, "vermont", id="it holds below its region"),
    pytest.param([VT, REST], "power", ("US",), Level.MINOR, "rest", id="a state's policy is not the country's"),
    pytest.param([VT, REST], "power", ("US-NH", "US-VT"), Level.MINOR, "rest", id="every region must fit"),
    pytest.param([POWER, REST], "mobile-data", ("US",), Level.MINOR, "rest", id="another service's policy is not"),
    pytest.param([BAD, REST], "power", ("US",), Level.MAJOR, "rest", id="another level's policy is passed over"),
    pytest.param([REST, VT], "power", ("US-VT",), Level.MINOR, "rest", id="the first that fits wins"),
    pytest.param([VT], "power", ("CA",), Level.MINOR, "cautious", id="where none fits, nothing is said by itself"),
    pytest.param([VT], "power", ("GONE",), Level.MINOR, "cautious", id="a region that left the tree fits no region"),
])
def test_choose(policies: list[Policy], service: str, regions: tuple[str, ...], level: Level, chosen: str) -> None:
    assert choose(policies, TREE, service, regions, level).id == chosen


def test_of_two_policies_the_stricter_rule_and_the_smaller_cap_hold() -> None:
    soon = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))
    late = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=9))
    one = policy(id="one", rules={Stage.UPDATE: soon, Stage.RESOLVE: NoticeRule()}, audience_cap=9)
    both = stricter(one, policy(rules={Stage.UPDATE: late}, audience_cap=3))
    assert (both.id, both.audience_cap, both.rule(Stage.UPDATE)) == ("one", 3, late)
    assert both.rule(Stage.RESOLVE).release is Release.APPROVE
    assert both.rule(Stage.ACKNOWLEDGE).release is Release.AUTO
    assert stricter(one, policy()).audience_cap == 9


def test_the_cautious_policy_leaves_every_notice_to_a_person() -> None:
    assert {CAUTIOUS.rule(stage).release for stage in Stage} == {Release.APPROVE}


@pytest.mark.parametrize(("signals", "alternatives", "yes", "word"), [
    pytest.param([signal()], ({OFFICIAL: 1.0},), True, "official evidence 1.00", id="official word is enough alone"),
    pytest.param([crowd(score=0.4)], ({CROWD: 0.5},), False, "crowd 0.40; needs crowd 0.50", id="too faint"),
    pytest.param([crowd(score=0.7)], ({CROWD: 0.7},), True, "0.70", id="exactly enough is enough, in floating point"),
    pytest.param([crowd(score=0.9)], ({CROWD: 0.5, MEASURED: 0.5},), False, "crowd 0.50 with measurement 0.50",
                 id="within an alternative every class must speak"),
    pytest.param([crowd(score=0.5), signal(klass=MEASURED, score=0.5)], ({CROWD: 0.5, MEASURED: 0.5},), True,
                 "measurement evidence", id="two classes that agree"),
    pytest.param([crowd(score=0.2), signal()], ({CROWD: 0.5}, {OFFICIAL: 1.0}), True, "official", id="any alternative"),
    pytest.param([crowd(score=0.5, source="a"), crowd(score=0.5, source="b")], ({CROWD: 0.75},), True, "from a, b",
                 id="independent sources add up: 1-(1-.5)(1-.5)"),
    pytest.param([crowd(score=0.5), crowd("VT-CHITTENDEN", score=0.5)], ({CROWD: 0.75},), False, "crowd 0.50",
                 id="one source that speaks twice counts once"),
    pytest.param([], ({CROWD: 0.5},), False, "nothing reports trouble", id="no signals"),
    pytest.param([signal()], (), False, "something no evidence can give", id="no alternatives: never enough"),
    pytest.param([signal()], ({},), False, "", id="an alternative that asks for nothing is never reached"),
    pytest.param([signal(level=Level.NOTICE)], ({OFFICIAL: 1.0},), False, "nothing", id="a notice is no evidence"),
    pytest.param([crowd(score=7.0)], ({CROWD: 1.0},), True, "1.00", id="a score out of range is capped"),
])
def test_enough(signals: list[Signal], alternatives: Enough, yes: bool, word: str) -> None:
    said, why = enough(alternatives, evidence(*signals))
    assert said is yes
    assert word in why


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1))), st.tuples(st.sampled_from("abc"), st.floats(0, 1)))
def test_more_evidence_never_weakens(pairs: list[tuple[str, float]], more: tuple[str, float]) -> None:
    def score(given: list[tuple[str, float]]) -> float:
        made = [crowd(score=s, source=name, fingerprint=str(i)) for i, (name, s) in enumerate(given)]
        return scores(evidence(*made)).get(CROWD, 0.0)

    assert 0 <= score(pairs) <= score([*pairs, more]) <= 1


def test_a_class_asked_for_at_zero_must_still_have_spoken() -> None:
    wanted = ({OFFICIAL: 0.0, CROWD: 0.3},)
    alone, why = enough(wanted, evidence(crowd(score=0.99)))
    assert not alone, why
    both, _ = enough(wanted, evidence(crowd(score=0.99), signal(klass=OFFICIAL, score=0.0)))
    assert both
