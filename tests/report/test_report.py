"""The committed pages agree with the committed studies, and report() notices where they don't."""

import re
from pathlib import Path

import numpy as np
import pytest

import main
from scripts.files.blocks import STUDIES
from scripts.files.data import describe_data
from scripts.files.errors import UserError
from scripts.files.storage import read_json, write_json
from scripts.files.studies import read_study, study_path
from scripts.report import report

TINY = {"epochs": 1, "hidden_size": 3, "progress": False, "jobs": 1}
PROJECT = Path(main.__file__).parent
PAGES = {
    name: (PROJECT / name).read_text(encoding="utf-8") for name in (report.FRONT_PAGE, report.RESULTS_PAGE)
}
MARKED = [match.groups() for page in PAGES.values() for match in re.finditer(report.MARKED, page)]


# The committed pages ----------------------------------------------------------------------------------------


def test_every_number_of_the_pages_is_in_a_table_of_its_section():
    assert report.check(PAGES)[1] == []


def test_every_table_is_that_of_its_study_where_it_is_committed():
    assert len(MARKED) >= 8
    for _, kind, name, checksum, text in MARKED:
        assert kind == report.FRONT or kind in report.TABLES
        assert kind == report.FRONT or (kind, name) in STUDIES or kind == "jacobians"
        path = PROJECT / "assets" / "studies" / kind / f"{name}.json"
        if path.exists():
            study = read_json(path)
            assert study["dataset"]["checksum"] == checksum
            assert text.strip() == report.TABLES[kind](study)


def test_every_figure_of_the_pages_is_committed():
    pages = [path.read_text(encoding="utf-8") for path in PROJECT.glob("*/README.md")]
    linked = re.findall(
        r"(?:[(/]|assets/)figures/([\w-]+\.(?:png|gif))\)", "".join([*PAGES.values(), *pages])
    )
    folder = PROJECT / "assets" / "figures"
    committed = {path.name for path in [*folder.glob("readme-*.png"), folder / report.ANIMATION]}
    assert set(linked) == committed
    made = {name if name == report.ANIMATION else f"readme-{name}.png" for name in report.FIGURES}
    assert committed == made


# Numbers in prose -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is 0.43% here, 49 % elsewhere.", ["0.43", "49"]),
        ("From 1, 5 and 10 words 52, 68 and 82.5% are correct.", ["52", "68", "82.5"]),
        ("85.5 ± 0.2%, 84.9–85.9%, 82 to 98.5%", ["85.5", "0.2", "84.9", "85.9", "82", "98.5"]),
        ("2e-7, 2 × 10⁻⁷, 3.5 × 10⁻⁷ and 10⁻⁷", ["2e-7", "2e-7", "3.5e-7", "1e-7"]),
        ("-0.02, −0.02, +2.7 (+2.2 to +3.2), 1,234.5", ["-0.02", "-0.02", "+2.7", "+2.2", "+3.2", "1,234.5"]),
        ("Python 3.11.7, 6B 100d, 2013, 872 sentences, step 0.05.050, half of its 95% interval", []),
        ("`lr=0.002` and [1.5](a-1.5.png), <!-- quoted -->88.0% elsewhere<!-- end -->", ["1.5"]),
        ("```\n0.5\n```\n<!-- .5 -->", []),
    ],
)
def test_what_is_a_number(text, numbers):
    assert report.numbers_in(text) == numbers


def test_a_number_that_is_changed_in_its_last_digit_is_noticed():
    page, count = PAGES[report.RESULTS_PAGE], report.check(PAGES)[0]
    tables = [match.span() for match in re.finditer(report.MARKED, page)]
    noticed = []
    for match in re.finditer(r"(?<![\w.])\d*\.\d+(?![\d.])", page):
        digit = {"9": "8"}.get(match[0][-1]) or int(match[0][-1]) + 1
        changed = f"{page[: match.end() - 1]}{digit}{page[match.end() :]}"
        removed = f"{page[: match.start()]}{page[match.end() :]}"
        in_table = any(start < match.start() < end for start, end in tables)
        if not in_table and report.check(PAGES | {report.RESULTS_PAGE: removed})[0] < count:
            noticed.append(report.check(PAGES | {report.RESULTS_PAGE: changed})[1] != [])
    assert len(noticed) > 20
    assert np.mean(noticed) >= 0.9


