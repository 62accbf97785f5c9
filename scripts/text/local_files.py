"""Find a dataset in a file or folder of this machine: which files are read, and which split each one is.

`corpus.py` calls :func:`load_local`. A folder is read from no further than itself, whatever it describes.
"""

import os
from itertools import chain
from pathlib import Path

from scripts.files.errors import UserError
from scripts.files.storage import readable
from scripts.text.hub import SAVED, in_one_line, label_names, open_parquet, open_saved
from scripts.text.split_names import divide
from scripts.text.tables import make_table, refuse_options
from scripts.text.text_files import open_delimited, open_json

OPENERS = {
    **dict.fromkeys((".csv", ".tsv"), open_delimited),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), open_json),
    ".parquet": open_parquet,
}
DESCRIPTIONS = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"}
LISTED = 50  # unused files named one by one
FOREIGN = {  # the first bytes of a file -> what it is, and what to do
    b"version https://git-lfs": "a pointer of Git LFS, not the file: fetch it with git lfs pull",
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV (UTF-8)",
    b"\x1f\x8b": "packed with gzip: unpack it with gunzip",
}


def load_local(path, options):
    """Open a folder or a file, as a `Table`."""
    path, given = Path(path).resolve(), options._asdict()
    with readable(path):
        is_folder = path.is_dir() and not (path / SAVED).is_file()
        names, others = _list_files(path) if is_folder else ([path.name], {})
    if not names:
        raise UserError(f"{path} is no dataset: give a folder of files ending in {', '.join(OPENERS)}")
    base = path if is_folder else path.parent
    parts = _open(base, names[0], options) if len(names) == 1 else {}
    names = list(parts) or names  # a file may hold several splits
    if is_folder or len(names) > 1:
        if options.split is not None:
            refuse_options("files that --split names", given, "config")
        splits, unused, configuration = divide(names, path.name, options.split, options.config, folder=path)
    else:
        refuse_options("a single file", given, "config", "split")
        splits, unused, configuration = {"train": names}, {}, None
    for name in chain(*splits.values()):
        found = parts if name in parts else _open(base, name, options)
        if name not in found:
            several = ", ".join(map(repr, found))
            raise UserError(f"{name} holds {several}: give a file of one table, or this one as the dataset")
        parts[name] = found[name]
    opened = {split: [parts[name] for name in several] for split, several in splits.items()}
    said = {key for several in opened.values() for part in several for key in part.read_as}
    if "separator" not in said:
        refuse_options("what is no .csv or .tsv file", given, "separator", "no_header")
    if "encoding" not in said:
        refuse_options("what is no text file", given, "encoding")
    others |= {parts[name].name if name in parts else name: why for name, why in unused.items()}
    if (more := len(others) - LISTED) > 0:
        others = dict(list(others.items())[:LISTED]) | {f"{more:,} more": "as those before"}
    names_of = label_names(path / "README.md", configuration)
    return make_table(path.name, "local", opened, others, options, configuration, names_of)


def _list_files(folder):
    """Names of all that can be read, and the other files -> why not; hidden ones are left out."""

    def stop(error):  # rglob would pass over a folder that can't be read
        raise error

    names, others = [], {}
    saved = {Path(place) for place, _, files in os.walk(folder, onerror=stop) if SAVED in files}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = name.name.startswith(".") or any(part.startswith((".", "__")) for part in name.parts[:-1])
        if is_hidden or not saved.isdisjoint(path.parents):
            continue
        has_rows = path.suffix.lower() in OPENERS and path.name not in DESCRIPTIONS and not path.is_dir()
        if path in saved or has_rows:
            names.append(name.as_posix())
        elif path.is_symlink() or not path.is_dir():
            others[name.as_posix()] = "a link to a folder" if path.is_dir() else "not a file of rows"
    return names, others


def _open(base, name, options):
    """Open a file: its parts by name; a single one has that of the file."""
    path = base / name
    _check_file(path)
    with in_one_line(path):
        parts = (open_saved if path.is_dir() else OPENERS[path.suffix.lower()])(path, name, options)
    return parts if isinstance(parts, dict) else {name: parts}


def _check_file(path):
    """Raise UserError where a file has no loader, is missing or empty, or can't be read."""
    with readable(path):
        if (path / SAVED).is_file():
            return
        if not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder: give one of them")
        kind, endings = path.suffix.lower(), ", ".join(OPENERS)
        if kind not in OPENERS:
            hint = ", or rename it to .tsv where tabs separate its fields" * (kind == ".txt")
            raise UserError(f"{path} is no dataset: give a folder or a file ending in {endings}{hint}")
        with open(path, "rb") as file:
            head = file.read(32)
    if not head:
        raise UserError(f"{path} is empty: give a file with rows")
    if what := next((what for begin, what in FOREIGN.items() if head.startswith(begin)), None):
        raise UserError(f"{path} is {what}")
