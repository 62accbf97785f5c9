"""Decide by their names which file is which split, and which files belong to one dataset.

`local_files.py` (for files) and `corpus.py` (for splits of the Hub) call :func:`divide`. What the names leave
open is refused, with the ``--split`` that resolves it.
"""

import fnmatch
import os
import re
import shlex
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from scripts.files.data import SPLITS
from scripts.files.errors import UserError

SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "heldout"), "test"),
}
SPLIT_WORD = re.compile(rf"(?:labell?ed)?({'|'.join(SPLIT_OF)})(?:set|data)?\d*")
GENERIC = re.compile(r"(?:data|dataset|set|split|file|part|shard|of|labell?ed)?\d*")  # says no dataset
SHARD = re.compile(r"-\d{5}-of-\d{5}(?:-[0-9a-f]{16})?$")  # as in train-00000-of-00001-0123456789abcdef


class Named(NamedTuple):
    """The split in a name, if any, and the rest of the name."""

    split: str | None
    word: str  # the word that names the split, or why none does
    group: str  # the other words, which files of one dataset share; "default": none
    shape: str  # the last part with # for its numbers: files that differ in these only are shards


def name_file(path):
    """Read the path of a file within its dataset: en/sst2_dev-1.csv is validation, by "dev", of en/sst2."""
    path = PurePosixPath(path)
    *folders, own = path.with_suffix("").parts
    found, groups = {}, []
    for folder in folders:
        splits, rest = _read_name(folder)
        groups.append(folder if rest and not splits else rest)
        found |= splits
    splits, rest = _read_name(own)
    shape = re.sub(r"\d+", "#", SHARD.sub("#", own))
    if found and not splits:  # one of the files in the folder of a split: whatever they are called
        rest, shape = "", "#"
    found |= splits
    split, word = next(iter(found.items()), (None, "its name says no split"))
    if len(found) > 1:
        split, word = None, f"its path says {' and '.join(found)}"
    if re.search(r"unlabell?ed|unsup", str(path).lower()):
        split, word = None, "its name says that it has no labels"
    group = "/".join(filter(None, [*groups, rest])) or "default"
    return Named(split, word, group, shape + path.suffix.lower())


def _read_name(name):
    """The splits that a name says, each with its word, and the other words that say something."""
    found, rest = {}, []
    for word in re.findall(r"[^\W_]+", SHARD.sub("", name).lower()):
        if match := SPLIT_WORD.fullmatch(word):
            found[SPLIT_OF[match[1]]] = match[1]
        elif not GENERIC.fullmatch(word):
            rest.append(word)
    return found, "-".join(rest)


def divide(names, dataset, given=None, config=None, default=None):
    """Group names of files (or of splits) by configuration and split, and choose one configuration.

    Returns the names of each split; why each other name is not used; and the configuration, the words that
    its names share ("default": none). UserError if anything is ambiguous. `given` is --split.
    """
    if given is not None:
        return *_divide_as_given(given, names), None
    common = os.path.commonpath([str(PurePosixPath(name).parent) for name in names])
    said = {name: name_file(PurePosixPath(name).relative_to(common)) for name in names}
    if not any(one.split for one in said.values()):  # then all rows are train
        said = {name: one._replace(split="train") for name, one in said.items()}
    groups = defaultdict(lambda: defaultdict(list))
    for name, one in said.items():
        if one.split:
            groups[one.group][one.split].append(name)
    configuration = _choose(groups, dataset, config, default)
    splits = groups[configuration]
    for split, (first, *rest) in splits.items():
        if other := [name for name in rest if "#" not in said[name].shape or said[name] != said[first]]:
            fault = f"{first} and {other[0]} may both be {split}: say which is which"
            raise UserError(f"{fault}, as in {_example(splits)}")
    if len(splits) > 1 and "train" not in splits:
        nameless = [name for name in names if not said[name].split] or ["NAME"]
        fault = f"of {dataset} nothing is train, only {', '.join(splits)}: say what is"
        raise UserError(f"{fault}, as in {_example({'train': nameless, **splits})}")
    unused = {
        name: f"configuration {one.group!r}" if one.split else one.word
        for name, one in said.items()
        if not (one.split and one.group == configuration)
    }
    return dict(splits), unused, configuration


def _example(splits):
    """An example of --split: the first name of each split."""
    return f"--split {' '.join(shlex.quote(f'{split}={names[0]}') for split, names in splits.items())}"


def _choose(groups, dataset, wanted, default):
    """The configuration to read: the one asked for, the default, or the only one."""
    only = next(iter(groups)) if len(groups) == 1 else None
    chosen = wanted or (default if default in groups else only)
    if chosen in groups:
        return chosen
    listed = ", ".join(f"{name!r} ({', '.join(splits)})" for name, splits in groups.items())
    said = f"{dataset} holds" if wanted is None else f"--config {wanted}: {dataset} has only"
    remedy = f"choose one with --config {shlex.quote(next(iter(groups)))}, or say which files are one dataset"
    mixed = {split: names for splits in groups.values() for split, names in splits.items()}
    raise UserError(f"{said} the configurations {listed}: {remedy}, as in {_example(mixed)}")


def _divide_as_given(given, names):
    """Divide names as --split says: SPLIT=FILE, where FILE is a name, a pattern or a folder."""
    chosen, unused = defaultdict(list), dict.fromkeys(names, "not named by --split")
    for item in given:
        word, _, pattern = str(item).partition("=")
        split, place = SPLIT_OF.get(word.strip().lower()), Path(pattern).as_posix()
        if split is None or not pattern:
            raise UserError(f"--split {item}: give train=FILE, validation=FILE or test=FILE")
        found = [name for name in unused if name == place or name.startswith(f"{place}/")]
        found = found or fnmatch.filter(unused, place)
        if not found:
            some = ", ".join(map(repr, list(unused)[:20]))
            raise UserError(f"--split {item} is none of the remaining files: give one of {some}")
        chosen[split] += found
        unused = {name: why for name, why in unused.items() if name not in found}
    if "train" not in chosen:
        raise UserError(f"--split names no train, only {', '.join(chosen)}: add train=FILE")
    return {split: chosen[split] for split in SPLITS if split in chosen}, unused
