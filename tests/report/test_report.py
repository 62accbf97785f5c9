"""The committed pages state what results.json holds, and report() notices where they don't."""

import functools
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

import main
from scripts.files import blocks
from scripts.files.errors import UserError
from scripts.files.paths import log_path
from scripts.files.storage import write_json
from scripts.files.studies import STUDY_VERSION, study_path
from scripts.report import report, results
from scripts.report.sources import Sources

PROJECT = Path(main.__file__).parent
COMMITTED = json.loads((PROJECT / "assets" / "benchmarks" / "results.json").read_text(encoding="utf-8"))
SECTIONS = COMMITTED["sections"]
SMALL = {"epochs": 2, "hidden_size": 4}


# The committed pages ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages():
    return {
        name: (PROJECT / name).read_text(encoding="utf-8")
        for name in (report.FRONT_PAGE, report.RESULTS_PAGE)
    }


def test_every_part_is_committed_with_what_it_is_made_of(pages):
    assert list(SECTIONS) == list(results.PARTS)
    for name, (heading, _, _) in results.PARTS.items():
        assert SECTIONS[name]["heading"] == heading
        assert heading in report.sections_of(pages)
        assert SECTIONS[name]["numbers"] or SECTIONS[name]["rows"]
    assert set(COMMITTED["runs"]) == {run_id for section in SECTIONS.values() for run_id in section["runs"]}
    assert set(COMMITTED["datasets"]) == {section["dataset"] for section in SECTIONS.values()}


def test_the_pages_agree_with_the_committed_results(pages):
    count, wrong = report.check(pages, SECTIONS)
    assert wrong == []
    assert count > 100
    for page in pages.values():
        assert report.write_tables(page, SECTIONS) == page
    tables = re.findall(r"<!-- table: (\S+) -->", "".join(pages.values()))
    assert sorted(tables) == sorted(name for name, section in SECTIONS.items() if section["rows"])


def test_every_figure_of_the_pages_is_one_that_report_draws(pages):
    linked = re.findall(r"\((?:assets/)?figures/(readme-.*?)\)", "".join(pages.values()))
    drawn = [name for section in SECTIONS.values() for name in section["figures"]]
    assert sorted(linked) == sorted(drawn)
    assert {path.name for path in (PROJECT / "assets" / "figures").glob("readme-*.png")} == set(drawn)
    names = [
        f"readme-{name.replace('_', '-')}.png" for _, _, figures in results.PARTS.values() for name in figures
    ]
    assert names == drawn


def test_a_number_that_is_changed_in_its_last_digit_is_noticed(pages):
    """Each in a table is; in prose each that does not become another number of its section."""
    noticed = {"table": [], "decimal": [], "percentage": []}
    printed = printed_numbers(pages)
    for name, page in pages.items():
        tables = [match.span() for match in re.finditer(r"(?s)<!-- table: .*?<!-- end -->", page)]
        for match in re.finditer(r"(?<![\w.])\d*\.?\d+(?=(e-\d)?)(?!\w*\.?\d)", page):
            in_table = any(start < match.start() < end for start, end in tables)
            decimal = "." in match[0] or match[1]
            digit = {"9": "8"}.get(match[0][-1]) or int(match[0][-1]) + 1
            altered = pages | {name: f"{page[: match.end() - 1]}{digit}{page[match.end() :]}"}
            if in_table and decimal:
                noticed["table"].append(report.write_tables(altered[name], SECTIONS) == page)
            elif not in_table and printed_numbers(altered) != printed:
                kind = "decimal" if decimal else "percentage"
                noticed[kind].append(report.check(altered, SECTIONS)[1] != [])
    count = {kind: (sum(found), len(found)) for kind, found in noticed.items()}
    assert count["table"][0] == count["table"][1] > 100
    assert count["decimal"][0] >= 0.9 * count["decimal"][1] > 60, count
    assert count["percentage"][0] >= 0.7 * count["percentage"][1] > 20, count


def printed_numbers(pages):
    return [report.numbers_in(text) for text in report.sections_of(pages).values()]


