"""What README.md states, held against what logs and studies say; its figures drawn again.

scripts/report/results.py makes each result as a phrase, with its numbers in it, that has to stand in a section of
README.md. :func:`report` looks for them there, and writes ``assets/benchmarks/results.json``, which is
committed beside the figures:

    format_version
    parts           of each part of scripts/report/results.py, by name
        section     the README's heading
        results     phrases that stand in that section
        figures     names of files in assets/figures/
        dataset     as a log names it
        runs        {run id: {model, parameters, settings (those that are not the default), versions, epochs,
                    best_epoch, validation_loss, validation_accuracy (both at the best epoch)}}

Nothing is trained or measured, and neither data/ nor weights are read. A part whose runs are missing, or of
other data, keeps what stood there.
"""

import re

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION, assets_path, check_version
from scripts.files.storage import DAMAGE, read_json, undamaged, write_json, written_whole
from scripts.report.results import PARTS, Sources

NUMBER = r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?"


def report():
    """Make every result and figure of the README again; print a line for each that it states otherwise.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/results.json``.

    Raises
    ------
    UserError
        There is no README.md, or the results.json from before is damaged.
    """
    sections = readme_sections()
    before = read_results()["parts"] if results_path().exists() else {}
    parts, remade = {}, 0
    for part in PARTS:
        if part.name in before:
            parts[part.name] = before[part.name]
        try:
            parts[part.name] = make(part, before.get(part.name))
            remade += 1
        except UserError as error:
            print(f'not remade, of "{part.section}": {error}')
    results = {"format_version": FORMAT_VERSION, "parts": parts}
    write_json(results_path(), results)
    differ = [line for part in parts.values() for line in disagreements(sections, part)]
    count = sum(len(part["results"]) for part in parts.values())
    summary = f"{count - len(differ)} of {count} results stand so in README.md"
    print(*differ, f"{summary}; {remade} of {len(PARTS)} parts were remade", sep="\n")
    return results


def make(part, before):
    """One part as results.json holds it, its figures drawn; `before` is what it held, or None."""
    sources = Sources()
    try:
        results = list(part.results(sources))
    except UserError:
        raise
    except DAMAGE as error:
        raise UserError(
            f"its runs or studies lack what is asked of them ({error!r}): make them again with their block "
            "of main.py, as that stands"
        ) from error
    dataset = sources.dataset()
    if before and before["dataset"]["checksum"] != dataset["checksum"]:
        raise UserError(
            f"its runs are of {name_data(dataset)}, README.md's of {name_data(before['dataset'])}: train on "
            f"those, or delete {results_path()} for a report of your own"
        )
    for name, draw in part.figures.items():
        with written_whole(assets_path("figures", name)) as file:
            file.write(draw().read_bytes())
    return {
        "section": part.section,
        "results": results,
        "figures": list(part.figures),
        "dataset": dataset,
        "runs": sources.runs,
    }


def name_data(dataset):
    """A dataset in words."""
    return f"{dataset['name']} with {dataset['embeddings']} (checksum {dataset['checksum']})"


def results_path():
    """Path of results.json."""
    return assets_path("benchmarks", "results.json")


def read_results():
    """results.json as this module's docstring describes it; UserError where it is damaged."""
    path, remedy = results_path(), "restore it, or delete it and call report() again"
    results = read_json(path)
    check_version(path, results, remedy)
    with undamaged(path, "damaged", remedy):
        for part in results["parts"].values():
            part["section"], part["results"], part["figures"], part["dataset"]["checksum"]
    return results


# The README -----------------------------------------------------------------------------------------------


def readme_sections():
    """Text of README.md by heading, each up to the next heading; lines are joined.

    Returns
    -------
    dict of str to str
        Headings without the code in brackets that they end with, texts without blocks of code.

    Raises
    ------
    UserError
        There is no README.md.
    """
    path = paths.ROOT / "README.md"
    if not path.is_file():
        raise UserError(f"{path} is missing, expected the README that is to be checked: restore it")
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))  # "# …" there is no heading
    _, *pieces = re.split(r"(?m)^#+ (.*?)(?: \(`.*`\))?$", text)
    return dict(zip(pieces[::2], (" ".join(body.split()) for body in pieces[1::2]), strict=True))


def disagreements(sections, part):
    """A line for each result of a part that doesn't stand in its section, with what should stand there.

    Parameters
    ----------
    sections : dict of str to str
        As :func:`readme_sections` gives them.
    part : dict
        As results.json holds it.

    Returns
    -------
    list of str
    """
    text = sections.get(part["section"], "")
    lines = []
    for phrase in part["results"]:
        if not find(re.escape(phrase), text):
            stated = find(NUMBER.join(re.escape(words) for words in re.split(NUMBER, phrase)), text)
            instead = f'for "{stated[0]}" read' if stated else "missing:"
            lines.append(f'README.md, "{part["section"]}", {instead} "{phrase}"')
    return lines


def find(pattern, text):
    """A match that neither begins nor ends within a number or a word: .1 is not in .13, -.1 or 1.1."""
    return re.search(rf"(?<![\w.,+-]){pattern}(?!\w|[.,]\d)", text)
