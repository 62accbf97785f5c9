"""From opened files, or splits of the Hub, to the `Table` that `corpus.py` reads: columns and labels."""

from collections.abc import Callable
from typing import NamedTuple

from scripts.files.errors import UserError
from scripts.files.storage import readable

TEXT_COLUMNS = ("sentence", "text")
LABEL_COLUMN = "label"
SPLIT_COLUMNS = {"split", "set", "subset", "fold", "partition"}  # may say which split a row belongs to


class Options(NamedTuple):
    """How a dataset is to be read: preprocessing's options of these names."""

    text_column: str | list | None = None  # several: the first that exists
    label_column: str | list | None = None
    config: str | None = None
    encoding: str | None = None
    separator: str | None = None
    split: list | None = None  # such as ["train=FILE"]
    no_header: bool = False


class Part(NamedTuple):
    """One file, or one split of the Hub, opened. The default dicts are shared, and nothing changes them."""

    name: str
    columns: list
    rows: int
    read: Callable  # read(text, label) iterates over the pairs of two columns; without labels, label is None
    read_as: dict = {}  # noqa: RUF012 (encoding and separator of a text file)
    names: dict = {}  # noqa: RUF012 (meanings of the labels 0, 1, … by column, where they are known)


class Table(NamedTuple):
    """Texts and labels as published, not yet read. The default lists and dict are never changed."""

    name: str
    source: str
    sizes: dict  # rows of each split
    read: Callable  # read(split) iterates over its (text, label) pairs
    class_names: list | None  # meanings of the labels 0, 1, …, where they are known
    tokenised: bool | None  # None: a sample of the rows decides
    whole: bool  # no row is cut from another
    files: list = []  # noqa: RUF012 (every file found: "file", "split" or None, "why")
    read_as: dict = {}  # noqa: RUF012 (encoding, separator, columns, configuration)
    warnings: list = []  # noqa: RUF012 (texts)


def find_columns(part, options, label_needed=True):
    """Find the columns of texts and of labels; None for labels that are neither there nor needed."""
    texts, labels = wanted(options.text_column, TEXT_COLUMNS), wanted(options.label_column, [LABEL_COLUMN])
    found = []
    for names, needed in ((texts, True), (labels, label_needed)):
        alike = [column for name in names for column in part.columns if plain(column) == plain(name)]
        found.append(next((name for name in (*names, *alike) if name in part.columns), None))
        if found[-1] is None and needed:
            hint = ""
            if "separator" in part.read_as and not options.no_header:
                hint = "; if that line is a row, give --no-header and their numbers instead of names"
            there = ", ".join(repr(column[:40]) for column in part.columns[:20])
            fault = f"{part.name} has no column {' or '.join(map(repr, dict.fromkeys(names)))}, only {there}"
            remedy = (
                "name them with --text-column and --label-column (of several names, the first that exists)"
            )
            raise UserError(f"{fault}: {remedy}{hint}")
    return found


def wanted(given, usual):
    """Return the names that a column may have: those given, else the usual ones."""
    return [given] if isinstance(given, str) else given or usual


def plain(name):
    """Return the name of a column without regard to case and blanks."""
    return str(name).strip().lower()


def make_table(name, source, parts, unused, options, configuration=None, names=None):
    """Make a `Table` of the opened parts of each split; only a test split may lack the column of labels.

    `unused` says why each other file is not used; `names` are those of a `Part`, from the dataset's page.
    """
    lead = (parts.get("train") or next(iter(parts.values())))[0]
    all_parts, columns = [(split, part) for split in parts for part in parts[split]], {}
    for split, part in all_parts:
        columns[part.name] = find_columns(part, options, split != "test" or len(parts) == 1)

    def read(split):
        for part in parts[split]:
            with readable(part.name):
                yield from part.read(*columns[part.name])

    sizes = {split: sum(part.rows for part in several) for split, several in parts.items()}
    text, label = columns[lead.name]
    said = [item for _, part in all_parts for item in part.read_as.items()]
    read_as = {key: ", ".join(dict.fromkeys(value for k, value in said if k == key)) for key, _ in said}
    read_as |= {"columns": {"text": text, "label": label}, "configuration": configuration}
    class_names = lead.names.get(label) or (names or {}).get(label)
    files = [{"file": part.name, "split": split, "why": ""} for split, part in all_parts]
    files += [{"file": file, "split": None, "why": why} for file, why in unused.items()]
    warnings, naming = [], [column for column in lead.columns if plain(column) in SPLIT_COLUMNS]
    if len(all_parts) == 1 and naming:
        fault = f"the column {naming[0]!r} of {lead.name} is not read, and all rows are one split"
        warnings = [f"{fault}: if it names splits, give each a file of its own, such as train.csv"]
    return Table(name, source, sizes, read, class_names, None, False, files, read_as, warnings)


def refuse_options(what, options, *names):
    """Raise UserError if one of these options (by default any) is given, as it has no meaning for `what`."""
    for name in names or options:
        if (value := options[name]) not in (None, False):
            given = f"--{name.replace('_', '-')}{'' if value is True else f' {value}'}"
            raise UserError(f"{given} has no meaning for {what}: leave it out")
