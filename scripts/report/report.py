"""Write the tables of the results from the studies' summaries, and check every number next to them.

Used by main.py's report(). README.md and assets/README.md hold the tables of studies between markers, each
with the checksum of the data that the study has to be of:

    <!-- study: comparison/best, data 0123456789abcdef -->
    the table, as the study prints it
    <!-- end -->

A summary is ``assets/studies/<kind>/<name>.json``; those that a page names are committed, so that no run is
needed. In prose each number with a decimal point, each power of ten and each percentage is checked: it has
to stand in a table of its section, and may be rounded further. Not checked are code, links, and numbers from
elsewhere, such as the literature's: they are between ``<!-- quoted -->`` and ``<!-- end -->``.
"""

import re
from decimal import Decimal

from scripts import plots
from scripts.files import paths
from scripts.files.blocks import DEFAULT, remedy_of_settings
from scripts.files.errors import UserError
from scripts.files.numbers import plus_minus, table
from scripts.files.paths import assets_path
from scripts.files.runs import NAMES
from scripts.files.storage import write_bytes, write_text
from scripts.files.studies import read_study, study_path
from scripts.studies.backward import backward_table
from scripts.studies.baselines import baselines_table
from scripts.studies.cue_distance import probe_table
from scripts.studies.jacobians import rates_table
from scripts.studies.last_words import memory_table
from scripts.studies.variants import variants_table
from scripts.training.recipes import BEST, BEST_5_EPOCHS, WIDE_RNN

DEFAULT_RUNS = ("rnn-run-1", "lstm-run-3")
FRONT_PAGE, RESULTS_PAGE = "README.md", "assets/README.md"
FRONT = "front-page"  # the kind of the one table that is made of several studies
TABLES = {  # by kind of study: writes one as text
    "backward": backward_table,
    "baselines": baselines_table,
    "comparison": variants_table,
    "cue-distance": probe_table,
    "equal-parameters": variants_table,
    "initialisations": variants_table,
    "jacobians": rates_table,
    "memory": memory_table,
    "search": variants_table,
}
RECIPES = {  # settings of one model alone that a study has to have
    ("backward", DEFAULT): BEST,
    ("baselines", DEFAULT): BEST,
    ("comparison", "best"): BEST,
    ("comparison", "best-wide"): {"rnn": WIDE_RNN},
    ("comparison", "compare"): {},
    ("comparison", "imdb"): BEST_5_EPOCHS,
    ("cue-distance", "even"): BEST,
    ("cue-distance", "log"): BEST,
    ("search", DEFAULT): BEST,
}
FIGURES = {  # of the pages: assets/figures/readme-<name>.png, and what draws it
    "backward": plots.plot_backward,
    "best": lambda: plots.plot_comparison("best")[0],
    "compare": lambda: plots.plot_comparison()[0],
    "direct-path": plots.plot_direct_path,
    "imdb": lambda: plots.plot_comparison("imdb")[0],
    "initialisations": lambda: plots.plot_initialisations()[-1],
    "learning": plots.plot_decay_while_learning,
    "memory": plots.plot_memory,
    "probe": plots.plot_probe,
    "sentence": lambda: plots.plot_sentence([read_study("sentence", run_id) for run_id in DEFAULT_RUNS]),
    "theory": plots.plot_theory,
}


def report():
    """Write the tables and figures of both pages again; print each number that no table of its section has.

    What lacks its study stays as it is, and the block of main.py that makes it is named.

    Returns
    -------
    dict
        ``numbers``: how many were checked; ``wrong``: a line for each that is wrong; ``kept``: by table or
        figure, why it stays as it is.
    """
    kept, pages = {}, _read_pages()
    for name, page in pages.items():
        pages[name] = _write_tables(page, kept)
        if pages[name] != page:
            write_text(paths.ROOT / name, pages[name])
            print(f"{name}: tables written again")
    for name, draw in FIGURES.items():
        file = f"readme-{name}.png"
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
    for name in (FRONT_PAGE, RESULTS_PAGE):
        if not (paths.ROOT / name).is_file():
            raise UserError(f"{paths.ROOT / name} is missing, expected a page to check: restore it")
    return {name: (paths.ROOT / name).read_text(encoding="utf-8") for name in (FRONT_PAGE, RESULTS_PAGE)}


# Tables ---------------------------------------------------------------------------------------------------

MARKED = r"(?s)(<!-- study: ([\w-]+)/(\S+), data (\w+) -->)\n(.*?)<!-- end -->"


def _write_tables(page, kept):
    """Return a page with the table of each study between its markers; note in `kept` what stays, and why."""

    def written(match):
        marker, kind, name, checksum, _ = match.groups()
        try:
            made = (
                front_page(checksum) if kind == FRONT else TABLES[kind](_read_summary(kind, name, checksum))
            )
        except UserError as error:
            kept[f"{kind}/{name}"] = str(error)
            return match[0]
        return f"{marker}\n\n{made}\n\n<!-- end -->"

    return re.sub(MARKED, written, page)


