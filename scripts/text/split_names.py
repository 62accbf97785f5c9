"""Decide by their names which file is which split, and which files belong to one dataset.

`local_files.py` (for files) and `corpus.py` (for splits of the Hub) call :func:`divide`. What the names leave
open is refused, with the ``--split`` that resolves it.
"""

import fnmatch
import itertools
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
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev", "devel", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "heldout", "holdout"), "test"),
}
GENERIC = re.compile(r"(?:data|datasets?|sets?|splits?|files?|part|shard|of|labell?ed)\d*")
UNLABELLED = {"unlabeled", "unlabelled", "unsupervised", "unsup"}
SPLIT_WORD = re.compile(rf"(?:labell?ed)?({'|'.join(SPLIT_OF)})(?:set|data|dataset|split|file|df)?s?\d*")
SHARD = re.compile(r"-\d{5}-of-\d{5}(?:-[0-9a-f]{16})?$")  # as in train-00000-of-00001-0123456789abcdef
WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|[^\W\d_A-Za-z]+\d*")  # of labeledTrainData: three
UNKNOWN = "its name says no split"


class Named(NamedTuple):
    """The split in a name, if any, and the rest of the name."""

    split: str | None
    word: str  # the word that names the split, or why none does
    group: str  # the other words, which files of one dataset share


def name_split(name):
    """Read a name without folders and ending: sst2_dev-1 is validation, by the word "dev", of "sst2"."""
    found, rest = {}, []
    name = re.sub(r"(held|hold)[-_ ]out", r"\1out", SHARD.sub("", name), flags=re.IGNORECASE)
    for piece in re.findall(r"[^\W_]+", name):
        whole = SPLIT_WORD.fullmatch(piece.lower())
        for word in [piece.lower()] if whole else map(str.lower, WORD.findall(piece)):
            if match := SPLIT_WORD.fullmatch(word):
                found.setdefault(SPLIT_OF[match[1]], match[1])
            elif not GENERIC.fullmatch(word):
                rest.append(word)
    if len(found) > 1:
        return Named(None, f"its name says {' and '.join(found)}", "-".join(rest))
    if UNLABELLED & {*rest} and "test" not in found:
        return Named(None, "its name says that it has no labels", "-".join(rest))
    return Named(*next(iter(found.items()), (None, UNKNOWN)), "-".join(rest))


def name_file(path):
    """Read the path of a file within its dataset; the innermost part that names a split decides."""
    *folders, last = PurePosixPath(path).with_suffix("").parts
    *around, own = said = [name_split(part) for part in (*folders, last)]
    splits = [one for one in said[::-1] if one.split]
    # a folder that names no split names a dataset; a file within a folder of a split is one of many
    both = zip(around, folders, strict=True)
    groups = [one.group if one.split else folder for one, folder in both if one.group]
    group = "/".join(filter(None, [*groups, own.group if own.split or not splits else ""]))
    if own.word != UNKNOWN and not own.split:
        return Named(None, own.word, group)
    if len({one.split for one in splits}) > 1:
        return Named(None, f"its path says {splits[1].split} and {splits[0].split}", group)
    return Named(*(splits[0] if splits else own)[:2], group)


def divide(names, dataset, given=None, config=None, default=None, folder=None):
    """Group names of files (or of splits) by configuration and split, and choose one configuration.

    Returns the names of each split; why each other name is not used; and the configuration, the words that
    its names share ("default": none). UserError if anything is ambiguous. `given` is --split.
    """
    if given is not None:
        return *_divide_as_given(given, names, folder), None
    common = os.path.commonpath([str(PurePosixPath(name).parent) for name in names])
    within = {name: str(PurePosixPath(name).relative_to(common)) for name in names}
    said = {name: name_file(path) for name, path in within.items()}
    if not any(one.split for one in said.values()):  # then all rows are train
        said = {name: one._replace(split="train") for name, one in said.items()}
    groups = defaultdict(lambda: defaultdict(list))
    for name, one in said.items():
        if one.split:
            groups[one.group or "default"][one.split].append(name)
    found = list(itertools.chain(*groups.values()))
    if len(found) == len({*found}) and len(set(groups) - {"default"}) == 1:  # train.csv and films_test.csv
        merged = {split: names for group in groups.values() for split, names in group.items()}
        groups = {max(groups, key="default".__ne__): merged}
    configuration = _choose(groups, dataset, config, default)
    splits = groups[configuration]
    for split, (first, *rest) in splits.items():
        kinds = {name: (said[name].word, _shape(within[name])) for name in (first, *rest)}
        if other := [name for name in rest if kinds[name] != kinds[first] or "#" not in kinds[first][1]]:
            fault = f"{first} and {other[0]} may both be {split}: say which is which"
            raise UserError(f"{fault}, as in {_example(splits)}")
    if len(splits) > 1 and "train" not in splits:
        nameless = [name for name in names if not said[name].split] or ["NAME"]
        fault = f"of {dataset} nothing is train, only {', '.join(splits)}: say what is"
        raise UserError(f"{fault}, as in {_example({'train': nameless, **splits})}")
    used = {*itertools.chain(*splits.values())}
    unused = {
        name: f"configuration {one.group or 'default'!r}" if one.split else one.word
        for name, one in said.items()
        if name not in used
    }
    return dict(splits), unused, configuration


def _shape(path):
    """The last part of a path with # for its numbers: files that differ in these only are shards."""
    path = PurePosixPath(path)
    if not name_split(path.stem).split and any(name_split(folder).split for folder in path.parts[:-1]):
        return f"#{path.suffix.lower()}"  # in the folder of a split, all files are shards
    return re.sub(r"\d+", "#", SHARD.sub("#", path.stem)) + path.suffix.lower()


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
    first_names = {f"{split}={names[0]}" for splits in groups.values() for split, names in splits.items()}
    remedy = f"choose one with --config {shlex.quote(next(iter(groups)))}, or say which files are one dataset"
    given = " ".join(map(shlex.quote, sorted(first_names)))
    raise UserError(f"{said} the configurations {listed}: {remedy} with --split {given}")


def _divide_as_given(given, names, folder):
    """Divide names as --split says: SPLIT=FILE, where FILE is a name, a pattern or a folder."""
    chosen, unused = defaultdict(list), dict.fromkeys(names, "not named by --split")
    for item in given:
        word, _, pattern = str(item).partition("=")
        split = SPLIT_OF.get(word.strip().lower())
        if split is None or not pattern:
            raise UserError(f"--split {item}: give train=FILE, validation=FILE or test=FILE")
        place = os.path.normpath(pattern)
        if folder and os.path.lexists(pattern) and not os.path.lexists(folder / pattern):
            place = os.path.relpath(Path(pattern).resolve(), folder)
        place = place.replace(os.sep, "/")
        found = [name for name in unused if name in (pattern, place) or name.startswith(f"{place}/")]
        found = found or fnmatch.filter(unused, place)
        if not found:
            some = ", ".join(map(repr, list(unused)[:20]))
            raise UserError(f"--split {item} is none of the remaining files: give one of {some}")
        chosen[split] += found
        unused = {name: why for name, why in unused.items() if name not in found}
    if "train" not in chosen:
        raise UserError(f"--split names no train, only {', '.join(chosen)}: add train=FILE")
    return {split: chosen[split] for split in SPLITS if split in chosen}, unused
