"""Where secrets are read from, and that they never show."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from notifier.secret import Secret, SecretMissing

VALUE = "s3cret-canary"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def put(path: Path, mode: int = 0o600) -> None:
    path.write_text(VALUE + "\n")
    path.chmod(mode)


@pytest.mark.parametrize("name", ["token", "secrets_token"])
def test_a_credential_is_found_alone_or_in_a_loaded_directory(credentials: Path, name: str) -> None:
    put(credentials / name)
    assert Secret(credential="token").reveal() == VALUE


def test_a_file_everyone_can_read_is_refused(credentials: Path) -> None:
    put(credentials / "token", 0o644)
    with pytest.raises(SecretMissing, match="readable by everyone"):
        Secret(credential="token").reveal()


def test_without_a_directory_nothing_lying_about_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "token")
    with pytest.raises(SecretMissing, match="CREDENTIALS_DIRECTORY is not set"):
        Secret(credential="token").reveal()


@pytest.mark.parametrize("secret", [Secret(env="NOT_SET_ANYWHERE"), Secret(file="/does/not/exist")])
def test_what_is_missing_is_named_by_its_place(secret: Secret) -> None:
    with pytest.raises(SecretMissing) as raised:
        secret.reveal()
    assert (secret.env or secret.file or "") in str(raised.value)


def test_printing_shows_the_place_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", VALUE)
    secret = Secret(env="A_TOKEN")
    assert secret.reveal() == VALUE
    assert VALUE not in repr(secret) + str(secret)


@pytest.mark.parametrize("places", [{}, {"env": "A", "file": "/b"}])
def test_exactly_one_place(places: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        Secret(**places)