TABLE = """<!-- study: comparison/compare, data abc -->

|     | accuracy, % | h after         | rate   |
|-----|-------------|-----------------|--------|
| RNN | 81.4 ± 0.3  | 5 × 10⁻⁷ to 49% | -0.319 |

<!-- end -->
"""


def stated(text, table=TABLE, front="# a\n"):
    """Return the complaints about a section with this text and table, before a section that has another."""
    page = f"# Here\n\n{text}\n\n{table}\n## There\n\n{TABLE.replace('81.4', '7.5')}"
    return report.check({report.FRONT_PAGE: front, report.RESULTS_PAGE: page})[1]


@pytest.mark.parametrize("text", ["81.4%", "81.4 ± 0.3", "5 × 10⁻⁷", "49%", "−0.319", "no number"])
def test_a_number_stands_as_its_table_prints_it(text):
    assert stated(text) == []


@pytest.mark.parametrize(
    "text", ["81.5%", "81%", "0.319", "-0.32", "4 × 10⁻⁷", "7.5%", "81.4 ± 0.4", "0.49%"]
)
def test_a_number_that_no_table_of_its_section_prints_is_named(text):
    (line,) = stated(text)
    assert line.startswith('"Here" states ')
    assert line.endswith("which is not in its tables")
    assert stated(text, table="")


def test_the_rows_that_a_paragraph_names_are_those_that_count():
    table = TABLE.replace("\n\n<!-- end", "\n| LSTM | 84.4 ± 0.3  | 92%             | -0.02  |\n\n<!-- end")
    assert stated("81.4% and 84.4%", table) == []
    (line,) = stated("<!-- rows: LSTM -->\n81.4% and 84.4%", table)
    assert line == '"Here" states 81.4, which is not in the rows LSTM of its tables'
    assert stated("<!-- rows: LSTM -->\n84.4%\n\n81.4%", table) == []


def test_an_item_of_the_front_page_may_state_the_numbers_of_the_section_that_it_links_to():
    link = "([here](assets/README.md#here))"
    assert stated("", front=f"# Found\n\n- It is 81.4% {link}.\n- And 49%, too {link}.\n") == []
    (line,) = stated("", front=f"# Found\n\n- It is 81.4%.\n- Here 49% {link}.\n")
    assert line == '"Found" states 81.4, which is not in its tables'
    (line,) = stated("", front="# Found\n\n- It is 81.4% ([there](assets/README.md#there)).\n")
    assert line.startswith('"Found" states 81.4')
    (line,) = stated("", front=f"# Found\n\n<!-- rows: other -->\nIt is 81.4% {link}.\n")
    assert line.endswith("not in the rows other of its tables")


def test_a_row_of_a_table_in_prose_may_state_the_numbers_of_the_section_that_it_links_to():
    page = f"# Here\n\n{TABLE}\n# Claims\n\n| claim | ours |\n|---|---|\n| one | 81.4% ([here](#here)) |\n"
    assert report.check({report.RESULTS_PAGE: page})[1] == []
    (line,) = report.check({report.RESULTS_PAGE: f"{page}| two | 49% |\n"})[1]
    assert line == '"Claims" states 49, which is not in its tables'


# report() on a small project --------------------------------------------------------------------------------


@pytest.fixture
def page(data, study_root, monkeypatch):
    """A results page with the table of a comparison that is there, and of one that isn't."""

    def draw():
        (study_root / "drawn.png").write_bytes(b"drawn")
        return study_root / "drawn.png"

    def draw_nothing():
        raise UserError("there is no such study: make it")

    monkeypatch.setattr(report, "FIGURES", {"compare": draw, "none": draw_nothing})
    checksum = describe_data(data.manifest)["checksum"]
    (study_root / "README.md").write_text("# Title\n", encoding="utf-8")
    page = study_root / "assets" / "README.md"
    page.parent.mkdir(exist_ok=True)
    tables = "".join(
        f"<!-- study: comparison/{name}, data {checksum} -->\nold\n<!-- end -->\n"
        for name in ("compare", "best")
    )
    page.write_text(f"# Many runs\n\n{tables}", encoding="utf-8")
    main.compare(seeds=2, **TINY)
    return page