# Numbers in prose -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("It is .43 % here, 0.43% there, 49 % elsewhere.", ["0.0043", "0.0043", "0.49"]),
        ("From 1, 5 and 10 words 52, 68 and 82.5 % are correct.", ["0.52", "0.68", "0.825"]),
        ("85.5 ± .2 %, 84.9–85.9%, 82 to 98.5 %", ["0.855", "0.002", "0.849", "0.859", "0.82", "0.985"]),
        ("2e-7, 2 × 10⁻⁷, 3.5 × 10⁻⁷, 10⁻⁷ and 10^18.3", ["2e-7", "2e-7", "3.5e-7", "1e-7", "18.3"]),
        ("-.02, −0.02, +2.7 (+2.2 to +3.2), 1,234.5", ["-0.02", "-0.02", "2.7", "2.2", "3.2", "1234.5"]),
        ("Python 3.11.7, 6B 100d, 2013, 872 sentences, step 0.05.050, half of its 95 % interval", []),
        ("`lr=0.002` and [1.5](a-1.5.png), <!-- quoted -->88.0 % elsewhere<!-- end -->", ["1.5"]),
        ("```\n0.5\n```\n<!-- table: t -->\n| .5 |\n<!-- end -->\n<!-- .5 -->", []),
    ],
)
def test_what_is_a_number(text, values):
    assert [value for _, value, _ in report.numbers_in(text)] == [Decimal(value) for value in values]


def stated(text, **numbers):
    """Return the complaints about a results page of one section."""
    sections = {
        "part": {"heading": "Here", "numbers": numbers},
        "other": {"heading": "There", "numbers": {"x": 7.5}},
    }
    pages = {report.FRONT_PAGE: "# a\n", report.RESULTS_PAGE: f"# Here (`block()`)\n\n{text}\n\n## There\n"}
    return report.check(pages, sections)[1]


def test_a_number_has_to_be_one_of_its_section_as_it_is_rounded():
    assert stated(".046; 4.6 %; 0.0459", share=[0.1, 0.0459]) == []
    assert stated("2e-64 and 1e-400", tiny=[2.3e-64, "1e-400"]) == []
    assert stated("49 %", share=[None, 0.4949]) == []
    (line,) = stated("It is .047.", share=[0.1, 0.0459])
    assert line == '"Here" states .047, which is none of its numbers: the nearest is share, 0.0459'
    assert len(stated("7.5", share=0.1)) == 1  # of another section
    assert len(stated("-.046", share=0.0459)) == 1
    assert len(stated(".05 %", share=0.05)) == 1
    assert len(stated("It is 7.5 there.")) == 1


def test_tables_are_written_between_their_markers():
    page = "a\n<!-- table: t -->\nold\n<!-- end -->\nb\n<!-- table: other -->\n<!-- end -->\n"
    sections = {"t": {"rows": [["", "x"], ["y", "1.5"]]}}
    written = report.write_tables(page, sections)
    assert "<!-- table: t -->\n\n|  | x |\n| --- | --- |\n| y | 1.5 |\n\n<!-- end -->\nb" in written
    assert written.endswith("<!-- table: other -->\n<!-- end -->\n")
    assert report.write_tables(written, sections) == written


# report() on a small project --------------------------------------------------------------------------------


@pytest.fixture
def one_seed(data, study_root, monkeypatch):
    """Two runs, and a report that has one part more than they allow; return the path of the results page."""

    def draw():
        (study_root / "drawn.png").write_bytes(b"drawn")
        return study_root / "drawn.png"

    parts = {name: results.PARTS[name] for name in ("one_seed", "what_came_out")}
    parts = {
        name: (heading, make, dict.fromkeys(figures, draw))
        for name, (heading, make, figures) in parts.items()
    }
    monkeypatch.setattr(report, "PARTS", parts)
    monkeypatch.setattr(results, "DEFAULTS", {"rnn": SMALL, "lstm": SMALL})
    main.train_rnn(**SMALL)
    main.train_lstm(**SMALL)
    _, *epochs = map(json.loads, log_path("rnn-run-1").read_text(encoding="utf-8").splitlines())
    share = epochs[0]["gradients"]["h"]["decay"]["median"][19]
    (study_root / "README.md").write_text("# Title\n", encoding="utf-8")
    page = study_root / "assets" / "README.md"
    page.write_text(f"# How to read the gradient figure\n\nBefore: {100 * share:.2f} %.\n", encoding="utf-8")
    return page


def printed_by_report(capsys):
    capsys.readouterr()
    made = main.report()
    return made, capsys.readouterr().out.splitlines()


