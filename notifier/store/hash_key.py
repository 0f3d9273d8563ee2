"""The key of the hashes that opt-outs are kept as: of the configuration, or made once and kept in the database.

With another key no opt-out is found any more, and whoever said STOP is told again. So the database holds a mark of the
key in use: what does not fit it is refused at opening, and within each transaction that hashes, for the key of a
database that held nobody yet may have been changed by another process meanwhile.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from notifier.ports import StoreUnavailable
from notifier.secret import SecretMissing

from .database import Database, Row
from .settings import StoreSettings

OWN = "hash_key"
"""What a key made here is kept under."""
MARK = "hash_key_mark"
"""What the mark of the key in use is kept under. A store of before has none: the key made here is in use there."""


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """The key; None where it is not at hand and need not be. `new`: what is to be kept so that it is the one in use."""

    key: bytes | None
    new: Mapping[str, bytes] = field(default_factory=dict)


def hashed(key: bytes | None, kind: str, address: str) -> str:
    """See Database.keyed_hash. Raises StoreUnavailable where there is no key."""
    if key is None:
        raise StoreUnavailable("the store's hash_key cannot be read here, or is not the one its opt-outs were kept "
                               "with, and without it no opt-out is found or kept")
    plain = address if kind == "erased" else address.strip().casefold()
    return hmac.digest(key, f"{kind}\0{plain}".encode(), "sha256").hex()


def confirm(key: bytes | None, kept: Row | None) -> None:
    """Raises StoreUnavailable where the database's mark, now, is that of another key."""
    if key is not None and (kept is None or bytes(kept["value"]) != _mark(key)):
        raise StoreUnavailable("the store's hash_key was changed since this process opened it: start it again")


def choose(settings: StoreSettings, db: Database) -> KeyChoice:
    """The key to open a database with. Raises StoreUnavailable for one with which its opt-outs would be forgotten."""
    kept = {row["name"]: bytes(row["value"]) for row in db.rows("staff.hash_key")}
    own = kept.get(OWN)
    in_use = kept.get(MARK) or (_mark(own) if own else None)
    if settings.hash_key is None and settings.without_key and in_use not in (None, own and _mark(own)):
        return KeyChoice(None)  # a configuration with mistakes names no key; that is no reason to make another
    try:
        given = settings.hash_key.reveal().encode() if settings.hash_key is not None else None
    except SecretMissing as error:
        if settings.without_key:
            return KeyChoice(None)
        raise StoreUnavailable(f"the store's hash_key: {error}") from error
    key = given or own or secrets.token_bytes(32)
    if in_use not in (None, _mark(key)) and _holds_anybody(db):
        if settings.without_key:
            return KeyChoice(None)
        raise StoreUnavailable(_refusal(given, own, in_use))
    new = {MARK: _mark(key)} if given else {MARK: _mark(key), OWN: key}
    return KeyChoice(key, {name: value for name, value in new.items() if kept.get(name) != value})


def keep(choice: KeyChoice, db: Database) -> None:
    """Keep what is new in a choice, in the transaction it was made in."""
    db.run_many("staff.put_meta", ({"name": name, "value": value} for name, value in choice.new.items()))


def _mark(key: bytes) -> bytes:
    return hmac.new(key, b"mark of the key", hashlib.sha256).digest()


def _holds_anybody(db: Database) -> bool:
    row = db.row("staff.anybody")
    return row is not None and bool(row["anybody"])


def _refusal(given: bytes | None, own: bytes | None, in_use: bytes | None) -> str:
    if given is None:
        return ("the store's opt-outs were kept with a hash_key, which the configuration no longer gives, and would be "
                "forgotten without it: put store.hash_key back")
    if own is not None and in_use == _mark(own):
        return ("the store's opt-outs were kept with a key of its own, and would be forgotten with another: take "
                "store.hash_key out of the configuration again")
    return "the store's hash_key is not the one its opt-outs were kept with: put it back"
