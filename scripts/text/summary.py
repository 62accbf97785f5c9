"""The end of preprocessing: a summary of dataset.json, and warnings, both called by `preprocessing.py`."""

import numpy as np

from scripts.files.numbers import counted

LOW = 0.7  # share of the running words of a split that should have a vector


def find_warnings(manifest, splits):
    """Return a text for everything that may be wrong with preprocessed splits; `manifest` is dataset.json."""
    warnings = []
    for kind in ("dataset", "embeddings"):
        if intended := manifest[kind]["intended"]:
            warnings.append(f"{manifest[kind]['name']} replaces {intended}, which was not available")
    for name, split in splits.items():
        if len(np.unique(split.y)) == 1:
            sense = ("negative", "positive")[split.y[0]]
            warnings.append(f"all rows of {name} are {sense}: no accuracy on it means anything")
    for pair, shared in manifest["shared_texts"].items():
        rows = " and ".join(f"{count:,} of {name}" for name, count in shared["rows"].items())
        remedy = "accuracy on them may be memorisation; remove them from one of the two"
        warnings.append(f"{pair} share {counted(shared['texts'], 'text')} (rows: {rows}): {remedy}")
    known = manifest["coverage"]["tokens"]
    if low := [f"{known[name]:.1%} of {name}" for name in splits if known[name] < LOW]:
        remedy = "give vectors of this language, or texts with a blank between words and --tokenised"
        warnings.append(f"few running words have a vector ({', '.join(low)}): {remedy}")
    return warnings


def summarise(manifest):
    """Return the summary of dataset.json that is printed."""
    lines = _say_dataset("sentences", manifest["dataset"], manifest)
    if manifest["test_dataset"]:
        lines += _say_dataset("test", manifest["test_dataset"], manifest["test_dataset"])
    embeddings, coverage = manifest["embeddings"], manifest["coverage"]
    words = coverage["words"]
    lines += [
        f"vectors     {embeddings['name']}, {embeddings['dimensions']} dimensions",
        f"vocabulary  {words['known']:,} of {words['total']:,} words have a vector, "
        f"{coverage['tokens']['all']:.1%} of the running words",
    ]
    if manifest["missed"]:
        missed = ", ".join(f"{word} {count}" for word, count in list(manifest["missed"].items())[:10])
        lines.append(f"missed most {missed}")
    shared = [f"{pair} {each['texts']:,}" for pair, each in manifest["shared_texts"].items()]
    lines.append(f"shared      texts in two splits: {', '.join(shared) or 'none'}")
    if manifest["max_length"]:
        lines.append(f"cut         to the last {manifest['max_length']} tokens of each text")
    lines += ["", f"{'split':12}{'rows':>8}{'positive':>10}{'mean length':>13}{'longest':>9}{'known':>8}  is"]
    for name, size in manifest["splits"].items():
        lines.append(
            f"{name:12}{size['rows']:8,}{size['positive']:10.1%}{size['mean_length']:13.1f}{size['longest']:9,}"
            f"{coverage['tokens'][name]:8.1%}  {manifest['split_rule'][name]}"
        )
    return "\n".join(lines)


def _say_dataset(what, dataset, facts):
    """The lines about a dataset: its files, how they were read, tokens, labels, and dropped rows."""
    lines = [f"{what:12}{dataset['name']} ({dataset['source']})"]
    for k, file in enumerate(dataset["files"]):
        why = f" ({file['why']})" if file["why"] else ""
        lines.append(f"{'' if k else 'files':12}{file['file']}: {file['split'] or 'not used'}{why}")
    columns = dataset["read_as"].get("columns") or {}
    shown = dataset["read_as"] | {"columns": " and ".join(map(str, columns.values()))}
    if shown.get("separator"):
        shown["separator"] = repr(shown["separator"])  # so that a tab can be seen
    if read_as := ", ".join(f"{key} {value}" for key, value in shown.items() if value):
        lines.append(f"read as     {read_as}")
    if dataset["unused_splits"]:
        unused = dataset["unused_splits"]
        lines.append(f"not used    the split{'s' * (len(unused) > 1)} {', '.join(map(repr, unused))}")
    kept = "kept as they came (tokenised)" if facts["tokenised"] else "tokenised here"
    lines.append(f"tokens      {kept}: {facts['tokenised_by']}")
    named = [
        repr(label) if facts["label_names"][k] is None else f"{label!r} ({facts['label_names'][k]})"
        for k, label in facts["labels"].items()
    ]
    lines.append("labels      {} is negative, {} is positive".format(*named))
    dropped = [
        f"{counted(count, 'row')} of {split} {why}"
        for split, reasons in facts["dropped"].items()
        for why, count in reasons.items()
    ]
    lines.append(f"dropped     {', '.join(dropped) or 'no row'}")
    return lines
