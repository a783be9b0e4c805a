# SPDX-License-Identifier: MIT
# schema_check.py SCHEMA.json DOC.json...: what in a document is not as its JSON Schema says, one a line: DOC PATH: WHY. Knows the
# keywords that docs/report.schema.json uses, and refuses a schema with any other.
import json
import sys

KNOWN = {"$schema", "title", "description", "type", "const", "enum", "minimum", "maximum", "required", "properties", "additionalProperties", "items"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}


def is_type(value, name):
	return isinstance(value, TYPES[name]) and not isinstance(value, bool)


def check(schema, value, path):
	if set(schema) - KNOWN:
		yield path, f"the schema has {sorted(set(schema) - KNOWN)}"
	types = schema.get("type", [])
	types = [types] if isinstance(types, str) else types
	if types and not any(is_type(value, t) for t in types):
		yield path, f"{value!r} is not {' or '.join(types)}"
		return
	if "const" in schema and value != schema["const"]:
		yield path, f"{value!r} is not {schema['const']!r}"
	if "enum" in schema and value not in schema["enum"]:
		yield path, f"{value!r} is none of {', '.join(schema['enum'])}"
	if is_type(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
		yield path, f"{value} is out of range"
	if isinstance(value, dict):
		known = schema.get("properties", {})
		for name in schema.get("required", []):
			if name not in value:
				yield path, f"lacks {name}"
		for name, v in value.items():
			if name in known or "additionalProperties" in schema:
				yield from check(known.get(name, schema.get("additionalProperties")), v, f"{path}.{name}")
			else:
				yield path, f"has {name}, of which the schema does not know"
	for i, v in enumerate(value if isinstance(value, list) else []):
		yield from check(schema.get("items", {}), v, f"{path}[{i}]")


with open(sys.argv[1], encoding="utf-8") as f:
	schema = json.load(f)
bad = 0
for name in sys.argv[2:]:
	with open(name, encoding="utf-8") as f:
		doc = json.load(f)
	for path, why in check(schema, doc, "$"):
		print(f"{name} {path}: {why}")
		bad = 1
sys.exit(bad)
