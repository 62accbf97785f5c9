"""Read .csv, .tsv, .json and .jsonl files: their encoding, and the rows and columns that they hold.

`local_files.py` calls :func:`open_delimited` and :func:`open_json`. A .csv or .tsv file is checked as a whole
before any row is used: a way of reading it is right if every row has as many fields as the first, and no
quoted field swallows further rows.
"""

import codecs
import csv
import itertools
import json
from functools import partial
from pathlib import Path

from scripts.files.errors import UserError
from scripts.text.tables import LABEL_COLUMN, TEXT_COLUMNS, Part, find_columns, plain, wanted

SEPARATORS = {".csv": ",;\t|", ".tsv": "\t,;|"}
SAMPLE = 1000  # labels, and pieces of fields that may be rows, that are compared with each other
QUOTED, ESCAPED = "doubled", "after a backslash"  # quotation marks within a quoted field
SPACED, LAX, PLAIN = "doubled, fields after a blank", "loosely placed", "part of the text"
MARKS = {  # UTF-32 first: its mark begins like that of UTF-16
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
    codecs.BOM_UTF8: "utf-8-sig",
}
USUAL = "--encoding cp1252 (Western European), cp1251 (Cyrillic), gb18030 (Chinese) or shift_jis (Japanese)"
csv.field_size_limit(1 << 25)  # for the whole process; `corpus.py` refuses texts that are too long


class _Fault(UserError):
    """A line that doesn't fit a way of reading the file."""


def find_encoding(path, given=None):
    """Return the encoding of a file: by its byte-order mark, UTF-8 if it is valid, else the one given."""
    try:
        "".encode("utf-8" if given is None else given)
    except (LookupError, ValueError) as error:
        raise UserError(f"--encoding {given} is not known: give one such as cp1252") from error
    with open(path, "rb") as file:
        head = file.read(16)
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if marked is None and given is None and head.count(0) > 3:
        order = "utf-16-le" if head[1::2].count(0) > 3 else "utf-16-be"
        raise UserError(f"{path} has zero bytes, as UTF-16 has: give --encoding {order}")
    # the encoding given is for the files that are not UTF-8
    if given is None or (_first_fault(path, "ascii") and not _first_fault(path, "utf-8")):
        given = "utf-8"
    encoding = marked or given
    if line := _first_fault(path, encoding):
        fault = f"{path}, line {line}, is no {encoding.removesuffix('-sig').upper()}"
        raise UserError(f"{fault}: give its encoding, such as {USUAL}")
    return encoding


def _first_fault(path, encoding):
    """Return the number of the first line that is not in that encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with open(path, "rb") as file:
        for number, line in enumerate(itertools.chain(file, [b""]), 1):
            try:
                decoder.decode(line, final=not line)
            except UnicodeError:
                return number
    return None


def open_delimited(path, name, options):
    """Open a .csv or .tsv file as a `Part`, read in the first way that fits all its rows."""
    encoding = find_encoding(path, options.encoding)
    separator = _find_separator(path, encoding, options)
    for quotes in (QUOTED, ESCAPED, PLAIN) if separator == "\t" else (QUOTED, ESCAPED, SPACED, LAX):
        read_as = {"encoding": encoding, "separator": separator.replace("\t", "\\t"), "quotes": quotes}
        rows = partial(_read_rows, path, encoding, separator, quotes)
        try:
            return _open_as(rows, separator, Part(name, [], 0, None, read_as), options)
        except _Fault as error:
            fault = error
    remedy = "put such a field in quotation marks and double those within it, or give another --separator"
    raise UserError(f"{name}, {fault}: {remedy}")


def _find_separator(path, encoding, options):
    """The separator given, else the one by which the header has most expected columns, then most columns."""
    usual = SEPARATORS[Path(path).suffix.lower()]
    if options.separator is not None:
        separator = {"\\t": "\t", "tab": "\t"}.get(options.separator, options.separator)
        if len(separator) != 1 or separator in '"\r\n\\':
            raise UserError(f"--separator {options.separator!r}: give one character, such as ';' or '\\t'")
        return separator
    with open(path, encoding=encoding, newline="") as file:
        first = next(filter(str.strip, file), "")
    if options.no_header:
        return next((sign for sign in usual if sign in first), usual[0])
    names = [*wanted(options.text_column, TEXT_COLUMNS), *wanted(options.label_column, [LABEL_COLUMN])]

    def fit(sign):
        header = {plain(column) for column in next(csv.reader([first], delimiter=sign), [])}
        return len(header.intersection(map(plain, names))), len(header)

    return max(usual, key=fit)


def _open_as(all_rows, separator, part, options):
    """Complete a part from all rows, read in one way; `_Fault` if a row doesn't fit."""
    _, _, header = next(all_rows(), (0, 0, None))
    if header is None:
        raise UserError(f"{part.name} is empty: give a file with rows")
    if options.no_header:
        header = [str(number) for number in range(1, len(header) + 1)]

    def rows():
        return itertools.islice(all_rows(), not options.no_header, None)

    def read(text, label):
        place, label_place = header.index(text), header.index(label) if label else None
        for _, _, row in rows():
            yield row[place], row[label_place] if label else None

    part = part._replace(columns=header, read=read)
    _, label = find_columns(part, options, False)
    label_place = header.index(label) if label else None
    return part._replace(rows=_check_rows(rows(), separator, len(header), label_place))