def printed_by_report(capsys):
    capsys.readouterr()
    found = main.report()
    return found, capsys.readouterr().out.splitlines()


def test_report_writes_tables_and_figures_and_names_what_is_missing(page, study_root, capsys):
    found, lines = printed_by_report(capsys)
    assert list(found["kept"]) == ["comparison/best", "readme-none.png"]
    assert (
        'uncomment the block compare(seeds=5, name="best", of_model=BEST)' in found["kept"]["comparison/best"]
    )
    assert lines[-1] == "0 of 0 numbers are in a table of their section"
    text = page.read_text(encoding="utf-8")
    study = read_json(study_path("comparison", "compare"))
    assert report.variants_table(study) in text
    assert text.count("\nold\n") == 1
    assert (study_root / "assets" / "figures" / "readme-compare.png").read_bytes() == b"drawn"
    printed_by_report(capsys)
    assert page.read_text(encoding="utf-8") == text


def test_report_names_a_number_that_is_wrong(page, capsys):
    main.report()
    accuracy = report.numbers_in(page.read_text(encoding="utf-8").split("test accuracy, %")[1])[0]
    for stated_number, right in ((accuracy, 1), (f"1{accuracy}", 0)):
        text = re.sub(r"\n\nAbout.*", "", page.read_text(encoding="utf-8"))
        page.write_text(
            text.replace("# Many runs", f"# Many runs\n\nAbout {stated_number}."), encoding="utf-8"
        )
        found, _ = printed_by_report(capsys)
        assert (found["numbers"], len(found["wrong"])) == (1, 1 - right)


def test_a_study_of_other_data_takes_no_ones_place(page, capsys):
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"data \w+", "data 0123", text), encoding="utf-8")
    found, _ = printed_by_report(capsys)
    assert "and the page of data 0123: train on that" in found["kept"]["comparison/compare"]


def test_the_front_page_has_the_best_settings_and_the_baselines(data, study_root, monkeypatch, capsys):
    small = {model: {"epochs": 1, "hidden_size": 3} for model in ("rnn", "lstm")}
    monkeypatch.setattr("scripts.studies.baselines.BEST", small)
    options = {"progress": False, "jobs": 1}
    main.compare(seeds=2, name="best", of_model=small, **options)
    main.baselines(progress=False)
    rows = report.front_page(describe_data(data.manifest)["checksum"]).splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert [name for name, *_ in cells] == [
        "LSTM, 3 units, 2 seeds",
        "RNN, 3 units, 2 seeds",
        "logistic regression on word counts",
        "logistic regression on mean vectors",
        "majority class",
    ]
    n, share = len(data.splits["test"].y), read_study("baselines", "default")["majority"]
    assert cells[-1][1] == f"{100 * share:.1f}"
    assert cells[-1][2] == f"± {196 * (share * (1 - share) / n) ** 0.5:.1f}"


def test_a_study_that_lacks_what_its_table_shows_leaves_the_table(page, capsys):
    path = study_path("comparison", "compare")
    write_json(path, {key: value for key, value in read_json(path).items() if key != "variants"})
    found, _ = printed_by_report(capsys)
    assert "KeyError('variants')): make the study again" in found["kept"]["comparison/compare"]
    page.write_text(page.read_text(encoding="utf-8").replace("comparison/compare", "no-kind/compare"))
    found, _ = printed_by_report(capsys)
    assert "make the study again" in found["kept"]["no-kind/compare"]


def test_a_missing_page_is_refused(page):
    page.unlink()
    with pytest.raises(UserError, match=r"README\.md is missing"):
        main.report()
