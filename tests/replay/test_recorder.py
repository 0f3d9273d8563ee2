"""What the recorder writes, the reader reads back; and what a kill, a full disk or a stranger leaves, it survives."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.clock import VirtualClock
from notifier.model.mention import Mention
from notifier.ports import Answer, Failure
from notifier.replay import recording
from notifier.replay.recorder import UNKEPT_HEADERS, Recorder, read_recording
from notifier.replay.recording import REASONS, Calls

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
moments = st.integers(0, 10_000_000).map(lambda millis: START + timedelta(milliseconds=millis))
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40)
mentions = st.builds(
    Mention,
    id=plain,
    created_at=moments,
    network=plain,
    text=plain,
    author=st.none() | plain,
    place=st.none() | plain,
    author_location=st.none() | plain,
    lang=st.none() | plain,
    is_repost=st.booleans(),
    url=st.none() | plain,
    reply_to=st.none() | plain,
)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(lambda name: name not in UNKEPT_HEADERS)
answers = st.builds(
    Answer,
    fetched_at=moments,
    status=st.integers(100, 599),
    headers=st.dictionaries(names, plain, max_size=3),
    body=st.binary(max_size=200) | plain.map(str.encode),
)
failures = st.builds(Failure, fetched_at=moments, reason=st.sampled_from(sorted(REASONS)), detail=st.just("") | plain)


def mention(id: str, after: float = 0.0, text: str = "no signal in Stowe") -> Mention:
    return Mention(id=id, created_at=START + timedelta(seconds=after), network="x", text=text)


def read(folder: Path) -> tuple[list[object], list[str]]:
    problems: list[str] = []
    return [event.what for event in read_recording(folder, problems.append)], problems


@settings(max_examples=60, deadline=None)
@given(posts=st.lists(mentions, max_size=8), polls=st.lists(st.tuples(names, answers | failures), max_size=8))
def test_whatever_is_recorded_is_read_back_byte_for_byte_and_in_time_order(posts, polls) -> None:
    with tempfile.TemporaryDirectory() as name:
        recorder = Recorder(Path(name) / "made", VirtualClock(START))
        for post in posts:
            recorder.mention("s", post)
        for source, found in polls:
            recorder.poll(source, found)
        recorder.close()
        assert (recorder.mentions, recorder.polls) == (len(posts), len(polls))
        problems: list[str] = []
        events = list(read_recording(Path(name) / "made", problems.append)) if posts or polls else []
    assert problems == []
    assert [event.at for event in events] == sorted(event.at for event in events)
    key = repr
    assert sorted((e.what for e in events if isinstance(e.what, Mention)), key=key) == sorted(posts, key=key)
    assert sorted((e.what for e in events if isinstance(e.what, tuple)), key=key) == sorted(polls, key=key)


def test_a_new_hour_begins_a_new_file_and_a_new_run_never_adds_to_an_old_one(tmp_path, clock) -> None:
    for _ in range(2):
        recorder = Recorder(tmp_path, clock)
        recorder.mention("s", mention(f"a{_}"))
        recorder.close()
    clock.advance(timedelta(hours=1))
    recorder.mention("s", mention("b"))
    recorder.poll("page", Failure(clock.now(), "timed_out"))
    recorder.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mentions-20260115T12-2.jsonl.gz",
        "mentions-20260115T12.jsonl.gz",
        "mentions-20260115T13.jsonl.gz",
        "polls-20260115T13.jsonl.gz",
    ]
    assert gzip.decompress((tmp_path / "mentions-20260115T13.jsonl.gz").read_bytes()).endswith(b"\n")


def test_bodies_are_kept_as_text_and_cookies_are_not_kept(tmp_path, clock) -> None:
    recorder = Recorder(tmp_path, clock)
    answer = Answer(clock.now(), 200, {"etag": "1", "Set-Cookie": "session=1"}, b'{"a": 1}')
    recorder.poll("page", answer)
    recorder.close()
    line = json.loads(gzip.decompress((tmp_path / "polls-20260115T12.jsonl.gz").read_bytes()))
    assert line["body"] == '{"a": 1}'
    assert line["headers"] == {"etag": "1"}


_WRITES_AND_DIES = """
import os, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from notifier.clock import SystemClock
from notifier.model.mention import Mention
from notifier.replay.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), SystemClock())
for number in range(500):
    at = datetime(2026, 1, 15, 12, 0, number % 60, tzinfo=UTC)
    recorder.mention("s", Mention(id=str(number), created_at=at, network="x", text="word " * (number % 50)  + "."))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_nothing_that_was_recorded(tmp_path) -> None:
    root = Path(recording.__file__).parents[2]
    died = subprocess.run([sys.executable, "-c", _WRITES_AND_DIES, str(tmp_path)], cwd=root)
    assert died.returncode == -signal.SIGKILL
    found, problems = read(tmp_path)
    assert len(found) == 500
    assert len(problems) == 1
    assert "cut off while it was written" in problems[0]