def _read_rows(path, encoding, separator, quotes):
    """Iterate over the rows with content: the numbers of their first and last lines, and their fields."""
    form = {"delimiter": separator, "skipinitialspace": quotes == SPACED}
    form["quoting"] = csv.QUOTE_NONE if quotes == PLAIN else csv.QUOTE_MINIMAL
    with open(path, encoding=encoding, newline="") as file:
        lines = (line.replace('\\"', '""') for line in file) if quotes == ESCAPED else file
        reader, first = csv.reader(lines, strict=quotes not in (LAX, PLAIN), **form), 1
        try:
            for row in reader:
                if len(row) > 1 or "".join(row).strip():
                    yield first, reader.line_num, row
                first = reader.line_num + 1
        except csv.Error as error:
            raise _Fault(f"line {first}: a quoted field doesn't end where it should ({error})") from error


def _check_rows(rows, separator, width, label_place):
    """Count the rows; `_Fault` if one has too few or too many fields, or has swallowed further rows."""
    count, labels, suspects = 0, set(), []
    for first, last, row in rows:
        if len(row) != width:
            raise _Fault(f"line {first} has {len(row)} field{'s' * (len(row) != 1)}, not {width}")
        count += 1
        if label_place is not None and len(labels) < SAMPLE:
            labels.add(row[label_place])
        if last > first and width > 1 and len(suspects) < SAMPLE:
            pieces = (piece.split(separator) for field in row for piece in field.splitlines())
            suspects += [(first, fields) for fields in pieces if len(fields) == width]
    for line, fields in suspects:  # prose has no tabs, so that without labels their number is enough
        label = None if label_place is None else fields[label_place].strip('"')
        if label in labels or (label is None and separator == "\t"):
            raise _Fault(f"line {line}: a quoted field holds what looks like further rows")
    return count


def open_json(path, name, options):
    """Open a list of objects, alone or within an object, or one object per line, as a `Part`."""
    encoding = find_encoding(path, options.encoding)
    with open(path, encoding=encoding) as file:
        document = _parse(path, file.read())
    lists = document if isinstance(document, dict) else {"": document}
    tables = {key: rows for key, rows in lists.items() if rows and isinstance(rows, list)}
    tables = {key: rows for key, rows in tables.items() if all(isinstance(row, dict) for row in rows)}
    if len(tables) > 1:
        several = ", ".join(repr(key[:40]) for key in list(tables)[:8])
        raise UserError(f"{path} holds several lists of rows, {several}: give each a file of its own")
    if not tables:
        keys = [repr(key[:40]) for key in list(document)[:8]] if lists is document else []
        fault = f"{path} holds no rows, only {', '.join(keys) or type(document).__name__}"
        form = 'a list of objects, or one per line, as pandas does with to_json(path, orient="records")'
        raise UserError(f"{fault}: give {form}")
    (rows,) = tables.values()

    def read(text, label):
        for row in rows:
            value = row.get(text)
            are_words = isinstance(value, list) and all(isinstance(word, str) for word in value)
            yield " ".join(value) if are_words else value, row.get(label)

    columns = list(dict.fromkeys(key for row in rows for key in row))
    return Part(name, columns, len(rows), read, {"encoding": encoding})


def _parse(path, text):
    """Parse a text as one JSON value, or each of its lines as one."""
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
            raise UserError(f"dataset {str(path)!r} can't be loaded, as {fault}: correct it") from None
    return values
