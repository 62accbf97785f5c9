"""Check every number of the results page and the front page, and write their tables; used by main.py.

What results.py makes is kept in ``assets/benchmarks/results.json``, which is committed:

    format_version
    sections    {name of a part: {heading, numbers, rows, figures, dataset (its checksum), runs (their ids)}}
    runs        {run id: {model, parameters, settings (those that are not the default), versions, epochs,
                best_epoch, validation_loss, validation_accuracy (both at the best epoch)}}
    datasets    {checksum: dataset as a log names it}

In prose each number with a decimal point, each power of ten and each percentage is checked: it has to be a
number of its section, rounded as it is printed. Not checked are code, links, and numbers that can't be made
again, such as those of the literature: they are between ``<!-- quoted -->`` and ``<!-- end -->``.
"""

import re
from decimal import Decimal

import numpy as np

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import assets_path, check_version
from scripts.files.storage import DAMAGE, read_json, undamaged, write_bytes, write_json, write_text
from scripts.report.results import PARTS
from scripts.report.sources import Sources

VERSION = 2
FRONT_PAGE, RESULTS_PAGE = "README.md", "assets/README.md"


def report():
    """Make every number, table and figure of the results again, and check the pages against them.

    Returns what it writes to results.json. A UserError says that a page is missing, or that the results.json
    from before is damaged.
    """
    pages, results, kept = _read_pages(), _read_results(), 0
    for name in PARTS:
        try:
            _make_again(name, results)
        except UserError as error:
            kept += 1
            print(f"kept from results.json, {name}: {error}")
    used = {run_id for section in results["sections"].values() for run_id in section["runs"]}
    results["runs"] = {run_id: run for run_id, run in results["runs"].items() if run_id in used}
    write_json(results_path(), results)
    for name, text in pages.items():
        pages[name] = write_tables(text, results["sections"])
        if pages[name] != text:
            write_text(paths.ROOT / name, pages[name])
            print(f"{name}: tables written again")
    count, wrong = check(pages, results["sections"])
    summary = f"{count - len(wrong)} of {count} numbers agree with results.json"
    print(*wrong, f"{summary}; {len(PARTS) - kept} of {len(PARTS)} parts were made again", sep="\n")
    return results


def _make_again(part, results):
    heading, function, figures = PARTS[part]
    sources = Sources()
    try:
        numbers, rows = function(sources)
        numbers = {name: np.asarray(value).tolist() for name, value in numbers.items()}
    except UserError:
        raise
    except DAMAGE as error:
        remedy = "make them again with their block of main.py"
        raise UserError(f"its runs or studies lack what is asked of them ({error!r}): {remedy}") from error
    checksum = next(iter(sources.datasets))
    expected = results["sections"].get(part, {"dataset": checksum})["dataset"]
    if list(sources.datasets) != [expected]:
        found = [f"{one['name']} with {one['embeddings']} ({key})" for key, one in sources.datasets.items()]
        remedy = f"train on that, or delete {results_path()} for a report of your own"
        raise UserError(f"its runs are of {' and '.join(found)}, expected {expected} alone: {remedy}")
    figures = {f"readme-{name.replace('_', '-')}.png": draw for name, draw in figures.items()}
    for name, draw in figures.items():
        write_bytes(assets_path("figures", name), draw().read_bytes())
    made = {"heading": heading, "numbers": numbers, "rows": rows, "figures": list(figures)}
    results["sections"][part] = made | {"dataset": checksum, "runs": list(sources.logs)}
    results["runs"] |= sources.runs()
    results["datasets"] |= sources.datasets


def results_path():
    """Path of the numbers and tables of the results, which is committed."""
    return assets_path("benchmarks", "results.json")


def _read_results():
    path, remedy = results_path(), "restore it, or delete it and call report() again"
    if not path.exists():
        return {"format_version": VERSION, "sections": {}, "runs": {}, "datasets": {}}
    results = read_json(path)
    check_version(path, results, remedy, VERSION)
    with undamaged(path, "damaged", remedy):
        for section in results["sections"].values():
            section["heading"], section["rows"], section["numbers"].values()
            results["datasets"][section["dataset"]], [results["runs"][run_id] for run_id in section["runs"]]
    return results


