"""
Every reason that the source can give, read from it: what is raised, what is noted of a field, what the contract rules.

Reading instead of running finds what no test happens to raise. It works as long as each reason stands in the source as
a text; where one is computed, reading fails.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from austausch.accounts.v1 import accounts_pb2
from austausch.common.v1 import pattern_pb2
from austausch.exchange.v1 import (
    calendars_pb2,
    date_options_pb2,
    exchange_pb2,
    lessons_pb2,
    person_calendars_pb2,
    programme_templates_pb2,
    schedule_runs_pb2,
    scheduling_pb2,
    venues_pb2,
)
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import hub_pb2, index_pb2, knowledge_pb2, topics_pb2
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from chassis import errors
from chassis.validation import form_reason

ROOT = Path(__file__).parents[1]
PROCESSES = ("chassis", "services", "gateway")
CONTRACTS: tuple[Any, ...] = (
    accounts_pb2,
    exchange_pb2,
    calendars_pb2,
    date_options_pb2,
    lessons_pb2,
    person_calendars_pb2,
    programme_templates_pb2,
    schedule_runs_pb2,
    scheduling_pb2,
    venues_pb2,
    forum_pb2,
    knowledge_pb2,
    hub_pb2,
    index_pb2,
    topics_pb2,
)
# What notes a violation, and where its reason stands among the arguments.
NOTES = {"Violation": 1, "UnfitValue": None, "_parse_with": None, "Unreadable": 0}
# Whose particulars are always the same.
PARTICULARS = {"Unreadable": {"line", "text"}}
# Where a reason is passed on or comes from the contract: function, in file.
PASSED_ON = {
    ("chassis/errors.py", "InvalidArgument.__init__"),
    ("chassis/errors.py", "from_code"),
    ("chassis/status.py", "from_rpc_error"),
    ("chassis/validation.py", "_read"),
    ("services/exchange/calendar_process.py", "CalendarReader.read"),
    ("gateway/errors/unfit_value.py", "UnfitValue.to_violation"),
    ("gateway/forms/field_codec.py", "_parse_with"),
}


@dataclass
class Reasons:
    """
    What was read.

    Attributes:
        errors: Canonical codes by reason, of what is raised.
        violations: Reasons of what is wrong with a field.
        metadata: Names of the particulars by reason, where every place that gives it names them.
        computed: Places where a reason is no text.
    """

    errors: dict[str, set[str]] = field(default_factory=dict)
    violations: set[str] = field(default_factory=set)
    metadata: dict[str, set[str]] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)


def read_source() -> Reasons:
    """Return the reasons in the source of every process."""
    sources = {path: path.read_text() for process in PROCESSES for path in sorted((ROOT / process).rglob("*.py"))}
    return read_reasons({str(path.relative_to(ROOT)): source for path, source in sources.items()})


def read_reasons(sources: dict[str, str]) -> Reasons:
    """Return the reasons in some source, by path."""
    trees = {path: ast.parse(source) for path, source in sources.items()}
    codes = {name: kind.code for name, kind in vars(errors).items() if _is_error(kind)}
    codes["from_code"] = "INTERNAL"  # of a code that only a failed call tells
    fixed: dict[str, str] = {}
    for tree in [ast.parse((ROOT / "chassis/errors.py").read_text()), *trees.values()]:
        for kind in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
            for base in [_name(base) for base in kind.bases if _name(base) in codes]:
                codes.setdefault(kind.name, codes[base])
                if reason := _fixed_reason(kind) or fixed.get(base):
                    fixed[kind.name] = reason
    reasons = Reasons()
    for path, tree in trees.items():
        for call, inside in _calls(tree):
            name = _name(call.func)
            if name not in codes and name not in NOTES:
                continue
            reason = fixed.get(name) or _reason(call, NOTES.get(name))
            if reason is None:
                if (path, inside) not in PASSED_ON:
                    reasons.computed.append(f"{path}:{call.lineno}")
                continue
            if name not in fixed:
                _note_metadata(reasons.metadata, reason, call)
            if name in NOTES:
                reasons.violations.add(reason)
            else:
                reasons.errors.setdefault(reason, set()).add(codes[name])
                if codes[name] == "INVALID_ARGUMENT" and name not in fixed:
                    reasons.violations.add(reason)
    return reasons


def read_contract() -> set[str]:
    """Return the reasons of the field rules in the contract."""
    return {
        reason
        for contract in CONTRACTS
        for kind in _messages(contract)
        for declared in kind.fields
        for reason in _rule_reasons(declared)
    }


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.DomainError)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _fixed_reason(kind: ast.ClassDef) -> str | None:
    """Return the reason that a class of errors gives itself; None where each raise gives one."""
    given = [_reason(call, None) for call, _inside in _calls(kind) if _name(call.func) == "__init__"]
    return next(filter(None, given), None)


def _reason(call: ast.Call, position: int | None) -> str | None:
    """Return the reason among the arguments of a call; None where there is none, or it is no text."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "reason"), None)
    if given is None and position is not None and len(call.args) > position:
        given = call.args[position]
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _note_metadata(noted: dict[str, set[str]], reason: str, call: ast.Call) -> None:
    """Note which particulars every call that gives a reason names; of a call that has them from elsewhere, any."""
    if always := PARTICULARS.get(_name(call.func)):
        noted[reason] = noted.get(reason, always) & always
        return
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "metadata"), None)
    if given is None and _name(call.func) == "Violation" and len(call.args) > 3:
        given = call.args[3]
    if given is None or isinstance(given, ast.Dict):
        keys = given.keys if isinstance(given, ast.Dict) else []
        names = {key.value for key in keys if isinstance(key, ast.Constant)}
        noted[reason] = noted.get(reason, names) & names


def _calls(node: ast.AST, inside: str = "") -> Iterator[tuple[ast.Call, str]]:
    """Yield every call below a node, and the dotted name of the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, inside
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        below = f"{inside}.{child.name}".removeprefix(".") if named else inside  # type: ignore[attr-defined]
        yield from _calls(child, below)


def _messages(contract: ModuleType) -> Iterator[Descriptor]:
    waiting = list(contract.DESCRIPTOR.message_types_by_name.values())
    while waiting:
        kind = waiting.pop()
        waiting += kind.nested_types
        yield kind


def _rule_reasons(declared: FieldDescriptor) -> Iterator[str]:
    options: Any = declared.GetOptions().Extensions
    form = options[pattern_pb2.form]
    for rule in _rule_ids(options[validate_pb2.field]):
        if rule == "string.pattern" and form:
            yield form_reason(pattern_pb2.Form.Name(form))
        elif rule != "string.min_len" and rule != "repeated.min_items":
            yield rule
        else:
            yield "required"


def _rule_ids(rules: Any, prefix: str = "") -> Iterator[str]:
    """Yield the ids of the rules that a field declares, as protovalidate names them."""
    names = {limit.name for limit, _value in rules.ListFields()}
    for limit, value in rules.ListFields():
        if limit.name == "cel":
            yield from (rule.id for rule in value)
        elif limit.name == "items":
            yield from _rule_ids(value)
        elif limit.message_type is not None:
            yield from _rule_ids(value, f"{limit.name}.")
        elif limit.name == "lte" and "gte" in names:
            yield f"{prefix}gte_lte"
        elif limit.name != "ignore" and not (limit.name == "gte" and "lte" in names):
            yield prefix + limit.name