def _read_summary(kind, name, checksum):
    """Read a study; UserError where it is of other settings than today's, or of other data."""
    study = read_study(kind, name)
    if study.get("of_model", {}) != RECIPES.get((kind, name), study.get("of_model", {})):
        other = f"{study_path(kind, name)} is of other settings than scripts/training/recipes.py"
        raise UserError(f"{other}: {remedy_of_settings(kind, name)}")
    found = study["dataset"]
    if found["checksum"] != checksum:
        remedy = "train on that, or change the marker for a page of your own"
        named = f"{found['name']} with {found['embeddings']} ({found['checksum']})"
        raise UserError(f"{study_path(kind, name)} is of {named}, and the page of data {checksum}: {remedy}")
    return study


def front_page(checksum):
    """Write the table of the front page: the best settings, the wide RNN, and the baselines."""
    best, wide = (_read_summary("comparison", name, checksum) for name in ("best", "best-wide"))
    others = _read_summary("baselines", DEFAULT, checksum)
    rows = []
    for variant in sorted(best["variants"], key=lambda one: one["model"]) + wide["variants"]:
        found, model = variant["test_accuracy"], variant["model"]
        units = variant["settings"]["hidden_size"]
        rows.append(
            [
                f"{NAMES[model]}, {units} units, {len(found)} seeds",
                plus_minus(variant["intervals"]["test_accuracy"], 100, 1),
                f"{100 * min(found):.1f} to {100 * max(found):.1f}",
                f"{variant['parameters']:,}",
            ]
        )
    for name, accuracy in (
        ("logistic regression on mean vectors", others["mean_vectors"]["test"]),
        ("logistic regression on word counts", others["counts"]["test"]),
        ("majority class", others["majority"]),
    ):
        rows.append([name, f"{100 * accuracy:.1f}", "", ""])
    heads = [f"{others['sentences']} test sentences", "test accuracy, %", "lowest to highest", "parameters"]
    return table(rows, heads)


# Numbers in prose -----------------------------------------------------------------------------------------

UNCHECKED = (
    r"^```.*?^```$|<!-- quoted -->.*?<!-- end -->|<!--.*?-->|`[^`]*`|\]\([^)]*\)"
    r"|95%\s(?:confidence\s)?interval"
)
DIGITS = r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
LIST = rf"(?:(?:,? (?:and |to |± |– )?|–)[-+]?{DIGITS})*"  # numbers that share a percent sign
NUMBER = rf"(?<![\w.,])([-+]?{DIGITS})(?:e(-?\d+))?(?!\w|[.,]\d)((?={LIST} ?%))?"
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def sections_of(pages):
    """Return the text below each heading of the results page, and README.md up to its first section."""
    text = re.sub(r"(?ms)^```.*?^```$", "", pages[RESULTS_PAGE])  # "# …" in code is no heading
    _, *pieces = re.split(r"(?m)^#+ (.*?)(?: \(`.*`\))?$", text)
    front = re.split(r"(?m)^## ", pages[FRONT_PAGE])[0]
    return {"Front page": front} | dict(zip(pieces[::2], pieces[1::2], strict=True))


def numbers_in(text):
    """Return the numbers to be checked: each as printed, its value, and one unit of its last digit."""
    text = _plain(" ".join(re.sub(f"(?ms){UNCHECKED}", " ", text).split()))
    found = []
    for match in re.finditer(NUMBER, text):
        digits, power, percent = match[1].replace(",", ""), match[2] or 0, match[3] is not None
        if "." in digits or power or percent:
            shift = int(power) - 2 * percent
            unit = Decimal(1).scaleb(shift - len(digits.partition(".")[2]))
            found.append((match[0] + "%" * percent, Decimal(digits).scaleb(shift), unit))
    return found


def _plain(text):
    """Write powers of ten as Python does: "5 × 10⁻⁷" as 5e-7."""
    text = re.sub(r"(?:([\d.]+) ?[×·] ?|\b)10([⁻⁰¹²³⁴-⁹]+)", lambda m: f"{m[1] or 1}e{m[2]}", text)
    return text.translate(SUPERSCRIPTS)


def _numbers_of_tables(tables):
    """Return every number in the tables of a section; a cell may mean per cent, so also a hundredth of it."""
    cells = re.findall(rf"(?<![\w.,])[-+]?{DIGITS}(?:e-?\d+)?", _plain(tables))
    values = [Decimal(cell.replace(",", "")) for cell in cells]
    return values + [value.scaleb(-2) for value in values]


def check(pages):
    """Count the numbers in the prose of both pages; return that, and a line for each that is in no table."""
    count, wrong = 0, []
    for heading, text in sections_of(pages).items():
        known = _numbers_of_tables("".join(match[5] for match in re.finditer(MARKED, text)))
        for printed, value, unit in numbers_in(re.sub(MARKED, " ", text)):
            count += 1
            nearest = min(known, key=lambda one: abs(one - value), default=None)
            if nearest is None or abs(nearest - value) > unit * Decimal("0.5000001"):
                instead = "it has none" if nearest is None else f"the nearest is {nearest:f}"
                wrong.append(f'"{heading}" states {printed}, which is in none of its tables: {instead}')
    return count, wrong