def test_report_agrees_with_a_page_that_is_right(one_seed, study_root, capsys):
    made, (missing, last) = printed_by_report(capsys)
    assert missing.startswith("kept from results.json, what_came_out: ")
    assert "compare()" in missing
    assert last == "1 of 1 numbers agree with results.json; 1 of 2 parts were made again"
    assert json.loads(report.results_path().read_text(encoding="utf-8")) == made
    assert set(made["runs"]) == set(made["sections"]["one_seed"]["runs"]) == {"rnn-run-1", "lstm-run-3"}
    assert made["runs"]["rnn-run-1"]["settings"] == SMALL
    assert made["datasets"].keys() == {made["sections"]["one_seed"]["dataset"]}
    assert (study_root / "assets" / "figures" / "readme-gradients.png").read_bytes() == b"drawn"
    log_path("rnn-run-1").unlink()
    assert printed_by_report(capsys)[0] == made


@pytest.mark.parametrize("lost", ["heading", "numbers", "rows", "dataset", "runs"])
def test_a_results_json_that_lacks_a_part_is_refused(one_seed, lost):
    kept = main.report()
    del kept["sections"]["one_seed"][lost]
    write_json(report.results_path(), kept)
    with pytest.raises(UserError, match=rf"results\.json is damaged \(no '{lost}'\): restore it"):
        main.report()


def test_report_names_a_number_that_is_wrong(one_seed, capsys):
    one_seed.write_text(
        one_seed.read_text(encoding="utf-8").replace("Before: ", "Before: 1"), encoding="utf-8"
    )
    _, (_, line, last) = printed_by_report(capsys)
    assert line.startswith('"How to read the gradient figure" states 1')
    assert last.startswith("0 of 1 numbers agree")


def test_runs_of_other_data_take_no_ones_place(one_seed, study_root, capsys):
    made = main.report()
    section = made["sections"]["one_seed"]
    section["dataset"], section["numbers"] = "another", {"as_it": 0.5}
    made["datasets"]["another"] = {}
    report.results_path().write_text(json.dumps(made), encoding="utf-8")
    figure = study_root / "assets" / "figures" / "readme-gradients.png"
    figure.write_bytes(b"as it was")
    again, lines = printed_by_report(capsys)
    assert again == made
    assert figure.read_bytes() == b"as it was"
    assert re.search(r"its runs are of made-up with random \(\w+\), expected another alone", lines[0])


@pytest.mark.parametrize("other", [{"epochs": 1}, {"lr": 0.1}, {"lr": (0.002, 0.1)}, {"models": "rnn"}])
def test_a_comparison_of_other_settings_takes_no_ones_place(
    one_seed, study_root, monkeypatch, capsys, other, quick_pictures
):
    heading, make, figures = results.PARTS["many_runs"]
    monkeypatch.setattr(report, "PARTS", {"many_runs": (heading, make, figures)})
    main.compare(seeds=3, jobs=1, progress=False, **SMALL)
    made, (*_, last) = printed_by_report(capsys)
    assert "1 of 1 parts" in last
    figure = study_root / "assets" / "figures" / "readme-compare.png"
    figure.write_bytes(b"as it was")
    main.compare(**{"seeds": 3, "jobs": 1, "progress": False, "overwrite": True} | SMALL | other)
    again, lines = printed_by_report(capsys)
    assert lines[0].startswith("kept from results.json, many_runs: ")
    assert "main.py" in lines[0]
    assert (again, figure.read_bytes()) == (made, b"as it was")


def test_an_older_results_file_and_a_missing_page_are_refused(one_seed, study_root):
    report.results_path().parent.mkdir(exist_ok=True)
    report.results_path().write_text('{"format_version": 1, "parts": {}}', encoding="utf-8")
    with pytest.raises(UserError, match="format version 1, expected 2: restore it"):
        main.report()
    report.results_path().unlink()
    one_seed.unlink()
    with pytest.raises(UserError, match=r"README\.md is missing"):
        main.report()


