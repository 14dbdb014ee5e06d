"""Every value says what it is for, is used, and stands in README and schema."""

from __future__ import annotations

import json
import re

import jsonschema

from tests.chart.rendering import CHART
from tests.gen import chart
from tests.gen.chart_values import Value, read

TEMPLATES = "".join(file.read_text(encoding="utf-8") for file in sorted((CHART / "templates").iterdir()))


def leaves(values: list[Value]) -> list[Value]:
    return [leaf for value in values for leaf in (leaves(value.parts) if value.parts else [value])]


def test_every_value_says_in_whole_sentences_what_it_is():
    assert [value.path for value in leaves(read()) if not re.search(r"^[A-Z].*[.`]$", value.text)] == []


def test_every_value_is_used():
    assert [value.path for value in leaves(read()) if not re.search(rf"\b{value.name}\b", TEMPLATES)] == []


def test_the_schema_is_one_and_takes_the_defaults():
    schema = json.loads(chart.schema())
    jsonschema.Draft7Validator.check_schema(schema)
    values = {value.name: value.default for value in read()}
    jsonschema.Draft7Validator(schema).validate(values)


def test_every_object_of_the_schema_is_closed_but_what_kubernetes_judges():
    def open_objects(schema: dict, path: str = "") -> list[str]:
        found = [path] if schema.get("properties") and schema.get("additionalProperties") is not False else []
        for name, part in schema.get("properties", {}).items():
            found += open_objects(part, f"{path}.{name}")
        return found + (open_objects(schema["items"], f"{path}[]") if "items" in schema else [])

    assert open_objects(json.loads(chart.schema())) == []


def test_the_readme_has_every_value():
    readme = chart.readme()
    for value in leaves(read()):
        name = ".".join(value.path[1:] if value.path[0] == "workerDefaults" else value.path)
        assert f"| `{name}` |" in readme
