"""Decide which of a dataset's labels is 0 (negative) and which 1 (positive), and which are hidden.

`corpus.py` calls :func:`two_classes` for the rows that it has read.
"""

import itertools
import math
import re

from scripts.files.errors import UserError

HIDDEN = -1  # in place of a label that is not published
DROPPED = object()  # in place of the label of a row without text
MISSING = {"", "na", "n/a", "nan", "null", "?"}  # texts that mean "no label"
POSITIVE = "favou?rable|recommended|happy"
SENSES = {  # words for the negative and the positive class
    sense: re.compile(rf"(?:(?:very|mostly|somewhat)[ _-])?(?:{words})", re.IGNORECASE)
    for sense, words in (
        (-1, f"neg.*|rotten|bad|awful|terrible|false|no|dislike.*|sad|-|(?:un|not[ _-])(?:{POSITIVE})"),
        (1, f"pos.*|fresh|good|great|excellent|true|yes|like.*|[+]|{POSITIVE}"),
    )
}


def two_classes(labels, class_names=None, warnings=None):
    """Return the number, 0 or 1, of each published label, in the order of `_order_labels`.

    `labels` holds a list per split; hidden ones are ignored. `class_names` are the meanings of the labels 0,
    1, …, if they are known. If the order is a guess, a text is added to `warnings`.
    """
    seen, spelt = {}, {}  # class -> its first spelling and split; spelling -> class
    for split, values in labels.items():
        if count_hidden(split, labels):
            continue
        if missing := [row for row, label in enumerate(values, 1) if _is_missing(label)]:
            fault = f"row {missing[0]} of split {split!r} has no label ({len(missing)} of {len(values)} rows)"
            raise UserError(f"{fault}: fill it in, delete it, or name another column with --label-column")
        for label in dict.fromkeys(label for label in values if label is not DROPPED):
            spelt[label] = _class_of(label)
            seen.setdefault(spelt[label], (plain_label(label), split))
    if len(seen) != 2:
        found = [f"{label!r:.32} (in {split})" for label, split in seen.values()]
        said = ", ".join(found[:8] + ["…"] * (len(found) > 8))
        fault = f"the labels are {said}: two classes were expected, not {len(found)}"
        raise UserError(f"{fault}: drop other rows or name another column with --label-column")
    ordered = _order_labels([label for label, _ in seen.values()], class_names, warnings)
    number = {_class_of(label): number for number, label in enumerate(ordered)}
    return {label: number[kind] for label, kind in spelt.items()}


def count_hidden(split, labels):
    """Count the rows of a split whose labels are hidden: missing or -1 in test, if there are other splits."""
    if split != "test" or len(labels) == 1:
        return 0
    others = set(itertools.chain(*(values for name, values in labels.items() if name != split)))
    hides = HIDDEN not in map(plain_label, others)  # else -1 is a class
    return sum(_is_missing(label) or (hides and plain_label(label) == HIDDEN) for label in labels[split])


def plain_label(label):
    """Return a label as it is shown: a text that spells a number as that number."""
    if not (isinstance(label, str) and _is_numeric(label)):
        return label.strip() if isinstance(label, str) else label
    return int(float(label)) if float(label).is_integer() else float(label)


def class_facts(number_of, class_names):
    """Describe the labels, numbered by :func:`two_classes`, for ``dataset.json``."""
    labels = {str(number_of[label]): label for label in reversed(number_of)}  # the first spelling of each
    names = {k: _name_of(labels[k], class_names) for k in "01"}
    return {"labels": {k: plain_label(labels[k]) for k in "01"}, "label_names": names}


def _name_of(label, class_names):
    label = plain_label(label)
    if not class_names or isinstance(label, str) or label not in range(len(class_names)):
        return None
    return class_names[int(label)]


def check_same_classes(name, facts, test, test_facts):
    """Raise UserError unless the two classes of the dataset `test` are certainly those of `name`."""
    both = facts, test_facts
    shown = [[each["label_names"][k] or each["labels"][k] for k in "01"] for each in both]
    named = all(each["label_names"]["0"] for each in both)  # else only the labels can be compared
    ours, theirs = (
        {_class_of(label): k for k, label in enumerate(names if named else each["labels"].values())}
        for each, names in zip(both, shown, strict=True)
    )
    contradicted = any(theirs.get(label, k) != k for label, k in ours.items())
    known = (labels == [0, 1] or _sense_of(labels[0]) == -1 or _sense_of(labels[1]) == 1 for labels in shown)
    if contradicted or (ours != theirs and not all(known)):
        ours, theirs = (" and ".join(map(repr, labels)) for labels in shown)
        fault = f"the classes of --test {test} are {theirs}, those of {name} are {ours}"
        raise UserError(f"{fault}: they may not be the same: write 0 (negative) and 1 (positive) in both")


def _class_of(label):
    """One value for all spellings of a class: "1" and 1.0, "Positive" and "positive "."""
    label = plain_label(label)
    return label.casefold() if isinstance(label, str) else label


def _is_missing(label):
    """True for None, NaN and the texts in `MISSING`."""
    return label is None or label != label or (isinstance(label, str) and label.strip().lower() in MISSING)


def _order_labels(labels, class_names, warnings):
    """Two labels, the negative one first: by the meaning of their names, else by number, else by alphabet."""
    names = {label: _name_of(label, class_names) or plain_label(label) for label in labels}
    senses = {label: _sense_of(name) for label, name in names.items()}
    if len(set(senses.values())) == 2:
        return sorted(labels, key=senses.get)
    if all(map(_is_numeric, names.values())):
        return sorted(labels, key=lambda label: float(names[label]))
    ordered = sorted(labels, key=float if all(map(_is_numeric, labels)) else _natural_key)
    if warnings is not None:
        negative, positive = (names[label] for label in ordered)
        guess = f"{positive!r} is taken as positive and {negative!r} as negative, but no name says so"
        warnings.append(f"{guess}: if wrong, write 0 (negative) and 1 (positive) in their place")
    return ordered


def _natural_key(label):
    """A key that sorts numbers within texts by size: "2 stars" comes before "10 stars"."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(label).casefold())]


def _sense_of(word):
    """-1 for a usual name of the negative class, 1 for one of the positive class, else 0."""
    return next((sense for sense, words in SENSES.items() if words.fullmatch(str(word).strip())), 0)


def _is_numeric(label):
    """True for a finite number, or a text that spells one."""
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False
