"""Read a .csv or .tsv file: its encoding, its separator, its quotation marks, and its columns.

The whole file is looked through before a row is used: a way to read it holds where every row has as many
fields as the first, and no quoted field swallows further rows. Only the two columns needed are kept, as text;
labels that spell numbers are numbers.
"""

import codecs
import contextlib
import csv
import itertools
import re
from pathlib import Path

from scripts.files.errors import UserError
from scripts.text.tables import LABEL_COLUMN, TEXT_COLUMNS, Part, find_columns, plain, wanted

SEPARATORS = {".csv": ",;\t|", ".tsv": "\t,;|"}
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|inf(?:inity)?)", re.IGNORECASE)
SAMPLE = 1000  # rows that tell texts from labels where there is no header line; labels to compare with
QUOTED, ESCAPED = "doubled", "after a backslash"  # how quotation marks stand within a quoted field
LAX, PLAIN = "loosely placed", "part of the text"
MARKS = {  # UTF-32 first, as its mark begins like that of UTF-16
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
    codecs.BOM_UTF8: "utf-8-sig",
}
UNDECODED = re.compile("[\udc80-\udcff]")
USUAL = "--encoding cp1252 (Western European), cp1251 (Cyrillic), gb18030 (Chinese) or shift_jis (Japanese)"
csv.field_size_limit(1 << 25)  # of the whole process; `corpus.py` says what is too long


class _Fault(UserError):
    """A line that doesn't fit a way of reading the file."""


def find_encoding(path, given=None):
    """Return the encoding of a file; UserError with the line where it isn't that."""
    try:
        "".encode("utf-8" if given is None else given)
    except (LookupError, ValueError) as error:
        raise UserError(f"--encoding {given} is not known: give one such as cp1252") from error
    with open(path, "rb") as file:
        head = file.read(16)
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), given or "utf-8")
    if given is None and encoding == "utf-8" and head.count(0) > 3:
        order = "utf-16-le" if head[1::2].count(0) > 3 else "utf-16-be"
        raise UserError(f"{path} has zero bytes, as UTF-16 has: give --encoding {order}")
    number = 1
    with contextlib.suppress(UnicodeError), open(path, encoding=encoding, errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):  # noqa: B007
            if UNDECODED.search(line):
                break
        else:
            return encoding
    what = "not in the encoding" if encoding == given else "no"
    name = encoding.removesuffix("-sig").upper()
    raise UserError(f"{path}, line {number}, is {what} {name}: give its encoding, such as {USUAL}")


def _read_rows(path, encoding, separator, quotes, start=0):
    """Yield the number of the first line, of the last line, and the fields of each row with content."""
    quoting = csv.QUOTE_NONE if quotes == PLAIN else csv.QUOTE_MINIMAL
    with open(path, encoding=encoding, newline="") as file:
        lines = (line.replace('\\"', '""') for line in file) if quotes == ESCAPED else file
        strict = quotes in (QUOTED, ESCAPED)
        reader, first = csv.reader(lines, delimiter=separator, quoting=quoting, strict=strict), 1
        try:
            for row in reader:
                if len(row) > 1 or "".join(row).strip():
                    if start <= 0:
                        yield first, reader.line_num, row
                    start -= 1
                first = reader.line_num + 1
        except csv.Error as error:
            raise _Fault(f"line {first}: a quoted field doesn't end where it should ({error})") from error


def open_delimited(path, name, options):
    """Open a file as a `Part`."""
    encoding, fault = find_encoding(path, options.encoding), None
    for separator in _separators(path, encoding, options):
        for quotes in (QUOTED, ESCAPED, PLAIN if separator == "\t" else LAX):
            try:
                return _open_as((path, encoding, separator, quotes), name, options)
            except _Fault as error:
                fault = error
    raise UserError(
        f"{name}, {fault}: put such a field in quotation marks and double those within it, mend the line, or "
        "name another separator with --separator"
    )


