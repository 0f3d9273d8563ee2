"""Secrets: where they are kept is configuration, what they are never is."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import model_validator

from .model.settings import Settings


class SecretMissing(Exception):
    """A secret could not be read: set the environment variable, file or systemd credential that the message names."""


class Secret(Settings):
    """Where a secret is found: exactly one of `env`, `file`, `credential`. Printing it shows only the place."""

    env: str | None = None
    """Name of an environment variable."""
    file: str | None = None
    """Path of a file that only the daemon may read; the last line break is dropped."""
    credential: str | None = None
    """Name of a systemd credential (LoadCredential=)."""

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if sum(value is not None for value in (self.env, self.file, self.credential)) != 1:
            raise ValueError("expected exactly one of env, file, credential")
        return self

    def reveal(self) -> str:
        """Read the secret now. Raises SecretMissing naming the place, never the value."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            place = f"environment variable {self.env}"
        else:
            path = Path(self.file) if self.file is not None else _credential_path(str(self.credential))
            place = f"file {path}" if self.file else f"systemd credential {self.credential}"
            try:
                if path.stat().st_mode & 0o007:
                    raise SecretMissing(f"{place} is readable by everyone: chmod o= it")
                value = path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise SecretMissing(f"{place} cannot be read: {type(error).__name__}") from error
        if not value:
            raise SecretMissing(f"{place} is empty or not set")
        return value


def _credential_path(name: str) -> Path:
    """Where systemd put a credential: by its name, or as "secrets_NAME" where a whole directory was loaded under the
    name "secrets", as the shipped unit does (systemd.exec(5), LoadCredential=). Raises SecretMissing where nobody says
    which directory that is: looking in the current one would take whatever lies about."""
    given = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not given:
        raise SecretMissing(f"systemd credential {name} cannot be read: $CREDENTIALS_DIRECTORY is not set")
    folder = Path(given)
    plain = folder / name
    # os.path.exists, because Path.exists raises where the folder may not be entered; the read then names the place.
    return plain if os.path.exists(plain) else folder / f"secrets_{name}"
