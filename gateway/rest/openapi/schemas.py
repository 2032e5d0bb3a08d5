"""
Messages and fields as JSON Schema 2020-12: types as the proto3 JSON mapping has them, limits as the field rules do.
"""

import re
import unicodedata
from itertools import groupby
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.rest import fields
from gateway.rest.openapi.comments import get_comment

Schema = dict[str, Any]

WELL_KNOWN: dict[str, Schema] = {
    fields.TIMESTAMP: {"type": "string", "format": "date-time", "examples": ["2030-05-14T09:00:00Z"]},
    fields.DURATION: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["5400s"]},
    fields.FIELD_MASK: {"type": "string", "examples": ["title,startDate"]},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object"},
}
type_of = FieldDescriptor
SCALARS: dict[int, Schema] = {
    type_of.TYPE_STRING: {"type": "string"},
    type_of.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    type_of.TYPE_BOOL: {"type": "boolean"},
    type_of.TYPE_DOUBLE: {"type": "number", "format": "double"},
    type_of.TYPE_FLOAT: {"type": "number", "format": "float"},
    **{
        kind: {"type": "integer", "format": "int32"}
        for kind in (type_of.TYPE_INT32, type_of.TYPE_SINT32, type_of.TYPE_SFIXED32)
    },
    **{
        kind: {"type": "integer", "format": "int64", "minimum": 0}
        for kind in (type_of.TYPE_UINT32, type_of.TYPE_FIXED32)
    },
    **{
        kind: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
        for kind in (
            type_of.TYPE_INT64,
            type_of.TYPE_SINT64,
            type_of.TYPE_SFIXED64,
            type_of.TYPE_UINT64,
            type_of.TYPE_FIXED64,
        )
    },
}
# Rules that JSON Schema has a word for, by kind of value.
NUMBER_RULES = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
STRING_RULES = {"min_len": "minLength", "max_len": "maxLength"}
STRING_FORMATS = {"uuid": "uuid", "email": "email", "uri": "uri", "hostname": "hostname"}
EXAMPLE = re.compile(r"(?:e\.g\.|such as|for example)\s+`([^`{}]+)`", re.IGNORECASE)
# What a pattern of resource names has for an id.
ID_PATTERN = re.compile(r"(\[[^\]]+\])+\{\d+,\d+\}")
# A class of Unicode in a pattern, and the brackets around some.
UNICODE = re.compile(r"\\p\{(\w+)\}")
WITH_UNICODE = re.compile(r"\[(?!\^)((?:\\.|[^\]\\])*?\\p(?:\\.|[^\]\\])*)\]")
# What a reader finds in the demo data, where a name is asked for.
SAMPLE_IDS = {"city": "swansea", "forum": "leitbild-mannheim-2030"}
SAMPLE_UUID = "0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d"


