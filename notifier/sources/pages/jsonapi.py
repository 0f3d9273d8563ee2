"""Documents in the shape of JSON:API: resources with attributes and relations, and the resources they relate to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..shapes import Unreadable, record, records, required

Key = tuple[str, str]
"""(type, id)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `relations` are the keys it relates to, by the relation's name; one that is empty is there with
    none."""

    type: str
    id: str
    attributes: Mapping[str, Any]
    relations: Mapping[str, tuple[Key, ...]]

    @property
    def key(self) -> Key:
        """What others refer to it by."""
        return self.type, self.id


def resource(value: Any, what: str) -> Resource:
    """One resource, checked. Raises Unreadable."""
    one = record(value, what)
    return Resource(required(one, "type", what), required(one, "id", what),
                    record(one.get("attributes"), f"attributes of {what}"), _relations(one, what))


def resources(value: Any, what: str) -> list[Resource]:
    """A list of resources, checked. Raises Unreadable."""
    return [resource(one, f"an entry of {what}") for one in records(value, what)]


def by_key(found: Iterable[Resource]) -> dict[Key, Resource]:
    """Resources by type and id."""
    return {one.key: one for one in found}


def related(one: Resource, relation: str, among: Mapping[Key, Resource]) -> Iterator[Resource]:
    """What `one` relates to, for documents that include all of it. Raises Unreadable where they do not."""
    for key in one.relations.get(relation, ()):
        if key not in among:
            raise Unreadable(f"{one.type} {one.id} names {key[0]} {key[1]}, which is not there")
        yield among[key]


def _relations(one: Mapping[str, Any], what: str) -> dict[str, tuple[Key, ...]]:
    given = one.get("relationships")
    found: dict[str, tuple[Key, ...]] = {}
    for name, relation in record(given, f"relationships of {what}").items() if given is not None else ():
        data = record(relation, f"{name} of {what}").get("data")
        listed = [data] if isinstance(data, dict) else data if data is not None else []
        found[name] = tuple((required(each, "type", name), required(each, "id", name))
                            for each in records(listed, name))
    return found
