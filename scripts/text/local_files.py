"""Read a dataset from a file or folder of this machine: which files are read, and which split each one is.

`corpus.py` calls :func:`load_local`. Nothing outside a folder is read, whatever the folder's files refer to.
"""

import os
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
LISTED = 50  # unused files that are named one by one
FOREIGN = {  # the first bytes of a file -> what it is, and what to do
    b"version https://git-lfs": "a pointer of Git LFS, not the file: fetch it with git lfs pull",
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV (UTF-8)",
    b"\x1f\x8b": "packed with gzip: unpack it with gunzip",
}


def load_local(path, options):
    """Open a folder or a file as a `Table`."""
    path, given = Path(path).resolve(), options._asdict()
    with readable(path):
        is_folder = path.is_dir() and not (path / SAVED).is_file()
        names, unused = _list_files(path) if is_folder else ([path.name], {})
    if not names:
        raise UserError(f"{path} is no dataset: give a folder of files ending in {', '.join(OPENERS)}")
    splits, configuration = {"train": names}, None
    if is_folder:
        if options.split is not None:
            refuse_options("files that --split names", given, "config")
        splits, others, configuration = divide(names, path.name, options.split, options.config, folder=path)
        unused |= others
    else:
        refuse_options("a single file", given, "config", "split")
    base = path if is_folder else path.parent
    parts = {split: [_open(base / name, name, options) for name in splits[split]] for split in splits}
    read_as = {key for several in parts.values() for part in several for key in part.read_as}
    if "separator" not in read_as:
        refuse_options("what is no .csv or .tsv file", given, "separator", "no_header")
    if "encoding" not in read_as:
        refuse_options("what is no text file", given, "encoding")
    if (more := len(unused) - LISTED) > 0:
        unused = dict(list(unused.items())[:LISTED]) | {f"{more:,} more": "as those before"}
    names_of = label_names(path / "README.md", configuration)
    return make_table(path.name, "local", parts, unused, options, configuration, names_of)


def _list_files(folder):
    """Names of all files that can be read, and why each other one can't; hidden files are left out."""

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


def _open(path, name, options):
    """Open a file, or the folder of a saved split, as the `Part` called `name`."""
    _check_file(path)
    with in_one_line(path):
        return (open_saved if path.is_dir() else OPENERS[path.suffix.lower()])(path, name, options)


def _check_file(path):
    """Raise UserError where a file is of an unknown format, missing, empty or unreadable."""
    with readable(path):
        if (path / SAVED).is_file():
            return
        if not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder: give one of them")
        kind, endings = path.suffix.lower(), ", ".join(OPENERS)
        if kind not in OPENERS:
            hint = ", or rename it to .tsv if tabs separate its fields" * (kind == ".txt")
            raise UserError(f"{path} is no dataset: give a folder or a file ending in {endings}{hint}")
        with open(path, "rb") as file:
            head = file.read(32)
    if not head:
        raise UserError(f"{path} is empty: give a file with rows")
    if found := next((found for start, found in FOREIGN.items() if head.startswith(start)), None):
        raise UserError(f"{path} is {found}")
