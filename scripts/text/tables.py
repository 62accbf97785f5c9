"""From opened files, or splits of the Hub, to the `Table` that `corpus.py` reads: columns and labels."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

from scripts.files.data import SPLITS
from scripts.files.errors import UserError
from scripts.files.storage import readable
from scripts.text.split_names import UNKNOWN, name_split

TEXT_COLUMNS = ("sentence", "text")
LABEL_COLUMN = "label"
SPLIT_COLUMNS = {"split", "set", "subset", "fold", "partition"}  # may say to which split a row belongs


class Options(NamedTuple):
    """How a dataset is to be read: preprocessing's options of these names."""

    text_column: str | list | None = None  # several: the first that there is
    label_column: str | list | None = None
    config: str | None = None
    encoding: str | None = None
    separator: str | None = None
    split: dict | list | None = None  # {"train": files} or ["train=FILE"]
    no_header: bool = False


class Part(NamedTuple):
    """One file, or one split of the Hub, opened."""

    name: str
    columns: list
    rows: int
    read: Callable  # read(text, label) iterates over the pairs of two columns; no column of labels is None
    read_as: dict = {}  # noqa: RUF012 (encoding and separator, where there are any; nobody changes it)
    names: dict = {}  # noqa: RUF012 (the meaning of the labels 0, 1, … of a column, where it is known)


class Table(NamedTuple):
    """Texts and labels as published, not yet read."""

    name: str
    source: str
    sizes: dict  # rows of each split
    read: Callable  # read(split) iterates over its (text, label) pairs
    class_names: list | None  # the meaning of the labels 0, 1, …, where the dataset has it
    tokenised: bool | None  # None where a look at the rows has to decide
    whole: bool  # no row is cut from another
    files: list = []  # noqa: RUF012 (every file found: "file", "split" or None, "why"; nobody changes it)
    read_as: dict = {}  # noqa: RUF012 (encoding, separator, columns, configuration)
    warnings: list = []  # noqa: RUF012 (of what may be meant otherwise; nobody changes it)


def find_columns(part, options, label_needed=True):
    """Names of the columns of texts and of labels; None for labels that are neither there nor needed."""
    found = []
    for names in (wanted(options.text_column, TEXT_COLUMNS), wanted(options.label_column, [LABEL_COLUMN])):
        alike = [column for name in names for column in part.columns if plain(column) == plain(name)]
        found += [name for name in (*names, *alike) if name in part.columns][:1] or [None]
        if found[-1] is None and (len(found) == 1 or label_needed):
            hint = ""
            if "separator" in part.read_as and not options.no_header:
                hint = "; if that line is a row, give --no-header and their numbers instead of names"
            there = ", ".join(repr(column[:40]) for column in part.columns[:20])
            fault = f"{part.name} has no column {' or '.join(map(repr, names))}, only {there}"
            remedy = "name them with --text-column and --label-column (several names: the first there is)"
            raise UserError(f"{fault}: {remedy}{hint}")
    return found


def wanted(given, usual):
    """Names that a column may have: the one given, several that were given, or the usual ones."""
    return [given] if isinstance(given, str) else given or usual


def plain(name):
    """The name of a column without regard to case and blanks."""
    return str(name).strip().lower()


def make_table(name, source, splits, unused, options, configuration=None, names={}):  # noqa: B006
    """Make a `Table` of the opened parts of each split; only a test split may lack the column of labels.

    `unused` holds the other files, and why; `names` is as that of a `Part`, from the dataset's description.
    """
    lead = (splits.get("train") or next(iter(splits.values())))[0]
    all_parts, columns = [(split, part) for split in splits for part in splits[split]], {}
    for split, part in all_parts:
        columns[part.name] = find_columns(part, options, split != "test" or len(splits) == 1)

    def read(split):
        for part in splits[split]:
            with readable(part.name):
                yield from part.read(*columns[part.name])

    sizes = {split: sum(part.rows for part in parts) for split, parts in splits.items()}
    label = columns[lead.name][1]
    said = [item for _, part in all_parts for item in part.read_as.items()]
    read_as = {key: ", ".join(dict.fromkeys(value for k, value in said if k == key)) for key, _ in said}
    read_as["columns"] = dict(zip(("text", "label"), columns[lead.name], strict=True))
    read_as["configuration"] = configuration
    class_names = lead.names.get(label) or names.get(label)
    files = [{"file": part.name, "split": split, "why": ""} for split, part in all_parts]
    files += [{"file": file, "split": None, "why": why} for file, why in unused.items()]
    warnings = [] if options.split else _find_doubts(splits, lead, columns, unused)
    return Table(name, source, sizes, read, class_names, None, False, files, read_as, warnings)


def _find_doubts(splits, lead, columns, unused):
    """List what may be meant otherwise: a column that names splits, labels or a split that are not read."""
    doubts, parts = [], [part for parts in splits.values() for part in parts]
    if len(parts) == 1 and (column := next((c for c in lead.columns if plain(c) in SPLIT_COLUMNS), None)):
        fault = f"the column {column!r} of {lead.name} is not read, and all rows are one split"
        doubts.append(f"{fault}: if it names splits, give each a file of its own, such as train.csv")
    for part in parts:
        others = [column for column in part.columns if column not in lead.columns]
        if columns[part.name][1] is None and others:
            fault = f"{part.name} has no column {columns[lead.name][1]!r}, so it counts as unlabelled"
            which = " or ".join(map(repr, others[:20]))
            doubts.append(f"{fault}: if {which} holds its labels, give that with --label-column, too")
    missing = [split for split in SPLITS if split not in splits]
    left_out = [
        name
        for name, why in unused.items()
        if why == UNKNOWN or " and " in why or name_split(PurePosixPath(name).stem).split in missing
    ]
    if missing and left_out:
        fault = f"no file was found for {' and '.join(missing)}, and {', '.join(left_out[:20])} not used"
        doubts.append(f"{fault}: if that is one, say so with --split, or convert it to .csv first")
    return doubts


def refuse_options(what, options, *names):
    """Raise UserError where one of these options (by default all) is given: none has a meaning for `what`."""
    for name in names or options:
        if (value := options[name]) not in (None, False):
            given = f"--{name.replace('_', '-')}{'' if value is True else f' {value}'}"
            raise UserError(f"{given} has no meaning for {what}: leave it out")
