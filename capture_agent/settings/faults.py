"""Says what is wrong with a setting: where it stands, its value, why it is refused, what is allowed."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from capture_agent.settings.fields import Allowed
from capture_agent.settings.lines import Path as KeyPath

MAX_SHOWN = 60
"""Characters of a value that are repeated in a message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting that cannot be used."""

    place: str
    """File and line, or the variable or option that gave the value."""
    key: str
    """As `section.key`; empty if the file as a whole is meant."""
    reason: str
    given: str | None = None
    """The value, where it is no secret."""
    allowed: str | None = None

    def __str__(self) -> str:
        value = "" if self.given is None else f" = {self.given}"
        key = f"{self.key}{value}: " if self.key else ""
        allowed = "" if self.allowed is None else f"; allowed: {self.allowed}"
        return f"{self.place}: {key}{self.reason}{allowed}"


def fault_of(problem: ErrorDetails, root: type[BaseModel], place_of: Callable[[KeyPath], str]) -> Fault:
    """The fault behind an error of pydantic in `root`."""
    path = tuple(part for part in problem["loc"] if not _is_branch(part))
    key = _dotted(path)
    field, section = _maybe_field(root, path)
    if problem["type"] == "extra_forbidden":
        return _unknown_key(path, root, place_of(path))
    reason = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    given = None if _is_secret(field) or isinstance(problem["input"], dict) else _shown(problem["input"])
    if problem["type"] == "missing":
        reason = "is missing"
        given = None
    elif problem["type"] in ("model_type", "model_attributes_type") and section is not None:
        reason = f"must be a table, [{key}]"
    return Fault(place_of(path), key, _lower_first(reason), given, None if field is None else allowed(field))


def allowed(field: FieldInfo) -> str | None:
    """The values a field takes, in words; None for free text and tables."""
    for one in _metadata(field):
        if isinstance(one, Allowed):
            return one.words
    kinds = _kinds(field.annotation)
    if any(isinstance(kind, type) and issubclass(kind, StrEnum) for kind in kinds):
        return ", ".join(f'"{value}"' for kind in kinds for value in kind)
    if bool in kinds:
        return "true, false"
    for kind, word in ((int, "a whole number"), (float, "a number"), (str, "text"), (Path, "a path")):
        if kind in kinds:
            return word + _bounds(field)
    return None


def _bounds(field: FieldInfo) -> str:
    words = ""
    for one in _metadata(field):
        if isinstance(one, annotated_types.Ge):
            words += f" from {one.ge}"
        elif isinstance(one, annotated_types.Gt):
            words += f" above {one.gt}"
        elif isinstance(one, annotated_types.Le):
            words += f" to {one.le}"
        elif isinstance(one, annotated_types.MaxLen):
            words += f" of at most {one.max_length} characters"
    return words


def _unknown_key(path: KeyPath, root: type[BaseModel], place: str) -> Fault:
    """Names the key that was probably meant: of the same section, or of this name in another one."""
    _, section = _maybe_field(root, path[:-1])
    here = [*(section or root).model_fields]
    word = str(path[-1])
    elsewhere = [key for key in _keys(root) if key.rpartition(".")[2] == word]
    near = difflib.get_close_matches(word, here, 1)
    reason = "unknown key"
    if near or elsewhere:
        reason += f", perhaps {(near or elsewhere)[0]} is meant"
    return Fault(place, _dotted(path), reason, allowed=", ".join(here))


def _keys(root: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in root.model_fields.items():
        yield before + name
        for section in _sections(field):
            yield from _keys(section, f"{before}{name}.")


def _maybe_field(root: type[BaseModel], path: KeyPath) -> tuple[FieldInfo | None, type[BaseModel] | None]:
    """The field at `path` and the section it is, or its items are; None where there is none."""
    field: FieldInfo | None = None
    section: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, int):
            continue
        field = None if section is None else section.model_fields.get(part)
        section = None if field is None else next(iter(_sections(field)), None)
    return field, section


def _sections(field: FieldInfo) -> list[type[BaseModel]]:
    return [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]


def _kinds(annotation: Any) -> list[type[Any]]:
    """The plain types in an annotation, those inside of unions and lists included."""
    if get_origin(annotation) is None:
        return [annotation] if isinstance(annotation, type) and annotation is not types.NoneType else []
    arguments: Sequence[Any] = get_args(annotation)
    if get_origin(annotation) not in (Union, types.UnionType, tuple, frozenset):
        arguments = arguments[:1]
    return [kind for argument in arguments for kind in _kinds(argument)]


def _metadata(field: FieldInfo) -> list[Any]:
    """Of the field, and of the alternatives of its type."""
    found = list(field.metadata)
    for argument in (field.annotation, *get_args(field.annotation)):
        found += getattr(argument, "__metadata__", ())
    return [inner for one in found for inner in (one.metadata if isinstance(one, FieldInfo) else [one])]


def _is_branch(part: str | int) -> bool:
    """pydantic names the alternative of a union that it tried; keys of ours are lower case."""
    return isinstance(part, str) and (not part.islower() or "[" in part)


def _is_secret(field: FieldInfo | None) -> bool:
    return field is not None and SecretStr in _kinds(field.annotation)


def _dotted(path: KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