def test_a_file_torn_in_the_middle_of_a_line_gives_all_lines_before_it(tmp_path, clock) -> None:
    recorder = Recorder(tmp_path, clock)
    for number in range(50):
        recorder.mention("s", mention(str(number), number, text=os.urandom(200).hex()))
    recorder.close()
    path = tmp_path / "mentions-20260115T12.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-400])
    found, problems = read(tmp_path)
    assert 45 <= len(found) < 50
    assert [post.id for post in found] == [str(number) for number in range(len(found))]
    assert problems


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop_hearing(tmp_path, clock) -> None:
    folder = tmp_path / "taken"
    folder.write_text("a file, not a folder")
    recorder = Recorder(folder, clock)
    recorder.mention("s", mention("a"))
    folder.unlink()
    recorder.mention("s", mention("too soon to try again"))
    clock.advance(timedelta(minutes=2))
    recorder.mention("s", mention("b"))
    recorder.close()
    assert [post.id for post in read(folder)[0]] == ["b"]


BAD_LINES = [
    pytest.param("mentions.jsonl", b"{", id="half an object"),
    pytest.param("mentions.jsonl", b"[]", id="a list"),
    pytest.param("mentions.jsonl", b'{"id":"1","text":"t"}', id="a post without a time"),
    pytest.param("mentions.jsonl", b'{"id":"1","text":"t","created_at":"2026-01-15T12:00:00"}', id="no time zone"),
    pytest.param("mentions.jsonl", b'{"id":"1","text":"t","created_at":"0001-01-01T00:00:00+23:59"}', id="before time"),
    pytest.param("mentions.jsonl", b"\xff\xfe\x00", id="not text"),
    pytest.param("mentions.jsonl", b"[" * 100_000, id="nested without end"),
    pytest.param("polls.jsonl", b'{"fetched_at":"2026-01-15T12:00:00Z","status":200}', id="a poll of nothing"),
    pytest.param("polls.jsonl", b'{"fetched_at":1,"source":"p"}', id="a poll at no time"),
    pytest.param(
        "polls.jsonl", b'{"fetched_at":"2026-01-15T12:00:00Z","source":"p","status":"OK"}', id="a status in words"
    ),
    pytest.param("calls.csv", b"2026-01-15T12:00:00Z,US-VT,mobile,many", id="calls in words"),
    pytest.param("calls.csv", b"yesterday,US-VT,mobile,4", id="calls at no time"),
    pytest.param("calls.csv", b"2026-01-15T12:00:00Z,US-VT", id="a short row"),
]
GOOD = {
    "mentions.jsonl": b'{"id":"7","text":"good","created_at":"2026-01-15T12:00:00Z"}',
    "polls.jsonl": b'{"fetched_at":"2026-01-15T12:00:00Z","source":"good","status":200,"headers":{},"body":""}',
    "calls.csv": b"2026-01-15T12:00:00Z,good,mobile,4",
}


@pytest.mark.parametrize(("name", "line"), BAD_LINES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_a_bad_line_is_named_and_skipped(tmp_path, name: str, line: bytes, packed: bool) -> None:
    lines = [b"start,region,service,calls"] if name == "calls.csv" else [GOOD[name]]
    whole = b"\n".join([*lines, line, GOOD[name]]) + b"\n"
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(whole) if packed else whole)
    found, problems = read(tmp_path)
    if name == "calls.csv":
        assert found == [Calls(START, "good", "mobile", 4)]
    else:
        assert len(found) == 2
    assert len(problems) == 1
    assert problems[0].startswith(f"{path.name}:2: ")


def test_what_other_tools_write_is_read(tmp_path) -> None:
    (tmp_path / "polls-a.jsonl").write_text(
        '{"fetched_at":"2026-01-15T12:00:00+01:00","source":"p","status":200,"headers":{"ETag":"x"},"body":{"a":[1]}}\n'
        '{"fetched_at":"2026-01-15T12:00:01+01:00","source":"p","error":"connection reset: by peer"}'
    )
    first, second = read(tmp_path)[0]
    at = START - timedelta(hours=1)
    assert first == ("p", Answer(at, 200, {"etag": "x"}, b'{"a": [1]}'))
    assert second == ("p", Failure(at + timedelta(seconds=1), "unreachable", "connection reset: by peer"))


def test_files_that_overlap_are_merged_and_late_posts_never_turn_time_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recording, "MENTION_WINDOW", 3)

    def write(name: str, seconds: list[int]) -> None:
        lines = (json.dumps(mention(f"{name}{second}", second).to_record()) for second in seconds)
        (tmp_path / f"mentions-{name}.jsonl").write_text("\n".join(lines))

    write("a", [0, 10, 20, 15, 30, 40, 50, 60, 1])
    write("b", [5, 25, 55])
    (tmp_path / "calls.csv").write_text("start,region,service,calls\n2026-01-15T12:00:25Z,US-VT,mobile,9\n")
    (tmp_path / "notes.txt").write_text("not a part of the recording")
    events = list(read_recording(tmp_path))
    assert [event.at for event in events] == sorted(event.at for event in events)
    ids = [event.what.id if isinstance(event.what, Mention) else "calls" for event in events]
    assert ids[:8] == ["a0", "b5", "a10", "a15", "a20", "b25", "calls", "a30"]
    late = next(event for event in events if isinstance(event.what, Mention) and event.what.id == "a1")
    assert late.at > late.what.created_at == START + timedelta(seconds=1)


def test_a_recording_that_is_not_there_is_a_mistake_worth_words(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="not a directory"):
        list(read_recording(tmp_path / "nowhere"))


def test_a_file_that_is_no_gzip_is_named(tmp_path) -> None:
    (tmp_path / "mentions.jsonl.gz").write_bytes(b"plain text")
    found, problems = read(tmp_path)
    assert found == []
    assert problems == ["mentions.jsonl.gz: cannot be read on: error"]
