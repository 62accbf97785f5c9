"""Write the tables of the results pages from the studies, and check every number next to them.

Used by main.py's report(). README.md and assets/README.md have the tables of studies between markers, each
with the checksum of the data that the study must be of:

    <!-- study: comparison/best, data 0123456789abcdef -->
    the table, as the study prints it
    <!-- end -->

The studies, ``assets/studies/<kind>/<name>.json``, are committed, so that no run is needed. In prose, every
number with a decimal point, every power of ten and every percentage is checked: a table of its section, or of
a section that its paragraph links to, has to contain it with the same digits and sign. If a paragraph begins
with ``<!-- rows: RNN, full; LSTM, full -->``, only the rows with these labels count. Code, links and text
between ``<!-- quoted -->`` and ``<!-- end -->`` (numbers from elsewhere) are not checked.
"""

import functools
import re

from scripts import plots
from scripts.figures.front_page import plot_front_page
from scripts.files import paths
from scripts.files.blocks import DEFAULT
from scripts.files.errors import UserError
from scripts.files.numbers import plus_minus, table
from scripts.files.paths import assets_path
from scripts.files.runs import NAMES
from scripts.files.storage import DAMAGE, write_bytes, write_text
from scripts.files.studies import read_study, study_path
from scripts.studies.backward import backward_table
from scripts.studies.baselines import baselines_table
from scripts.studies.cell_memory import cell_memory_table
from scripts.studies.cue_distance import probe_table
from scripts.studies.fixed_points import fixed_points_table
from scripts.studies.jacobians import rates_table
from scripts.studies.latching import latching_table
from scripts.studies.memory import memory_table
from scripts.studies.statistics import standard_error
from scripts.studies.truncation import truncation_table
from scripts.studies.variants import variants_table

DEFAULT_RUNS = ("rnn-run-1", "lstm-run-3")
FRONT_PAGE, RESULTS_PAGE = "README.md", "assets/README.md"
FRONT = "front-page"  # the kind of the one table made from several studies
TABLES = {  # the function that writes the table of a study, by kind
    "backward": backward_table,
    "baselines": baselines_table,
    "cell-memory": cell_memory_table,
    "comparison": variants_table,
    "cue-distance": probe_table,
    "fixed-points": fixed_points_table,
    "initialisations": variants_table,
    "jacobians": rates_table,
    "latching": latching_table,
    "memory": memory_table,
    "search": variants_table,
    "truncation": truncation_table,
}
ANIMATION = "decay-while-learning.gif"
FIGURES = {  # the function that draws each figure of the documents, readme-<name>.png
    ANIMATION: plots.animate_decay,
    "backward": plots.plot_backward,
    "cell-memory": lambda: plots.plot_cell_memory("best"),
    "compare": lambda: plots.plot_comparison()[0],
    "diagram-lstm": lambda: plots.plot_diagram("lstm"),
    "diagram-rnn": lambda: plots.plot_diagram("rnn"),
    "direct-path": plots.plot_direct_path,
    "fixed-points": lambda: plots.plot_fixed_points("best"),
    "front-page": plot_front_page,
    "imdb": lambda: plots.plot_comparison("imdb")[0],
    "inputs": lambda: plots.plot_comparison()[1],
    "initialisations": lambda: plots.plot_initialisations()[-1],
    "latching": lambda: plots.plot_latching("even"),
    "memory": plots.plot_memory,
    "probe": lambda: plots.plot_probe()[0],
    "probe-changes-far": lambda: plots.plot_probe("far")[1],
    "sentence": lambda: plots.plot_sentence([read_study("sentence", run_id) for run_id in DEFAULT_RUNS]),
    "theory": plots.plot_theory,
}


def report():
    """Write the tables and figures of both pages again; print each number that is in no table of its section.

    A table or figure without its study stays as it is, and the block of main.py that makes it is named.

    Returns
    -------
    dict
        ``numbers``: how many were checked; ``wrong``: a line for each wrong one; ``kept``: why a table or
        figure stays as it is, by name.
    """
    kept, pages = {}, _read_pages()
    for name, page in pages.items():
        pages[name] = _write_tables(page, kept)
        if pages[name] != page:
            write_text(paths.ROOT / name, pages[name])
            print(f"{name}: tables written again")
    for name, draw in FIGURES.items():
        file = name if name == ANIMATION else f"readme-{name}.png"
        try:
            write_bytes(assets_path("figures", file), draw().read_bytes())
        except UserError as error:
            kept[file] = str(error)
    count, wrong = check(pages)
    for what, why in kept.items():
        print(f"{what} stays as it is: {why}")
    print(*wrong, f"{count - len(wrong)} of {count} numbers are in a table of their section", sep="\n")
    return {"numbers": count, "wrong": wrong, "kept": kept}


def _read_pages():
    pages = {name: paths.ROOT / name for name in (FRONT_PAGE, RESULTS_PAGE)}
    for path in pages.values():
        if not path.is_file():
            raise UserError(f"{path} is missing, expected a page to check: restore it")
    return {name: path.read_text(encoding="utf-8") for name, path in pages.items()}


# Tables ---------------------------------------------------------------------------------------------------

MARKED = r"(?s)(<!-- study: ([\w-]+)/(\S+), data (\w+) -->)\n(.*?)<!-- end -->"