def test_a_log_that_lacks_what_is_asked_is_one_line(data, study_root, monkeypatch, capsys):
    """The corpus has no sentence of 40 words, so that nothing can be said of 40 steps back."""
    monkeypatch.setattr(report, "PARTS", {"learning": results.PARTS["learning"]})
    monkeypatch.setattr(results, "DEFAULTS", {"rnn": SMALL, "lstm": SMALL})
    (study_root / "README.md").write_text("# a\n", encoding="utf-8")
    (study_root / "assets").mkdir(exist_ok=True)
    (study_root / "assets" / "README.md").write_text("# a\n", encoding="utf-8")
    main.train_rnn(**SMALL)
    main.train_lstm(**SMALL)
    made, lines = printed_by_report(capsys)
    assert made["sections"] == {}
    assert "lack what is asked of them" in lines[0]


# Settings of the runs ---------------------------------------------------------------------------------------


def test_runs_of_other_settings_are_refused_whatever_their_name(data):
    main.train_lstm("lstm-plain", epochs=1, hidden_size=4)  # with dropout
    sources = Sources()
    with pytest.raises(
        UserError, match=r"'lstm-plain' has .*input_dropout=0\.3.*, expected .*input_dropout=0\.0"
    ):
        sources.log("lstm-plain", "lstm", results.NO_DROPOUT | {"epochs": 1, "hidden_size": 4})
    assert sources.logs == sources.datasets == {}
    main.train_rnn("rnn-16", epochs=1, hidden_size=16, lr=0.01)
    with pytest.raises(UserError, match=r"'rnn-16' has epochs=1, lr=0\.01, expected epochs=20, lr=0\.002"):
        results.widths(Sources())
    assert sources.log("rnn-16", "rnn", {"epochs": 1, "lr": 0.01}, "hidden_size").hidden_size == 16


def carry_out(message):
    """Do literally what a message says: its call of main.py."""
    (call,) = re.findall(r": (?:call|uncomment the block) (.*) (?:of|in) main\.py", message)
    eval(call, vars(main))


SMALL_BEST = {"rnn": SMALL | {"lr": 0.01}, "lstm": SMALL | {"forget_bias": 2.0}}


@pytest.mark.parametrize(
    ("run_id", "model", "recipe"),
    [
        ("lstm-plain", "lstm", SMALL | {"input_dropout": 0.0, "state_dropout": 0.0}),
        ("rnn-16", "rnn", SMALL | {"hidden_size": 16}),
        ("rnn-run-1", "rnn", SMALL),
        ("lstm-mine", "lstm", SMALL | {"forget_bias": "chrono", "schedule": "cosine"}),
    ],
)
def test_what_is_said_of_a_run_of_other_settings_makes_the_right_one(data, run_id, model, recipe):
    train = {"rnn": main.train_rnn, "lstm": main.train_lstm}[model]
    for other in ({"lr": 0.1}, {"epochs": 3}, {"recurrent_init": "identity", "batch_size": 7}):
        train(run_id, **SMALL | other, overwrite=True)
        with pytest.raises(UserError, match=rf"call train_{model}\(\"{run_id}\", ") as error:
            Sources().log(run_id, model, recipe)
        carry_out(str(error.value))
        assert Sources().log(run_id, model, recipe).run_id == run_id


@pytest.mark.parametrize(
    ("kind", "name", "recipes", "varied", "make"),
    [
        ("comparison", "compare", {"rnn": {}, "lstm": {}}, (), lambda **o: main.compare(**o)),
        ("comparison", "best", SMALL_BEST, (), lambda **o: main.compare(name="best", **o)),
        (
            "initialisations",
            "default",
            SMALL_BEST,
            ("recurrent_init", "forget_bias"),
            lambda **o: main.initialisation_study(**o),
        ),
        (
            "equal-parameters",
            "default",
            {"rnn": {"epochs": 8}, "lstm": {"epochs": 8}},
            ("hidden_size",),
            lambda **o: main.equal_parameters(**o),
        ),
    ],
)
def test_what_is_said_of_a_study_of_other_settings_makes_the_right_one(
    data, monkeypatch, kind, name, recipes, varied, make
):
    monkeypatch.setattr(main, "BEST", SMALL_BEST)
    monkeypatch.setitem(
        blocks.STUDIES, ("comparison", "best"), 'compare(seeds=1, name="best", of_model=BEST)'
    )
    monkeypatch.setitem(blocks.STUDIES, ("comparison", "compare"), "compare(seeds=1)")
    make(seeds=1, epochs=1, hidden_size=3, lr=0.5)
    with pytest.raises(UserError, match=r"lr=0.5") as error:
        Sources().study(kind, name, recipes, *varied)
    if name != "compare" and kind != "equal-parameters":  # of whose defaults the runs take a while
        carry_out(str(error.value))
        assert Sources().study(kind, name, recipes, *varied)
    else:
        (call,) = re.findall(r": call (.*) of main\.py", str(error.value))
        assert call in ("compare(seeds=1, overwrite=True)", "equal_parameters(overwrite=True)")


