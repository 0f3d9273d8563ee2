"""JSON Schema for each YAML file, from the same settings classes that check it, so that an editor completes and
underlines."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ..model.notice import Template
from .files import (
    MaintenanceFile,
    NotifierFile,
    PoliciesFile,
    RegionsFile,
    ServicesFile,
    VocabularyFile,
    WorkaroundsFile,
)
from .registry import CHANNELS, MENTION_SOURCES, SOURCES

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_WHOLE: dict[str, type[BaseModel]] = {
    "notifier": NotifierFile, "regions": RegionsFile, "services": ServicesFile, "policies": PoliciesFile,
    "maintenance": MaintenanceFile, "workarounds": WorkaroundsFile, "vocabulary": VocabularyFile, "template": Template,
}


def json_schema() -> dict[str, dict[str, Any]]:
    """Schemas by file name without ending: notifier, regions, services, sources, channels, policies, …, template."""
    schemas = {name: {"$schema": DRAFT, **model.model_json_schema()} for name, model in _WHOLE.items()}
    schemas["sources"] = _lists(sources={k: v.settings for k, v in SOURCES.items()},
                                mentions={k: v.settings for k, v in MENTION_SOURCES.items()})
    schemas["channels"] = _lists(channels={k: v.settings for k, v in CHANNELS.items()})
    return {name: _mended(schema) for name, schema in sorted(schemas.items())}


def _mended(schema: Any) -> Any:
    """Local times of day are no RFC 3339 times: an editor would underline "22:00"."""
    if isinstance(schema, dict):
        mended = {key: _mended(value) for key, value in schema.items()}
        if mended.get("format") == "time" and mended.get("type") == "string":
            del mended["format"]
            mended["pattern"] = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
        return mended
    return [_mended(value) for value in schema] if isinstance(schema, list) else schema


def _lists(**parts: dict[str, Any]) -> dict[str, Any]:
    """A file of lists whose entries are told apart by their kind."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for part, kinds in parts.items():
        branches = []
        for kind, model in kinds.items():
            schema = model.model_json_schema(ref_template=f"#/$defs/{part}-{kind}-{{model}}")
            for name, inner in schema.pop("$defs", {}).items():
                definitions[f"{part}-{kind}-{name}"] = inner
            schema.setdefault("required", [])
            schema["required"] = sorted({*schema["required"], "kind"})
            branches.append({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": schema})
        properties[part] = {"type": "array", "items": {
            "type": "object", "required": ["id", "kind"], "allOf": branches,
            "properties": {"kind": {"enum": sorted(kinds)}, "id": {"type": "string"}}}}
    return {"$schema": DRAFT, "type": "object", "additionalProperties": False, "properties": properties,
            "$defs": definitions}
