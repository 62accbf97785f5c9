"""Read .json and .jsonl files: one object per line, a list of objects, or a table as pandas writes it."""

import itertools
import json
import re

from scripts.files.errors import UserError
from scripts.text.delimited import find_encoding
from scripts.text.tables import TEXT_COLUMNS, Part, wanted

SAMPLE = 1000  # rows whose names count
NAME = re.compile(r"\w[\w. -]*")  # of a table within an object


def open_json(path, name, options):
    """Open a file: returns its parts by name, of which a single one has the name ""."""
    encoding = find_encoding(path, options.encoding)
    with open(path, encoding=encoding) as file:
        first = next(filled := filter(str.strip, file), "")
        if next(filled, None) is not None and _is_object(first):
            return {"": _part(path, encoding, name)}
        file.seek(0)
        try:
            document = json.load(file)
        except (ValueError, RecursionError) as error:
            reason = f"dataset {str(path)!r} can't be loaded, as it is no JSON ({error})"
            raise UserError(f"{reason}: mend it") from error
    texts = wanted(options.text_column, TEXT_COLUMNS)
    inner = document.items() if isinstance(document, dict) else ()
    whole = _rows_in(document, texts)
    found = (
        {"": whole}
        if whole
        else {key: rows for key, value in inner if NAME.fullmatch(key) and (rows := _rows_in(value, texts))}
    )
    if not found:
        keys = ", ".join(repr(key[:40]) for key, _ in itertools.islice(inner, 8)) or type(document).__name__
        raise UserError(
            f"{path} holds no rows, only {keys}: give a list of objects, or one per line; where these are "
            "columns, name them with --text-column and --label-column"
        )
    if len(found) == 1:
        return {"": _part(path, encoding, name, *found.values())}
    return {key: _part(path, encoding, f"{name}: {key}", rows) for key, rows in found.items()}


def _rows_in(value, texts):
    """The rows of a value that is one table, in any of the ways that pandas writes it, else None."""
    import pandas

    if isinstance(value, list):
        return value if value and all(isinstance(row, dict) for row in value) else None
    if not isinstance(value, dict) or not value:
        return None
    if {"columns", "data"} <= set(value):
        table = pandas.DataFrame(value["data"], columns=value["columns"], dtype=object)
    elif all(isinstance(column, dict) for column in value.values()) or (
        any(text in value for text in texts) and all(isinstance(column, list) for column in value.values())
    ):
        table = pandas.DataFrame(value, dtype=object)
        table = table if any(text in table for text in texts) else table.T
    else:
        return [value] if any(isinstance(value.get(text), str) for text in texts) else None
    is_table = any(text in table and table[text].map(type).eq(str).any() for text in texts)
    return table.where(table.notna(), None).to_dict("records") if is_table else None


def _is_object(line):
    """True if a line holds one JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _part(path, encoding, name, rows=None):
    """Rows, or the lines of a file, as a `Part`."""

    def read_rows():
        if rows is not None:
            yield from rows
            return
        with open(path, encoding=encoding) as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not _is_object(line):
                    said = f"as line {number} is no JSON object ({line.strip()[:40]!r})"
                    raise UserError(f"dataset {str(path)!r} can't be loaded, {said}: mend or delete it")
                if line.strip():
                    yield json.loads(line)

    def read(text, label):
        return ((row.get(text), row.get(label)) for row in read_rows())

    columns = list(dict.fromkeys(key for row in itertools.islice(read_rows(), SAMPLE) for key in row))
    return Part(name, columns, sum(1 for _ in read_rows()), read, {"encoding": encoding})
