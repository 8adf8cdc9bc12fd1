"""JSON Schemas of scenarios and judges, by which editors complete and check while one types."""

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, create_model

from agentlab.judges import KINDS as JUDGES
from agentlab.mapping import mapping
from agentlab.models.spec import ModelSpec
from agentlab.organization.protocols import KINDS as PROTOCOLS
from agentlab.scenario.fields import BaselineFields, ConditionFields, ExperimentFields
from agentlab.scenario.generators import KINDS as GENERATORS
from agentlab.scenario.inference_fields import KINDS as METHODS
from agentlab.scenario.task_table import TaskTableFields
from agentlab.training.trainers import TRAINERS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OWN = {
    "type": "object",
    "description": "A part of your own: `my_module:Name`, called with the other fields.",
    "properties": {"kind": {"type": "string", "pattern": r"^[\w.]+:\w+$"}},
    "required": ["kind"],
}
_JUDGE = {
    "type": "object",
    "description": "A judge with its kind, or changes to the judge of this name (or of `from`).",
}


def scenario_schema() -> dict[str, Any]:
    """Of a scenario; a level of a factor is the same with nothing required and `null` to remove."""
    fields: dict[str, Any] = {
        name: (info.annotation, info)
        for part in (ExperimentFields, ConditionFields)
        for name, info in part.model_fields.items()
    }
    whole = create_model("Scenario", **fields).model_json_schema()
    definitions: dict[str, Any] = whole.pop("$defs")
    definitions["Model"] = _lift(ModelSpec, definitions)
    definitions["Protocol"] = _kinds(PROTOCOLS, definitions)
    definitions["Trainer"] = _kinds({name: kind.fields for name, kind in TRAINERS.items()}, definitions)
    definitions["Inference"] = {"anyOf": [_lift(config, definitions) for config in METHODS.values()]}
    properties = whole["properties"]
    properties["inference"] = {
        "description": properties["inference"]["description"],
        "anyOf": [{"$ref": "#/$defs/Inference"}, {"type": "null"}],
    }
    properties["judges"]["anyOf"][1]["additionalProperties"] = _JUDGE
    sources = [_lift(TaskTableFields, definitions), *_kinds(GENERATORS, definitions)["anyOf"]]
    properties["models"]["additionalProperties"] = {"$ref": "#/$defs/Model"}
    definitions["OrganizationFields"]["properties"]["protocol"] |= {"$ref": "#/$defs/Protocol"}
    definitions["ImproveFields"]["properties"]["by"] |= {"$ref": "#/$defs/Trainer"}
    parts = (("OrganizationFields", "protocol"), ("ImproveFields", "by"))
    for section in (properties["models"], *(definitions[name]["properties"][part] for name, part in parts)):
        section.pop("type", None)
    level = {key: properties[key] for key in ConditionFields.model_fields}
    patched = {f"{name}Patch": _optional(part) for name, part in definitions.items()}
    definitions |= patched
    definitions["Level"] = {
        "type": "object",
        "description": "A patch to the document.",
        "additionalProperties": False,
        "properties": {key: _or_null(_optional(value)) for key, value in level.items()}
        | {"baseline": _lift(BaselineFields, definitions)},
    }
    listed = {name: value for name, value in properties["tasks"].items() if name != "description"}
    properties["tasks"] = {"description": properties["tasks"]["description"], "anyOf": [listed, *sources]}
    properties["factors"]["additionalProperties"]["additionalProperties"] = {"$ref": "#/$defs/Level"}
    return whole | {"$schema": _DIALECT, "title": "agentlab scenario", "$defs": definitions}


def judge_schema() -> dict[str, Any]:
    """Of a judge's file."""
    definitions: dict[str, Any] = {}
    kinds = _kinds(JUDGES, definitions)
    return {"$schema": _DIALECT, "title": "agentlab judge", **kinds, "$defs": definitions}


def _kinds(kinds: Mapping[str, type[BaseModel]], definitions: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*(_lift(config, definitions) for config in kinds.values()), _OWN]}


def _lift(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model, its definitions put beside the others."""
    schema = model.model_json_schema()
    for name, part in schema.pop("$defs", {}).items():
        if definitions.setdefault(name, part) != part:
            raise ValueError(f"two models are called {name}")
    return schema


def _optional(part: Any) -> Any:
    """A schema of a patch to what `part` describes: nothing is required, `null` removes; a `kind` replaces."""
    if isinstance(part, list):
        return [_optional(item) for item in cast(list[Any], part)]
    fields = mapping(part)
    properties = mapping(fields.get("properties"))
    if not fields or "kind" in properties:
        return part
    optional = {
        key: _optional(value) for key, value in fields.items() if key not in ("required", "default", "properties")
    }
    if "$ref" in optional:
        optional["$ref"] = f"{optional['$ref']}Patch"
    if properties:
        optional["properties"] = {key: _or_null(_optional(value)) for key, value in properties.items()}
    return optional


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def schemas() -> dict[str, str]:
    """The committed files, by path in the repository."""
    made = {"scenarios/scenario.schema.json": scenario_schema(), "judges/judge.schema.json": judge_schema()}
    return {path: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for path, schema in made.items()}