def _open_as(layout, name, options):
    """Open a file in one way; `_Fault` where a row doesn't fit it."""
    path, encoding, separator, quotes = layout
    sample = [row for _, _, row in itertools.islice(_read_rows(*layout), SAMPLE)]
    if not sample:
        raise UserError(f"{path} is empty: give a file with rows")
    header, guess, start = sample[0], (None, None), 1
    if options.no_header:
        header, guess, start = [str(place + 1) for place in range(len(header))], _guess_columns(sample), 0
    said = {"encoding": encoding, "separator": separator.replace("\t", "\\t"), "quotes": quotes}

    def read(text, label):
        place, label_place = header.index(text), header.index(label) if label else None
        for _, _, row in _read_rows(*layout, start):
            row.append("")  # where the last one is left out
            yield row[place], None if label_place is None else _as_label(row[label_place])

    part = Part(name, header, None, read, said, guess=guess)
    named = options._replace(
        text_column=options.text_column or guess[0], label_column=options.label_column or guess[1]
    )
    return part._replace(rows=_look_through(layout, start, header, *find_columns(part, named, False)))


def _separators(path, encoding, options):
    """Separators that the file may have: one given; one that shows the names of the columns; any."""
    usual = SEPARATORS[Path(path).suffix.lower()]
    if options.separator is not None:
        separator = {"\\t": "\t", "tab": "\t"}.get(options.separator, options.separator)
        if len(separator) != 1 or separator in '"\r\n\\':
            raise UserError(f"--separator {options.separator!r}: give one sign, such as ';' or '\\t'")
        return separator
    with open(path, encoding=encoding, newline="") as file:
        first = next(filter(str.strip, file), "")
    if options.no_header:
        return [sign for sign in usual if sign in first] or usual[0]
    texts = {*map(plain, wanted(options.text_column, TEXT_COLUMNS))}
    labels = {*map(plain, wanted(options.label_column, [LABEL_COLUMN]))}

    def fit(sign):
        header = set(map(plain, next(csv.reader([first], delimiter=sign), [])))
        return bool(header & texts), bool(header & labels), len(header)

    return max(usual, key=fit)


def _look_through(layout, start, header, text, label):
    """Count the rows; `_Fault` where one has other fields than the header or has swallowed further rows."""
    place, label_place = header.index(text), header.index(label) if label else None
    width, count, labels, suspects, number = None, 0, set(), {}, ""
    for first, last, row in _read_rows(*layout, start):
        width = width or len(header) - (len(row) == len(header) - 1)  # all may lack the last one
        if len(row) != width:
            raise _Fault(f"line {first} has {len(row)} field{'s' * (len(row) != 1)}, not {width}")
        count += 1
        row.append("")
        if label and len(labels) < SAMPLE:
            labels.add(row[label_place])
        if count == 1 or not NUMBER.fullmatch(row[place].strip()):
            number = "" if count > 1 else row[place].strip()
        for piece in itertools.chain(*map(str.splitlines, row)) if last > first and width > 1 else ():
            fields = piece.split(layout[2])
            if len(fields) == len(header) and len(suspects) < SAMPLE:
                suspects.setdefault(fields[label_place].strip('"') if label else None, first)
    if layout[2] == "\t":
        labels.add(None)  # prose has no tabs: their number is enough where there are no labels
    if swallowing := [first for said, first in suspects.items() if said in labels]:
        raise _Fault(f"line {min(swallowing)}: a quoted field holds what looks like further rows")
    if NUMBER.fullmatch(number):
        raise UserError(
            f"column {text!r} of {layout[0]} holds {number!r} where a text was expected: name the column "
            "of texts with --text-column"
        )
    return count


def _guess_columns(rows):
    """Numbers, as names, of the columns of texts (the longest) and labels (two values, if just one is so)."""
    columns = list(zip(*rows, strict=False))
    text = max(range(len(columns)), key=lambda place: sum(map(len, columns[place])))
    two = [place for place, column in enumerate(columns) if place != text and len(set(column)) == 2]
    return str(text + 1), str(two[0] + 1) if len(two) == 1 else None


def _as_label(field):
    """A label: a number where it spells one."""
    if re.fullmatch(r"[+-]?\d{1,18}", field.strip()):
        return int(field)
    return float(field) if NUMBER.fullmatch(field.strip()) else field