def _read_pages():
    for name in (FRONT_PAGE, RESULTS_PAGE):
        if not (paths.ROOT / name).is_file():
            raise UserError(f"{paths.ROOT / name} is missing, expected a page to check: restore it")
    return {name: (paths.ROOT / name).read_text(encoding="utf-8") for name in (FRONT_PAGE, RESULTS_PAGE)}


def write_tables(page, sections):
    """Return a page with the rows of each part between the markers of its table."""

    def written(match):
        if match[2] not in sections:
            return match[0]
        head, *rows = sections[match[2]]["rows"]
        lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
        return "\n".join([match[1], "", *lines, "", "<!-- end -->"])

    return re.sub(r"(?s)(<!-- table: (\S+) -->)\n.*?<!-- end -->", written, page)


def sections_of(pages):
    """Return the text below each heading of the results page, and README.md up to its first section."""
    text = re.sub(r"(?ms)^```.*?^```$", "", pages[RESULTS_PAGE])  # "# …" in code is no heading
    _, *pieces = re.split(r"(?m)^#+ (.*?)(?: \(`.*`\))?$", text)
    front = re.split(r"(?m)^## ", pages[FRONT_PAGE])[0]
    return {"Front page": front} | dict(zip(pieces[::2], pieces[1::2], strict=True))


UNCHECKED = (
    r"^```.*?^```$|^<!-- table: .*?<!-- end -->|<!-- quoted -->.*?<!-- end -->|<!--.*?-->|`[^`]*`|\]\([^)]*\)"
    r"|95\s?%\s(?:confidence\s)?interval"
)
DIGITS = r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
LIST = rf"(?:(?:,? (?:and |to |± |– )?|–)[-+]?{DIGITS})*"  # numbers that share a percent sign
NUMBER = rf"(?<![\w.,])([-+]?{DIGITS})(?:e(-?\d+))?(?!\w|[.,]\d)((?={LIST} ?%))?"
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def numbers_in(text):
    """Return the numbers to be checked: each as printed, its value, and one unit of its last digit."""
    text = " ".join(re.sub(f"(?ms){UNCHECKED}", " ", text).split())
    text = re.sub(r"(?:([\d.]+) ?[×·] ?|\b)10([⁻⁰¹²³⁴-⁹]+)", lambda m: f"{m[1] or 1}e{m[2]}", text)
    found = []
    for match in re.finditer(NUMBER, text.translate(SUPERSCRIPTS)):
        digits, power, percent = match[1].replace(",", ""), match[2] or 0, match[3] is not None
        if "." in digits or power or percent:
            shift = int(power) - 2 * percent
            unit = Decimal(1).scaleb(shift - len(digits.partition(".")[2]))
            found.append((match[0] + "%" * percent, Decimal(digits).scaleb(shift), unit))
    return found


def check(pages, sections):
    """Count the numbers of both pages; return that and a line for each that is none of its section's."""
    count, wrong = 0, []
    for heading, text in sections_of(pages).items():
        known = [
            (Decimal(str(value)), name)
            for section in sections.values()
            if section["heading"] == heading
            for name, values in section["numbers"].items()
            for value in np.ravel(values).tolist()
            if value is not None
        ]
        for printed, value, unit in numbers_in(text):
            count += 1
            instead = "it has none"
            if known:
                nearest, name = min(known, key=lambda one: abs(one[0] - value))
                if abs(nearest - value) <= unit * Decimal("0.5000001"):
                    continue
                shown = f"{100 * nearest:.4g}%" if printed.endswith("%") else f"{nearest:.4g}"
                instead = f"the nearest is {name}, {shown}"
            wrong.append(f'"{heading}" states {printed}, which is none of its numbers: {instead}')
    return count, wrong
