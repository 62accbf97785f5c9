"""Read .json and .jsonl files: one object per line, a list of objects, or several such lists by name."""

import json
import re

from scripts.files.errors import UserError
from scripts.text.delimited import find_encoding
from scripts.text.tables import Part

NAME = re.compile(r"\w[\w. -]*")  # of a list within an object


def open_json(path, name, options):
    """Open a file: returns a `Part`, or several by name."""
    encoding = find_encoding(path, options.encoding)
    with open(path, encoding=encoding) as file:
        document = _parse(path, file.read())
    if _are_rows(document):
        return _part(name, encoding, document)
    inner = document if isinstance(document, dict) else {}
    found = {key: rows for key, rows in inner.items() if NAME.fullmatch(key) and _are_rows(rows)}
    if not found:
        keys = ", ".join(repr(key[:40]) for key in list(inner)[:8]) or type(document).__name__
        raise UserError(
            f"{path} holds no rows, only {keys}: give a list of objects, or one per line; pandas writes such "
            'a file with to_json(path, orient="records")'
        )
    if len(found) == 1:
        return _part(name, encoding, *found.values())
    return {key: _part(f"{name}: {key}", encoding, rows) for key, rows in found.items()}


def _parse(path, text):
    """The value that a text spells, or the list of those that its lines spell."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = f"it is no JSON ({error})"
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except (ValueError, RecursionError):
            if values:
                fault = f"line {number} is no JSON ({line.strip()[:40]!r})"
            raise UserError(f"dataset {str(path)!r} can't be loaded, as {fault}: mend it") from None
    return values


def _are_rows(value):
    """True if a value is a list of objects."""
    return isinstance(value, list) and len(value) > 0 and all(isinstance(row, dict) for row in value)


def _part(name, encoding, rows):
    """A list of objects as a `Part`."""

    def read(text, label):
        return ((row.get(text), row.get(label)) for row in rows)

    columns = list(dict.fromkeys(key for row in rows for key in row))
    return Part(name, columns, len(rows), read, {"encoding": encoding})