def test_what_is_said_of_measurements_that_are_missing_makes_them(data, monkeypatch):
    monkeypatch.setattr(results, "DEFAULTS", {"rnn": SMALL, "lstm": SMALL})
    monkeypatch.setattr(results, "BEST", SMALL_BEST)
    monkeypatch.setattr(main, "BEST", SMALL_BEST)
    monkeypatch.setattr(main, "jacobians", functools.partial(main.jacobians, steps=30, burn_in=3))
    main.train_rnn(**SMALL)
    main.train_lstm(**SMALL)
    main.compare(seeds=3, name="best", of_model=SMALL_BEST)
    said = []
    for part in (results.theory, results.direct_path, results.sentence, results.best_rates):
        for _ in range(7):
            try:
                part(Sources())
                break
            except UserError as error:
                said.append(str(error))
                carry_out(said[-1])
        else:
            if part is not results.sentence:
                pytest.fail(said[-1])
    assert len(said) >= 2 + 6
    assert sum('jacobians("comparison-best-' in line and "sentences=100" in line for line in said) == 6


def test_best_rates_are_those_of_the_runs_that_the_study_names(data, monkeypatch):
    """Not of runs of certain names."""
    monkeypatch.setattr(results, "BEST", SMALL_BEST)
    for model, train in (("rnn", main.train_rnn), ("lstm", main.train_lstm)):
        train(f"my-{model}", **SMALL_BEST[model])
    write_study("best", rnn=["my-rnn"], lstm=["my-lstm"])
    with pytest.raises(UserError, match=r'call jacobians\("my-rnn", sentences=100\) of main.py'):
        results.best_rates(Sources())


def write_study(name, **variants):
    """Write a study of these runs of each model."""
    variants = [{"model": model, "runs": run_ids} for model, run_ids in variants.items()]
    header = json.loads(log_path(variants[0]["runs"][0]).read_text(encoding="utf-8").splitlines()[0])
    study = {"format_version": STUDY_VERSION, "dataset": header["dataset"], "variants": variants}
    study_path("comparison", name).parent.mkdir(parents=True, exist_ok=True)
    study_path("comparison", name).write_text(json.dumps(study), encoding="utf-8")


def test_studies_of_other_settings_are_refused(data):
    main.train_rnn("a", epochs=1, hidden_size=4)
    main.train_lstm("b", epochs=1, hidden_size=4, input_dropout=0.0)
    write_study("best", rnn=["a"], lstm=["b"])
    recipes = {model: {"epochs": 1, "hidden_size": 4} for model in ("rnn", "lstm")}
    with pytest.raises(UserError, match=r"'a' has epochs=1, .*expected epochs=20.*name=\"best\""):
        Sources().study("comparison", "best", results.BEST)
    with pytest.raises(UserError, match=r"'b' has input_dropout=0\.0, expected input_dropout=0\.3"):
        Sources().study("comparison", "best", recipes)
    with pytest.raises(UserError, match="'best' has an LSTM"):
        Sources().study("comparison", "best", {"rnn": recipes["rnn"]})
    sources = Sources()
    assert len(sources.study("comparison", "best", recipes, "input_dropout")["variants"]) == 2
    assert list(sources.runs()) == ["a", "b"]
    assert sources.settings({"runs": ["b"]})["input_dropout"] == 0


def test_seeds_of_one_variant_have_the_same_varied_settings(data):
    for seed, units in ((0, 4), (1, 4), (2, 5)):
        main.train_rnn(f"rnn-{seed}", epochs=1, hidden_size=units, seed=seed)
    write_study("two", rnn=["rnn-0", "rnn-1"])
    write_study("three", rnn=["rnn-0", "rnn-1", "rnn-2"])
    assert Sources().study("comparison", "two", {"rnn": {"epochs": 1}}, "hidden_size")
    with pytest.raises(UserError, match="'rnn-2' has hidden_size=5, expected hidden_size=4"):
        Sources().study("comparison", "three", {"rnn": {"epochs": 1}}, "hidden_size")
    log_path("rnn-1").unlink()
    with pytest.raises(UserError, match=r"there is no run 'rnn-1' \(.*rnn-1\.jsonl is missing\)"):
        Sources().study("comparison", "two", {"rnn": {"epochs": 1}}, "hidden_size")


