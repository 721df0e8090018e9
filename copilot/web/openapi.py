"""The API's description (OpenAPI 3.1), made from the models that it sends."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter

from copilot import __version__
from copilot.asking.models import PLACES
from copilot.reading.models import Outcome
from copilot.stories.models import Export, Tombstone

REF = "#/components/schemas/{model}"


def description() -> dict[str, Any]:
    """The document that `/api/v1/openapi.json` answers with."""
    _, made = TypeAdapter.json_schemas(
        [(name, "serialization", TypeAdapter(model)) for name, model in (("s", Export), ("t", Tombstone))],
        ref_template=REF,
    )
    schemas = made["$defs"]
    schemas["Problem"] = {
        "type": "object",
        "required": ["type", "status", "detail"],
        "properties": {"type": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
    }
    schemas["Page"] = {
        "type": "object",
        "required": ["stories", "gone", "cursor", "more"],
        "properties": {
            "stories": {"type": "array", "items": {"$ref": "#/components/schemas/Export"}},
            "gone": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Tombstone"},
                "description": "Stories that may not be used any more.",
            },
            "cursor": {"type": "string", "description": "Where the next page goes on; keep it, and ask with it later."},
            "more": {"type": "boolean", "description": "Whether there is another page now."},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Delight Copilot",
            "version": __version__,
            "description": "Customer stories that may be used.",
        },
        "security": [{"token": []}],
        "paths": {
            "/api/v1/stories": {"get": _stories()},
            "/api/v1/stories/{story}": {"get": _story()},
            "/api/v1/export": {"get": _export()},
        },
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _stories() -> dict[str, Any]:
    return {
        "operationId": "listStories",
        "summary": "What was released, or is gone, in the order of the changes.",
        "parameters": [
            _query("cursor", {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,24}$"}, "From an earlier answer."),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Stories in one answer."),
            _query("since", {"type": "string", "format": "date-time"}, "Changed at or after this time."),
            _query("signal", {"type": "string"}, "What delighted the customer."),
            _query("outcome", {"type": "string", "enum": list(get_args(Outcome))}, "What the story is for."),
            _query("place", {"type": "string", "enum": list(PLACES)}, "Agreed for this place."),
        ],
        "responses": {
            "200": _answer("A page of changes.", {"$ref": "#/components/schemas/Page"}),
            "304": {"description": "Nothing has changed since the ETag of If-None-Match."},
            **_problems("400", "401"),
        },
    }


def _story() -> dict[str, Any]:
    story = {"name": "story", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": "getStory",
        "summary": "One released story.",
        "parameters": [story],
        "responses": {
            "200": _answer("The story.", {"$ref": "#/components/schemas/Export"}),
            **_problems("401", "404"),
        },
    }


def _export() -> dict[str, Any]:
    formats = ["json", "csv", "markdown", "html"]
    content = {media: {"schema": {"type": "string"}} for media in ("text/csv", "text/markdown", "text/html")} | {
        "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Export"}}}
    }
    return {
        "operationId": "exportStories",
        "summary": "All that is released, as a file.",
        "parameters": [_query("format", {"type": "string", "enum": formats, "default": "json"}, "Of the file.")],
        "responses": {"200": {"description": "The file.", "content": content}, **_problems("400", "401")},
    }


def _query(name: str, schema: dict[str, Any], told: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": told}


def _answer(told: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": schema}}}


def _problems(*codes: str) -> dict[str, Any]:
    said = {"400": "A parameter is wrong.", "401": "An API token is needed.", "404": "No released story has that id."}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": said[code], "content": problem} for code in codes}
