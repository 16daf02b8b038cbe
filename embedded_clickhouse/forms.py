"""Reads multipart bodies: parameters too long for a URL, and tables sent along with a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from embedded_clickhouse.errors import BAD_ARGUMENTS, refusal

MAX_FORM_BYTES = 64 * 2**20
MAX_PARTS = 1000
DEFAULT_TABLE_FORMAT = "TabSeparated"


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that exists for one query; `structure` is its column list in SQL."""

    name: str
    structure: str
    row_format: str
    rows: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a multipart body: plain fields, and files by the name of their part."""

    fields: dict[str, str]
    files: dict[str, bytes]


def is_multipart(content_type: str) -> bool:
    """Whether a body of `content_type` is a form."""
    return content_type.lower().startswith("multipart/form-data")


def parse_form(body: bytes, content_type: str) -> Form:
    """Parse a multipart body. Raises QueryError 36 if it does not follow RFC 7578."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary or len(boundary) > 200:
        raise refusal(BAD_ARGUMENTS, "The form has no boundary")
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    parts = (b"\r\n" + body).split(b"\r\n" + delimiter, MAX_PARTS + 1)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise refusal(BAD_ARGUMENTS, f"The form is cut off or has more than {MAX_PARTS} parts")
    form = Form({}, {})
    for part in parts[1:-1]:
        _add_part(form, part)
    return form


def _add_part(form: Form, part: bytes) -> None:
    head, separator, content = part.partition(b"\r\n\r\n")
    disposition = BytesHeaderParser().parsebytes(head.lstrip(b"\r\n"))
    name = disposition.get_param("name", header="content-disposition")
    if not separator or not isinstance(name, str):
        raise refusal(BAD_ARGUMENTS, "A part of the form has no name")
    if disposition.get_param("filename", header="content-disposition") is not None:
        form.files[name] = content
        return
    try:
        form.fields[name] = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(BAD_ARGUMENTS, f"The form's field {name!r} is not valid UTF-8") from error


def take_external_tables(files: Mapping[str, bytes], fields: dict[str, str]) -> tuple[ExternalTable, ...]:
    """The tables in `files`, described by `<name>_structure`, `<name>_types` and `<name>_format`.

    Those fields are taken out of `fields`, which otherwise are settings. Raises QueryError 36 for a
    table without columns.
    """
    found: list[ExternalTable] = []
    for name, rows in files.items():
        structure = fields.pop(f"{name}_structure", "")
        types = fields.pop(f"{name}_types", "")
        row_format = fields.pop(f"{name}_format", DEFAULT_TABLE_FORMAT)
        if not structure:
            structure = ", ".join(
                f"_{place} {kind}" for place, kind in enumerate(_split_types(types), start=1)
            )
        if not structure:
            raise refusal(BAD_ARGUMENTS, f"The table {name!r} has neither {name}_structure nor {name}_types")
        if not row_format.isalnum():
            raise refusal(BAD_ARGUMENTS, f"{row_format!r} is not the name of a format")
        found.append(ExternalTable(name, structure, row_format, rows))
    return tuple(found)


def _split_types(types: str) -> list[str]:
    """Split at the commas outside parentheses: `UInt8, Decimal(9, 2)` is two types."""
    found, depth, current = [], 0, ""
    for character in types:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += character
    return [*found, current.strip()] if current.strip() else found