def test_readings_older_than_the_weights_or_of_another_sentence_are_refused(data, monkeypatch):
    recipe = {"epochs": 1, "hidden_size": 4}
    main.train_lstm(**recipe)
    call = 'predict("…")'
    with pytest.raises(UserError, match=r"is missing: call predict\(.….\) of main.py"):
        Sources().of_run("sentence", "lstm-run-3", "lstm", recipe, call)
    main.predict("good word1", draw=True)
    assert Sources().of_run("sentence", "lstm-run-3", "lstm", recipe, call)["words"] == ["good", "word1"]
    main.train_rnn(**recipe)
    main.predict("good word1", run_id=("rnn-run-1", "lstm-run-3"))
    monkeypatch.setattr(results, "DEFAULTS", {"rnn": recipe, "lstm": recipe})
    with pytest.raises(UserError, match="another sentence was read last"):
        results.sentence(Sources())
    main.train_lstm(epochs=4, hidden_size=4)  # finds a better epoch
    with pytest.raises(UserError, match="trained again"):
        Sources().of_run("sentence", "lstm-run-3", "lstm", recipe | {"epochs": 4}, call)


# Parts on made-up studies -----------------------------------------------------------------------------------


class Given:
    """Sources that hold one study, whose runs have these settings."""

    def __init__(self, study, settings=None):
        self.study = self.of_run = lambda *_: study
        self.settings = lambda variant: settings[variant["runs"][0]]


def test_words_are_counted_from_one_and_distances_from_zero():
    by_k = [k / 100 for k in range(1, 48)]
    models = [{"model": kind, "accuracy": [by_k, by_k], "enough": 5} for kind in ("rnn", "lstm")]
    study = {"models": models, "baselines": {"counts": by_k}, "longer": list(range(47))}
    numbers, _ = results.memory(Given(study))
    assert numbers["lstm_accuracy"] == pytest.approx([0.01, 0.05, 0.1, 0.15, 0.2, 0.3])
    assert (numbers["word_counts"], numbers["longer_than_30_words"]) == (0.47, 29)

    names = ("h", "c", "product", "direct_mean", "direct_max", "direct_gradient")
    moment = {"quantities": {name: {"median": [-20 * d for d in range(1, 52)]} for name in names}}
    numbers, _ = results.direct_path(
        Given({"distances": [9, 19], "at": dict.fromkeys(results.MOMENTS, moment)})
    )
    assert numbers["full_jacobian"] == ["1e-400", "1e-400"]


def test_the_search_names_what_the_runs_differ_in():
    def run(model, **change):
        return results.check_settings(model, results.BEST[model] | change)

    settings = {
        "a": run("rnn"),
        "b": run("rnn", lr=0.001, seed=4),
        "c": run("lstm"),
        "d": run("lstm", epochs=3),
    }
    measured = {"validation_loss": [0.35, 0.36], "validation_accuracy": [0.8, 0.9], "best_epoch": [1, 2]}
    variants = [
        {"model": "rnn" if run_id in "ab" else "lstm", "runs": [run_id]} | measured for run_id in "abcd"
    ]
    _, rows = results.search(Given({"seeds": [0, 1], "variants": variants}, settings))
    names = [row[0] for row in rows[1:]]
    assert names == ["RNN, its best settings", "RNN, lr=0.001", "LSTM, its best settings", "LSTM, epochs=3"]
    assert rows[2][1:] == ["0.3550", "85.0%", "1, 2"]
    settings["c"] = run("lstm", hidden_size=8)
    with pytest.raises(UserError, match=r"call search\(overwrite=True\) of"):
        results.search(Given({"seeds": [0, 1], "variants": variants}, settings))


def test_an_rnn_of_another_size_is_not_as_large_as_the_lstm():
    variants = [{"parameters": parameters, "runs": []} for parameters in (10_625, 40_000, 42_305)]
    with pytest.raises(UserError, match=r"call equal_parameters\(overwrite=True\) of"):
        results.equal_parameters(Given({"variants": variants}))
