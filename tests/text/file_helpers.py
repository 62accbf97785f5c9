"""What the tests of datasets in files share: writing folders, reading them, and obeying a message."""

import re
import shlex

from scripts.text.labels import plain_label
from scripts.text.local_files import load_local
from scripts.text.tables import Options


def rows_of(word, count=4):
    """Rows that show the file they come from: two columns, a text and a label."""
    return [(f"{word} film {i} is fine", i % 2) for i in range(count)]


def write_tables(folder, names, header="text,label"):
    """Files with the rows of :func:`rows_of`, separated as their names say; returns the folder's path."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sign = "\t" if path.suffix.lower() == ".tsv" else ","
        lines = [header.replace(",", sign), *(f"{text}{sign}{label}" for text, label in rows_of(name))]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(folder)


def load(path, **options):
    """The rows of each split, as a dataset of this machine gives them."""
    table = load_local(path, Options(**options))
    rows = {split: [(text, plain_label(label)) for text, label in table.read(split)] for split in table.sizes}
    assert {split: len(found) for split, found in rows.items()} == table.sizes
    return rows


def files_of(path, **options):
    """The split of each file that was found, None where it isn't used."""
    return {entry["file"]: entry["split"] for entry in load_local(path, Options(**options)).files}


def advice(message, option):
    """The options of `load` that follow `option` in a message, taken literally."""
    found = re.search(rf"{option}((?: '[^']*'| [^\s:;,']+)+)", str(message))
    values = shlex.split(found[1])
    if option == "--split":
        return {"split": [value for value in values if "=" in value]}
    return {option[2:].replace("-", "_"): values[0]}
