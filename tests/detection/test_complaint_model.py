"""The model: kept whole or refused with a sentence, asked where a service is named, and explained by words."""

from __future__ import annotations

import hashlib
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.config import load
from notifier.detection.complaint import Judge, Kind, Verdict
from notifier.detection.complaint.model import MAGIC, CannotUse, Model, dump, parse, read
from notifier.detection.settings import Vocabulary

from ..parts.deployment import Deployment
from .scene import post, services, vocabulary

MODEL = Model(intercept=-2.0, weights={"internet": 1.2, "kaput": 2.5, "offer": -4.0, "album": -6.0, "=symptom": 1.0},
              threshold=0.6, veto=0.1)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "complaints.model"
    path.write_bytes(dump(MODEL))
    return path


def _vocabulary(path: Path, threshold: float | None = None) -> Vocabulary:
    return vocabulary().model_copy(update={"model": str(path), "model_threshold": threshold})


def test_it_comes_back_as_it_was() -> None:
    """What is kept is what was fitted, and the same model gives the same bytes."""
    assert parse(dump(MODEL)) == MODEL
    assert dump(parse(dump(MODEL))) == dump(MODEL)


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "no complaint model", id="empty"),
    pytest.param(b"\x80\x04\x95 a pickle", "no complaint model", id="another kind of file"),
    pytest.param(dump(MODEL).replace(b"model 1 ", b"model 2 "), "another version", id="of another version"),
    pytest.param(dump(MODEL)[:-9], "damaged", id="cut short"),
    pytest.param(dump(MODEL).replace(b"kaput", b"kabut"), "damaged", id="a letter changed"),
    *[pytest.param(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body, "no model", id=id)
      for id, body in (
        ("whole, and no model", b"[1, 2]"), ("not JSON", b"{"), ("too deep", b"[" * 100_000),
        ("a weight that is no number", dump(MODEL).partition(b"\n")[2].replace(b"1.2", b"NaN")),
        ("a weight out of bounds", dump(MODEL).partition(b"\n")[2].replace(b"1.2", b"1e9")),
        ("a veto above its threshold", dump(MODEL).partition(b"\n")[2].replace(b'"veto": 0.1', b'"veto": 0.9')))],
])
def test_what_is_no_model_is_refused(data: bytes, says: str) -> None:
    """A foreign, damaged or forged file is a sentence, never a crash."""
    with pytest.raises(CannotUse, match=says):
        parse(data)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_byte_changes_unnoticed(at: int, byte: int) -> None:
    """Wherever a byte is changed, the file is refused."""
    data = bytearray(dump(MODEL))
    at %= len(data)
    if data[at] != byte:
        data[at] = byte
        with pytest.raises(CannotUse):
            parse(bytes(data))


@pytest.mark.parametrize("name", ["missing", "a folder", "nul\0byte"])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """So is what is not there, or no file."""
    (tmp_path / "a folder").mkdir()
    with pytest.raises(CannotUse, match="cannot be read"):
        read(tmp_path / name)


def test_it_adds_what_the_words_miss(kept: Path) -> None:
    """Where a service is named and the model is sure, its complaint is of that service, with the words that weigh."""
    text = "internet kaput in Barre"
    assert Judge(vocabulary(), services()).verdicts(post(text)) == ()
    judge = Judge(_vocabulary(kept), services())
    assert judge.verdicts(post(text)) == (Verdict(Kind.COMPLAINT, ("broadband",), ("kaput", "internet")),)
    assert judge.explain(post(text))[:2] == (("kaput", 2.5), ("internet", 1.2))


def test_it_is_asked_nothing_where_no_service_is_named(kept: Path) -> None:
    """However sure of a word, it says nothing of a post that names nothing of ours."""
    judge = Judge(_vocabulary(kept), services())
    assert judge.verdicts(post("my toaster is kaput")) == ()
    assert judge.explain(post("my toaster is kaput")) == ()


def test_it_takes_back_what_the_words_say_too_easily(kept: Path) -> None:
    """Below its veto a complaint of the words is none; a recovery stays."""
    judge = Judge(_vocabulary(kept), services())
    assert judge.verdicts(post("no internet album")) == ()
    assert judge.judge(post("internet is back album")).kind is Kind.RECOVERY


def test_staff_may_set_the_threshold(kept: Path) -> None:
    """`model_threshold` stands above the model's own."""
    assert Judge(_vocabulary(kept, 0.99), services()).verdicts(post("internet kaput in Barre")) == ()
    assert Judge(_vocabulary(kept, 0.01), services()).verdicts(post("internet in Barre")) != ()


def test_a_recovery_is_not_made_a_complaint(kept: Path) -> None:
    """What is back to the words stays back, however the rest sounds."""
    verdicts = Judge(_vocabulary(kept), services()).verdicts(post("internet is back, was kaput"))
    assert [one.kind for one in verdicts] == [Kind.RECOVERY]


def test_the_daemon_goes_on_with_words(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that cannot be used is told of, and words alone decide."""
    kept.write_bytes(b"what is this")
    judge = Judge(_vocabulary(kept), services())
    assert judge.judge(post("no internet here")).kind is Kind.COMPLAINT
    assert "complaint.model_refused" in "".join(capsys.readouterr())


def test_its_path_begins_at_the_configuration(tmp_path: Path) -> None:
    """`model:` is relative to the directory of the YAML files, wherever the daemon runs."""
    made = Deployment(tmp_path, "http://127.0.0.1:1/", extra={}).write()
    path = made.config / "vocabulary.yaml"
    path.write_text(path.read_text().replace("vocabulary:\n", "vocabulary:\n  model: learnt/our.model\n"))
    assert load(made.config).vocabulary.model == str(made.config / "learnt/our.model")


def test_it_is_read_in_milliseconds() -> None:
    """Twenty thousand weights, far more than a fit leaves, within 100 ms of CPU time (measured: 12 ms)."""
    data = dump(Model(0.0, {f"word{number}": 0.5 for number in range(20_000)}, 0.5, 0.1))
    begun = process_time()
    parse(data)
    assert process_time() - begun < 0.1
