"""Any JSON that lists what is wrong, mapped in YAML by JMESPath expressions: for vendors without a kind of their own.

The mapping is staff's guess at a format nobody documented, so the answer has to prove itself each time: every
expression of `expect` must hold, the items must be a list of objects or lists, and each must have an id. Whatever fails
makes the answer unknown; a list that is empty ends things only because `expect` has vouched for the answer around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Settings
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource
from ..shapes import MOST, Unreadable, json_of, kind_of, one_line
from ..vendor_page import VendorPage, read_page
from .mapped import LISTS, FactName, Item, MappedSettings, mapped, named_fields
from .query import Expression, Questions


class JsonFields(Settings):
    """Where each field of an item is found: expressions seen from the item."""

    id: Expression
    """The vendor's own id of the trouble, which stays the same while title and text change."""
    title: Expression | None = None
    """What people call it."""
    status: Expression | None = None
    """A word, or several, for its state; `statuses` says what they mean."""
    started_at: Expression | None = None
    """When it began."""
    updated: Expression | None = None
    """When it was last written of."""
    text: Expression | None = None
    """What was written last; or all of it as a list, newest first."""
    component: Expression | None = None
    """Name of what has failed, or a list of names."""
    group: Expression | None = None
    """What those belong to."""
    location: Expression | None = None
    """Place the vendor names as such, or a list of them."""
    url: Expression | None = None
    """Where people read more."""
    ended: Expression | None = None
    """When it was over: a time; what is no time is no end."""
    facts: Mapping[FactName, Expression] = Field(default_factory=dict)
    """More that is worth keeping as evidence."""


class JsonSettings(MappedSettings):
    """Any JSON, mapped by JMESPath expressions (https://jmespath.org)."""

    kind: Literal["json"] = "json"
    expect: tuple[Expression, ...] = ()
    """Expressions that must hold for an answer to count: what the vendor's answer always has and an error page has
    not, such as "version == '2'" or "type(outages) == 'array'"."""
    items: Expression
    """The list of incidents, outages or services in the answer, such as "outages" or "data.items[?public]"."""
    well: Expression | None = None
    """Holds where the answer says of something that it is well, such as "services[?state=='up']": a list that is merely
    empty is not believed while other sources report trouble."""
    fields: JsonFields
    """Where each field is found in an item."""

    @model_validator(mode="after")
    def _vouched_for(self) -> JsonSettings:
        nothings: tuple[Any, ...] = ({}, None)
        for nothing in nothings:  # an answer with nothing in it must not count
            asked = Questions()
            reads = isinstance(asked.ask(self.items, nothing), list)
            if reads and all(asked.holds(expression, nothing) for expression in self.expect):
                raise ValueError("expected expect: with an expression that an answer without anything in it does not "
                                 "fulfil; as it is, such an answer would read as all well")
        return self


def make(settings: JsonSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[JsonSettings]:
    """One address."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[JsonSettings]) -> Reading:
    """What the answer says."""
    settings, questions, value = context.settings, Questions(), json_of(body)
    for expression in settings.expect:
        if not questions.holds(expression, value):
            raise Unreadable(f"the answer does not fulfil {one_line(expression, 80)}")
    items = questions.ask(settings.items, value)
    if not isinstance(items, list):
        raise Unreadable(f"{one_line(settings.items, 80)} is {kind_of(items)}, expected a list")
    if len(items) > MOST:
        raise Unreadable(f"{one_line(settings.items, 80)} has {len(items)} entries, more than {MOST}")
    found = mapped([_item(one, settings, questions) for one in items], settings, context.now)
    affirmed = settings.well is not None and questions.holds(settings.well, value)
    page = VendorPage(found.incidents, whole=settings.lists_all_open, affirmed=affirmed,
                      not_understood=found.not_understood)
    return read_page(page, context, zone=settings.timezone)


def _item(value: Any, settings: JsonSettings, questions: Questions) -> Item:
    if not isinstance(value, dict | list):
        raise Unreadable(f"an entry of {one_line(settings.items, 80)} is {kind_of(value)}, expected an object")
    return {name: _values(questions.ask(expression, value), name)
            for name, expression in named_fields(settings).items()}


def _values(found: Any, name: str) -> list[Any]:
    if isinstance(found, list):
        return found if name in LISTS else found[:1]
    return [] if found is None else [found]