def _write_tables(page, kept):
    """Return a page with each study's table between its markers; add to `kept` why one stays as it is."""

    def written(match):
        marker, kind, name, checksum, _ = match.groups()
        try:
            if kind == FRONT:
                made = front_page(checksum)
            else:
                made = TABLES[kind](_read_summary(kind, name, checksum))
        except UserError as error:
            kept[f"{kind}/{name}"] = str(error)
            return match[0]
        except DAMAGE as error:
            kept[f"{kind}/{name}"] = f"its table can't be written ({error!r}): make the study again"
            return match[0]
        return f"{marker}\n\n{made}\n\n<!-- end -->"

    return re.sub(MARKED, written, page)


def _read_summary(kind, name, checksum):
    """Read a study; UserError if it is of other data."""
    study = read_study(kind, name)
    found = study["dataset"]
    if found["checksum"] != checksum:
        remedy = "train on that, or change the marker for a page of your own"
        named = f"{found['name']} with {found['embeddings']} ({found['checksum']})"
        raise UserError(f"{study_path(kind, name)} is of {named}, and the page of data {checksum}: {remedy}")
    return study


def front_page(checksum):
    """Write the table of the front page: both models with their best settings, and the baselines."""
    best = _read_summary("comparison", "best", checksum)
    others = _read_summary("baselines", DEFAULT, checksum)
    found = [
        (
            f"{NAMES[one['model']]}, {one['settings']['hidden_size']} units, {len(one['seeds'])} seeds",
            one["intervals"]["test_accuracy"],
            f"{one['parameters']:,}",
        )
        for one in sorted(best["variants"], key=lambda one: one["model"])
    ]
    for name, accuracy in (
        ("logistic regression on word counts", others["counts"]["test"]),
        ("logistic regression on mean vectors", others["mean_vectors"]["test"]),
        ("majority class", others["majority"]),
    ):
        found.append((name, {"mean": accuracy, "low": None}, ""))
    rows = []
    for name, accuracy, parameters in found:
        of_sentences = 196 * standard_error(accuracy["mean"], others["sentences"])  # half of a 95% interval
        rows.append([name, plus_minus(accuracy, 100, 1), f"± {of_sentences:.1f}", parameters])
    return table(rows, ["", "test accuracy, % ± over seeds", "over sentences", "parameters"])


# Numbers in prose -----------------------------------------------------------------------------------------

QUOTED = r"<!-- quoted -->.*?<!-- end -->"
ROWS = r"<!-- rows: (.*?) -->"
UNCHECKED = (
    rf"^```.*?^```$|{QUOTED}|<!--.*?-->|`[^`]*`|\]\([^)]*\)"
    r"|95%\s(?:confidence\s)?interval|Python \d+(?:\.\d+)+"
)
DIGITS = r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
LIST = rf"(?:(?:,? (?:and |to |± |– )?|–)[-+]?{DIGITS})*"  # numbers that share a percent sign
NUMBER = rf"(?<![\w.,])([-+]?{DIGITS}(?:e-?\d+)?)(?!\w|[.,]\d)(?:(?={LIST} ?(%)))?"
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def sections_of(page):
    """Return the text of each section of a page, by heading."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page)  # "# …" in code is no heading
    _, *pieces = re.split(r"(?m)^#+ (.*)$", text)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def anchor(heading):
    """Return the anchor of a heading, as in README.md#quick-start."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def numbers_in(text):
    """Return the numbers in prose that have to be checked, as printed, but powers of ten as in 5e-7."""
    text = _plain(" ".join(re.sub(f"(?ms){UNCHECKED}", " ", text).split()))
    found = re.findall(NUMBER, text)
    return [number for number, percent in found if percent or "." in number or "e" in number]


def _plain(text):
    """Write powers of ten as Python does: "5 × 10⁻⁷" as 5e-7."""
    text = re.sub(r"(?:([\d.]+) ?[×·] ?|\b)10([⁻⁰¹²³⁴-⁹]+)", lambda m: f"{m[1] or 1}e{m[2]}", text)
    return text.translate(SUPERSCRIPTS)


def check(pages):
    """Return how many numbers the prose of both pages states, and a line for each that is in no table.

    A paragraph, list item or row of a table may also state numbers of a section that it links to.
    """
    count, wrong = 0, []
    sections = [(page, *section) for page in pages for section in sections_of(pages[page]).items()]
    tables = {
        (page, anchor(heading)): "".join(match[5] for match in re.finditer(MARKED, text))
        for page, heading, text in sections
    }
    for page, heading, text in sections:
        for paragraph in re.split(r"\n\n|\n(?=- |\| )", re.sub(f"{MARKED}|{QUOTED}", " ", text)):
            linked = re.findall(rf"\(({RESULTS_PAGE})?#([^)]+)\)", paragraph)
            own = [(page, anchor(heading)), *((other or page, target) for other, target in linked)]
            found = re.search(ROWS, paragraph)
            known = _numbers_of("".join(tables.get(one, "") for one in own), found and found[1])
            numbers = numbers_in(paragraph)
            count += len(numbers)
            where = f"the rows {found[1]} of its tables" if found else "its tables"
            wrong += [
                f'"{heading}" states {number}, which is not in {where}'
                for number in numbers
                if number not in known
            ]
    return count, wrong


@functools.cache
def _numbers_of(tables, labels):
    """Return the numbers in tables; with `labels`, as in "RNN; LSTM", those in the rows with these labels."""
    chosen = labels and labels.split("; ")
    rows = [row for row in tables.splitlines() if not chosen or row[1:].split("|")[0].strip() in chosen]
    return set(re.findall(rf"(?<![\w.,])[-+]?{DIGITS}(?:e-?\d+)?", _plain("\n".join(rows))))