class Schemas:
    """
    The components of a document, filled as they are referred to.

    Attributes:
        components: Schema by name.
    """

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._types: dict[str, Descriptor | EnumDescriptor] = {}

    def refer_to(self, kind: Descriptor | EnumDescriptor) -> Schema:
        """Return the reference to the schema of a message or an enum, which is made if it is new."""
        name = _get_component_name(kind)
        if self._types.setdefault(name, kind) is not kind:
            raise ValueError(f"{kind.full_name} and {self._types[name].full_name} would have one name")
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self.describe_message(kind) if isinstance(kind, Descriptor) else describe_enum(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def describe_message(self, kind: Descriptor, without: frozenset[str] = frozenset()) -> Schema:
        """Return the schema of a message, but for some of its fields (those that a path holds)."""
        held = [field for field in kind.fields if field.name not in without]
        schema: Schema = {"type": "object"}
        if text := get_comment(kind.full_name):
            schema["description"] = text
        if held:
            schema["properties"] = {field.json_name: self.describe_field(field) for field in held}
        if not is_resource(kind) and (names := list_required(kind, without)):
            schema["required"] = names
        return schema

    def describe_field(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a field: of its value, list or map, with what its comment and its rules say."""
        rules: validate_pb2.FieldRules = fields.get_option(field, validate_pb2.field)
        if fields.is_map(field):
            value = fields.get_message_type(field).fields_by_name["value"]
            schema: Schema = {"type": "object", "additionalProperties": self._describe_value(value, rules.map.values)}
        elif fields.is_repeated(field):
            schema = {"type": "array", "items": self._describe_value(field, rules.repeated.items)}
            for rule, word in {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}.items():
                if rules.repeated.HasField(rule):
                    schema[word] = getattr(rules.repeated, rule)
        else:
            schema = self._describe_value(field, rules)
        if text := get_comment(field.full_name):
            schema = {**schema, "description": text}
            samples = EXAMPLE.findall(text)
            if samples and field.type == type_of.TYPE_STRING:
                schema["examples"] = [samples[:1]] if fields.is_repeated(field) else samples[:1]
        behaviours = get_behaviours(field)
        if behaviours & {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}:
            schema["readOnly"] = True
        if field_behavior_pb2.INPUT_ONLY in behaviours:
            schema["writeOnly"] = True
        if field.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def _describe_value(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Schema:
        """Return the schema of one value of a field."""
        if field.message_type is not None:
            known = WELL_KNOWN.get(field.message_type.full_name)
            return dict(known) if known is not None else self.refer_to(field.message_type)
        if field.enum_type is not None:
            return self.refer_to(field.enum_type)
        schema = dict(SCALARS[field.type])
        optional = rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
        kind = rules.WhichOneof("type")
        if kind == "string":
            schema |= describe_string_rules(rules.string, optional)
        elif kind and schema["type"] in ("integer", "number"):
            held: Message = getattr(rules, kind)
            for rule, word in NUMBER_RULES.items():
                if held.HasField(rule):
                    schema[word] = getattr(held, rule)
        if rules.required and schema["type"] == "string":
            schema.setdefault("minLength", 1)
        return schema


def describe_string_rules(rules: validate_pb2.StringRules, optional: bool) -> Schema:
    """Return the limits of a text; where a rule is ignored for an empty text, the empty text is allowed."""
    schema: Schema = {}
    for rule, word in STRING_RULES.items():
        if rules.HasField(rule) and not (optional and rule == "min_len"):
            schema[word] = getattr(rules, rule)
    for rule, name in STRING_FORMATS.items():
        if getattr(rules, rule):
            schema["format"] = name
    if rules.pattern:
        schema["pattern"] = f"^$|{make_portable(rules.pattern)}" if optional else make_portable(rules.pattern)
    if rules.const:
        schema["const"] = rules.const
    if getattr(rules, "in"):
        schema["enum"] = list(getattr(rules, "in"))
    return schema


def make_portable(pattern: str) -> str:
    """
    Return a pattern that any dialect of regular expressions knows, and that matches whatever the given one does.

    Not every dialect knows the classes of Unicode, and a client shall not fail on a pattern: what has them in brackets
    becomes all of Unicode but for the ASCII characters that do not fit.
    """
    return WITH_UNICODE.sub(lambda brackets: _replace_unicode_classes(brackets[1]), pattern)


def _replace_unicode_classes(held: str) -> str:
    """Return, in brackets, what stands for classes of Unicode and the characters and ranges beside them."""
    categories = tuple(UNICODE.findall(held))
    others = UNICODE.sub("", held)
    wrong = [
        code
        for code in range(128)
        if not unicodedata.category(chr(code)).startswith(categories)
        and not (others and re.match(f"[{others}]", chr(code)))
    ]
    # Neighbours have one difference between their code and their place.
    runs = [[code for _, code in run] for _, run in groupby(enumerate(wrong), lambda at: at[1] - at[0])]
    return "[^" + "".join(rf"\x{run[0]:02x}-\x{run[-1]:02x}" for run in runs) + "]"


def describe_enum(kind: EnumDescriptor) -> Schema:
    """Return the schema of an enum: its names, and what each of them means."""
    meanings = [f"- `{value.name}`: {get_comment(f'{kind.full_name}.{value.name}')}" for value in kind.values]
    return {
        "type": "string",
        "enum": [value.name for value in kind.values],
        "description": "\n".join([get_comment(kind.full_name), "", *meanings]).strip(),
    }


def get_behaviours(field: FieldDescriptor) -> set[int]:
    """Return the ``google.api.field_behavior`` of a field."""
    return set(fields.get_option(field, field_behavior_pb2.field_behavior))


def list_required(kind: Descriptor, without: frozenset[str] = frozenset()) -> list[str]:
    """Return the JSON names of a message's required fields."""
    return [
        field.json_name
        for field in kind.fields
        if field.name not in without and field_behavior_pb2.REQUIRED in get_behaviours(field)
    ]


def is_resource(kind: Descriptor) -> bool:
    """Tell whether a message is a resource: on update, only its changed fields are sent."""
    name = kind.fields_by_name.get("name")
    return name is not None and field_behavior_pb2.IDENTIFIER in get_behaviours(name)


def make_sample(kind: Descriptor, without: frozenset[str] = frozenset()) -> Schema:
    """Return an example of a message as a caller would write it: what is required, and what comments exemplify."""
    if kind.full_name == "google.type.Date":
        return {"year": 2030, "month": 5, "day": 14}
    written = [
        field
        for field in kind.fields
        if field.name not in without
        and not get_behaviours(field) & {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}
    ]
    return {
        field.json_name: make_sample_value(field)
        for field in written
        if field_behavior_pb2.REQUIRED in get_behaviours(field)
        or (
            EXAMPLE.search(get_comment(field.full_name))
            and not fields.is_repeated(field)
            and field.type == type_of.TYPE_STRING
        )
    }


def make_sample_value(field: FieldDescriptor) -> Any:
    """Return an example of a field's value."""
    value = _make_one_sample(field)
    return [value] if fields.is_repeated(field) else value


def _make_one_sample(field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        known = WELL_KNOWN.get(field.message_type.full_name)
        if known is None:
            return make_sample(field.message_type)
        later = field.name.startswith("end_")
        return "2030-05-14T10:30:00Z" if later and "date-time" in known.values() else known.get("examples", [""])[0]
    if field.enum_type is not None:
        return field.enum_type.values[min(1, len(field.enum_type.values) - 1)].name
    if field.type != type_of.TYPE_STRING:
        return {"integer": 1, "number": 1.5, "boolean": True, "string": "1"}[SCALARS[field.type]["type"]]
    text = get_comment(field.full_name)
    if example := EXAMPLE.search(text):
        return example[1]
    if name := re.search(r"`((?:\w+/\{\w+\}/?)+)`", text):
        return re.sub(r"\{(\w+)\}", lambda part: SAMPLE_IDS.get(part[1], SAMPLE_UUID), name[1])
    if pattern := fields.get_option(field, validate_pb2.field).string.pattern:
        fitting = [word for word in re.findall(r"`([^`]+)`", text) if re.fullmatch(pattern, word)]
        return fitting[0] if fitting else ID_PATTERN.sub(SAMPLE_UUID, pattern.strip("^$"))
    return "user@example.org" if field.name == "email" else f"A {field.name.replace('_', ' ')}"


def _get_component_name(kind: Descriptor | EnumDescriptor) -> str:
    """Return what a message or enum is called among the components: ``Visit``, ``Visit.State``."""
    parts = [kind.name]
    outer = kind.containing_type
    while outer is not None:
        parts.insert(0, outer.name)
        outer = outer.containing_type
    return ".".join(parts)
