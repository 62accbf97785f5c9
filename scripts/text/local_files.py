"""Find a dataset in a file or folder of this machine: which files are read, and which split each one is.

`corpus.py` calls :func:`load_local`. A folder is read from no further than itself, whatever it describes.
"""

import fnmatch
import os
from itertools import chain
from pathlib import Path
from posixpath import join, normpath

from scripts.files.errors import UserError
from scripts.files.storage import readable
from scripts.text.delimited import open_delimited
from scripts.text.json_files import open_json
from scripts.text.library import SAVED, import_datasets, in_one_line, open_parquet, open_saved
from scripts.text.split_names import choose, divide, divide_as_given
from scripts.text.tables import make_table, refuse_options

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
    b"PAR1": "a parquet file: let its name end in .parquet",
}


def load_local(path, options):
    """Open a folder or a file, as a `Table`."""
    path = Path(path).resolve()
    with readable(path):
        is_folder = path.is_dir() and not (path / SAVED).is_file()
        names, others = _list_files(path) if is_folder else ([path.name], {})
    if not names:
        raise UserError(f"{path} is no dataset: give a folder of files ending in {', '.join(OPENERS)}")
    base = path if is_folder else path.parent
    parts = _open(base, names[0], options) if len(names) == 1 else {}
    if is_folder or len(parts) > 1:
        inner = list(parts) if len(parts) > 1 else names
        splits, unused, configuration, class_names = _divide(path, inner, options)
    else:
        refuse_options(options, "a single file", "config", "split")
        splits, unused, configuration, class_names = {"train": names}, {}, None, None
    if len(parts) < 2:
        parts = {
            name: _only(base / name, parts or _open(base, name, options)) for name in chain(*splits.values())
        }
    opened = {split: [parts[name] for name in several] for split, several in splits.items()}
    others |= {parts[name].name if name in parts else name: why for name, why in unused.items()}
    files = [{"file": part.name, "split": split, "why": ""} for split in opened for part in opened[split]]
    files += [{"file": name, "split": None, "why": why} for name, why in sorted(others.items())[:LISTED]]
    if len(others) > LISTED:
        files.append({"file": f"{len(others) - LISTED:,} more", "split": None, "why": "as those before"})
    said = {key for several in opened.values() for part in several for key in part.read_as}
    if "separator" not in said:
        refuse_options(options, "what is no .csv or .tsv file", "separator", "no_header")
    if "encoding" not in said:
        refuse_options(options, "what is no text file", "encoding")
    return make_table(path.name, "local", opened, options, files, configuration, class_names)


def _list_files(folder):
    """Names of all that can be read, and the other files -> why not; hidden ones are left out."""
    names, others = [], {}
    for place, folders, files in os.walk(folder, onerror=_raise):
        here = Path(place).relative_to(folder)
        if SAVED in files:
            names.append(here.as_posix())
            folders.clear()
            continue
        links = [name for name in folders if (folder / here / name).is_symlink()]
        others |= {(here / name).as_posix(): "a link to a folder" for name in links}
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in [name for name in files if not name.startswith(".")]:
            if Path(name).suffix.lower() in OPENERS and name not in DESCRIPTIONS:
                names.append((here / name).as_posix())
            else:
                why = "a description" if name in DESCRIPTIONS else "its ending is not one of a dataset"
                others[(here / name).as_posix()] = why
    return sorted(names), others


def _raise(error):
    """Let os.walk raise what it would pass over."""
    raise error


def _divide(path, names, options):
    """What `divide` returns, by --split, README.md or the names; and the meaning of labels by column."""
    if options.split is not None:
        refuse_options(options, "files that --split names", "config")
        return *divide_as_given(options.split, names, path), None
    groups, default, infos = _described(path, names)
    if not groups:
        found, unused, configuration = divide(names, path.name, options.config)
    else:
        configuration = choose(groups, path.name, options.config, default)
        published, unused = groups[configuration], dict.fromkeys(names, "not in the description")
        for key in groups:
            unused |= dict.fromkeys(chain(*groups[key].values()), f"configuration {key!r}")
        found = divide([*published], path.name, default="default")[0]
        found = {split: [*chain(*(published[name] for name in found[split]))] for split in found}
        used = {*chain(*found.values())}
        unused = {name: why for name, why in unused.items() if name not in used}
    features = getattr(infos.get(configuration), "features", None) or {}
    return found, unused, configuration, lambda label: getattr(features.get(label), "names", None)


def _described(folder, names):
    """The configurations that README.md describes as on the Hub does, the default one, and their infos."""
    if not (folder / "README.md").is_file():
        return {}, None, {}
    import_datasets()
    from datasets.data_files import sanitize_patterns
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData
    from huggingface_hub.repocard import metadata_load

    groups = {}
    try:
        card = DatasetCardData(**(metadata_load(folder / "README.md") or {}))
        configs = MetadataConfigs.from_dataset_card_data(card)
        for key, config in configs.items():
            within, found = str(config.get("data_dir") or ""), {}
            for split, patterns in sanitize_patterns(config.get("data_files") or "**").items():
                wanted = [normpath(join(within, str(pattern))) for pattern in patterns]
                found[split] = [name for name in names if any(_fits(name, pattern) for pattern in wanted)]
            if "data_files" not in config and found["train"]:
                found = divide(found["train"], key)[0]
            if found := {split: files for split, files in found.items() if files}:
                groups[key] = found
        return groups, configs.get_default_config_name(), DatasetInfosDict.from_dataset_card_data(card)
    except UserError:
        raise
    except Exception:  # a page that is no description has no say
        return {}, None, {}


def _fits(name, pattern):
    """True if a file fits a pattern of README.md; ** stands for any folders, * for none."""
    deep = "**" in pattern or name.count("/") == pattern.count("/")
    return deep and any(fnmatch.fnmatchcase(name, one) for one in (pattern, pattern.replace("**/", "")))


def _open(base, name, options):
    """Open a file: its parts by name, of which a single one has the name ""."""
    path = base / name
    _check_file(path)
    with readable(path), in_one_line(path):
        parts = (open_saved if path.is_dir() else OPENERS[path.suffix.lower()])(path, name, options)
    return parts if isinstance(parts, dict) else {"": parts}


def _only(path, parts):
    """The part of a file that has to hold no more."""
    if len(parts) > 1:
        found = ", ".join(map(repr, parts))
        raise UserError(f"{path} holds {found}: give a file of one table, or this one as the dataset")
    return parts[""]


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
        if not path.stat().st_size:
            raise UserError(f"{path} is empty: give a file with rows")
        with open(path, "rb") as file:
            head = file.read(32)
    what = next((said for begin, said in FOREIGN.items() if head.startswith(begin)), None)
    if what and not (kind == ".parquet" and head.startswith(b"PAR1")):
        raise UserError(f"{path} is {what}")
