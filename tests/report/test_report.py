"""What README.md states is what the committed results hold, and report() finds what isn't."""

import json
import re
from pathlib import Path

import pytest

import main
from scripts.files.errors import UserError
from scripts.files.paths import log_path
from scripts.files.runs import read_log
from scripts.report import report, results

PROJECT = Path(main.__file__).parent
COMMITTED = json.loads((PROJECT / "assets" / "benchmarks" / "results.json").read_text(encoding="utf-8"))
SECTION = "How to read the gradient figure"


# The README and the committed results -----------------------------------------------------------------------


def test_the_committed_results_are_complete():
    assert list(COMMITTED["parts"]) == [part.name for part in results.PARTS]
    for part in results.PARTS:
        committed = COMMITTED["parts"][part.name]
        assert committed["section"] == part.section
        assert committed["figures"] == list(part.figures)
        assert committed["results"]
        assert committed["runs"]


def test_the_readme_states_the_committed_results():
    sections = report.readme_sections()
    for part in COMMITTED["parts"].values():
        assert part["section"] in sections
        assert report.disagreements(sections, part) == []


def test_every_figure_of_the_readme_is_one_that_report_draws():
    linked = re.findall(r"\(assets/figures/(.*?)\)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    drawn = [name for part in results.PARTS for name in part.figures]
    assert sorted(linked) == sorted(drawn)
    assert {path.name for path in (PROJECT / "assets" / "figures").glob("readme-*.png")} == set(drawn)


def test_a_number_changed_in_the_readme_is_found():
    """Whichever it is: of every phrase, each number in turn is replaced."""
    sections = report.readme_sections()
    for part in COMMITTED["parts"].values():
        for phrase in part["results"]:
            for number in re.finditer(report.NUMBER, phrase):
                other = phrase[: number.start()] + "987" + phrase[number.end() :]
                altered = sections | {part["section"]: sections[part["section"]].replace(phrase, other)}
                lines = report.disagreements(altered, part)
                assert any(f'for "{other}" read "{phrase}"' in line for line in lines)


# Phrases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [".13", "-.1", "1.1", ".1e-5", "2,.1", ".1,5"])
def test_a_number_is_not_found_within_another(text):
    part = {"section": "Results", "results": [".1"]}
    assert report.disagreements({"Results": f"It is {text} there."}, part)
    assert not report.disagreements({"Results": "It is .1, there."}, part)
    assert not report.disagreements({"Results": "It is .1."}, part)


def test_what_the_readme_says_instead_is_quoted():
    part = {"section": "Results", "results": ["keeps 2e-7 of 1,234 (-.319 ± .0004)", "and 5 more"]}
    lines = report.disagreements({"Results": "It keeps .03 of 1,234 (-.3 ± .1), it says."}, part)
    assert len(lines) == 2
    assert 'for "keeps .03 of 1,234 (-.3 ± .1)" read "keeps 2e-7 of 1,234 (-.319 ± .0004)"' in lines[0]
    assert 'missing: "and 5 more"' in lines[1]
    assert len(report.disagreements({}, part)) == 2


def test_sections_end_at_the_next_heading(study_root):
    text = "# One\na\nb\n```\n# no heading\n```\n## Two (`block()`)\n\n| c |\n|---|\n"
    (study_root / "README.md").write_text(text, encoding="utf-8")
    assert report.readme_sections() == {"One": "a b", "Two": "| c | |---|"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0459, ".046"),
        (4.32, "4.3"),
        (11.4, "11"),
        (434.4, "434"),
        (2.3e-7, "2e-7"),
        (0.0997, ".10"),
    ],
)
def test_numbers_are_printed_to_two_digits(value, text):
    assert results.short(value) == text
    assert results.short(-value) == "-" + text
    assert results.short(0) == "0"


@pytest.mark.parametrize(
    ("log10", "text"), [(-56.15, "7e-57"), (-400.0, "1e-400"), (-9.01, "1e-9"), (-0.44, ".36"), (0.1, "1.3")]
)
def test_powers_are_printed_that_are_no_floats(log10, text):
    assert results.power(log10) == text


class Given:
    """Sources that hold one study."""

    def __init__(self, study):
        self.study = self.jacobians = lambda *_: study


def test_words_and_depths_are_counted_from_one():
    by_k = [k / 100 for k in range(1, 48)]
    models = [
        {"accuracy": [by_k], "enough": 5, "runs": [f"study-{kind}-best-s0"]} for kind in ("rnn", "lstm")
    ]
    study = {
        "models": models,
        "baselines": {"counts": by_k},
        "longer": list(range(47)),
        "sentences": 9,
    }
    phrases = list(results.memory(Given(study)))
    assert (
        "From its last 1, 5, 10, 15, 20 and 30 words the LSTM classifies 1, 5, 10, 15, 20 and 30 %" in phrases
    )
    assert "Logistic regression on word counts reaches 47.0 %" in phrases
    assert "only 29 of the 9 sentences are longer than 30 words" in phrases

    names = ("h", "c", "product", "direct_mean", "direct_max", "direct_gradient")
    logs = {"quantities": {name: {"median": [-d for d in range(1, 52)]} for name in names}}
    study = {"depths": [10, 20], "at": {"initialisation": logs, "best": logs}, "sentences": {"count": 3}}
    assert "of (h, c) at depth 20 is 1e-20 before and 1e-20 after" in list(results.direct_path(Given(study)))


# report() on a small project --------------------------------------------------------------------------------


@pytest.fixture
def one_seed(data, study_root, monkeypatch):
    """Two runs, and a report that has but one part more than they allow; returns the README's text."""

    def draw():
        (study_root / "drawn.png").write_bytes(b"drawn")
        return study_root / "drawn.png"

    parts = [part for part in results.PARTS if part.name in ("one_seed", "overfitting")]
    parts = [part._replace(figures=dict.fromkeys(part.figures, draw)) for part in parts]
    monkeypatch.setattr(report, "PARTS", parts)
    main.train_rnn(epochs=2, hidden_size=4)
    main.train_lstm(epochs=2, hidden_size=4)

    def left(run_id, state, epoch):
        _, *epochs = map(json.loads, log_path(run_id).read_text(encoding="utf-8").splitlines())
        best = min(epochs[1:], key=lambda record: record["validation_loss"])
        median = (epochs[0] if epoch == 0 else best)["gradients"][state]["decay"]["median"]
        return results.short(100 * median[19])

    text = f"""# {SECTION}

20 steps back {left("rnn-run-1", "h", 0)} % is left in the RNN and {left("lstm-run-3", "c", 0)} % in the
LSTM's cell before training; {left("rnn-run-1", "h", 1)} % in the RNN,
{left("lstm-run-3", "h", 1)} % in the LSTM's h and {left("lstm-run-3", "c", 1)} % in its cell after it
"""
    (study_root / "README.md").write_text(text, encoding="utf-8")
    return text


def test_report_agrees_with_a_readme_that_is_right(one_seed, study_root, capsys):
    capsys.readouterr()
    made = main.report()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("README.md")] == []
    assert lines[-1] == "2 of 2 results stand so in README.md; 1 of 2 parts were remade"
    path = study_root / "assets" / "benchmarks" / "results.json"
    assert json.loads(path.read_text(encoding="utf-8")) == made
    runs = made["parts"]["one_seed"]["runs"]
    assert set(runs) == {"rnn-run-1", "lstm-run-3"}
    assert runs["rnn-run-1"]["settings"] == {"epochs": 2, "hidden_size": 4}
    assert (study_root / "assets" / "figures" / "readme-gradients.png").read_bytes() == b"drawn"


def test_report_says_what_the_readme_should_say(one_seed, study_root, capsys):
    right = re.search(r"\S+ % in the RNN", one_seed)[0]
    wrong = one_seed.replace(right, "99 % in the RNN")
    (study_root / "README.md").write_text(wrong, encoding="utf-8")
    capsys.readouterr()
    main.report()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("README.md")]
    assert SECTION in line
    assert re.search(rf'for "99 % in the RNN.*" read "{re.escape(right)}', line)


def test_report_names_the_block_of_what_is_missing(one_seed, capsys):
    capsys.readouterr()
    main.report()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not remade")]
    assert 'train_lstm(run_id="lstm-plain")' in line
    assert "What came out" in line


def test_what_cannot_be_remade_stays(one_seed, capsys):
    before = main.report()
    log_path("rnn-run-1").unlink()
    assert main.report() == before


def test_runs_of_other_data_take_no_ones_place(one_seed, study_root, capsys):
    made = main.report()
    made["parts"]["one_seed"]["dataset"]["checksum"] = "another"
    made["parts"]["one_seed"]["results"] = ["as it was"]
    path = study_root / "assets" / "benchmarks" / "results.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    figure = study_root / "assets" / "figures" / "readme-gradients.png"
    figure.write_bytes(b"as it was")
    assert main.report() == made
    assert figure.read_bytes() == b"as it was"
    assert "made-up with random" in capsys.readouterr().out


def test_a_study_that_does_not_fit_is_one_line(data, study_root, monkeypatch, capsys):
    """The corpus has no sentence of 40 words, so that nothing can be said of 40 steps back."""
    monkeypatch.setattr(report, "PARTS", [part for part in results.PARTS if part.name == "learning"])
    (study_root / "README.md").write_text("# a\n", encoding="utf-8")
    main.train_rnn(epochs=1, hidden_size=4)
    main.train_lstm(epochs=1, hidden_size=4)
    capsys.readouterr()
    assert main.report()["parts"] == {}
    assert "not remade" in capsys.readouterr().out.splitlines()[0]


def test_old_tests_and_other_sentences_are_refused(data, study_root):
    sources = results.Sources()
    main.train_lstm(epochs=1, hidden_size=4)
    with pytest.raises(UserError, match=r'is missing: call test\("lstm-run-3"\)'):
        sources.test("lstm-run-3")
    main.test("lstm-run-3")
    main.predict("good word1", draw=True)
    assert sources.test("lstm-run-3")["sentences"] == 60
    assert sources.reading("lstm-run-3", "good word1")["words"] == ["good", "word1"]
    with pytest.raises(UserError, match="of another sentence"):
        sources.reading("lstm-run-3", "bad")
    main.train_lstm(epochs=4, hidden_size=4)  # goes on, and finds a better epoch
    assert read_log("lstm-run-3")[1][-1]["epoch"] == 4
    with pytest.raises(UserError, match="trained again"):
        results.Sources().test("lstm-run-3")


def test_a_comparison_of_other_settings_is_not_that_of_the_recipes(data, monkeypatch):
    small = {model: {"epochs": 1, "hidden_size": 4} for model in ("rnn", "lstm")}
    main.compare(seeds=1, name="best", of_model=small)
    with pytest.raises(UserError, match="'best' is not of the settings in"):
        results.best(results.Sources())
    monkeypatch.setattr(results, "BEST", small)
    assert results.best(results.Sources())["of_model"] == small
    main.compare(seeds=1, name="best", of_model=small, overwrite=True, input_dropout=0.0)
    with pytest.raises(UserError, match="'best' is not of the settings in"):
        results.best(results.Sources())
    main.compare(seeds=1, name="best-wide", epochs=1, hidden_size=4)
    with pytest.raises(UserError, match="'best-wide' is not of the settings in"):
        results.recipe_study(results.Sources(), "best-wide", {"rnn": results.WIDE_RNN})


def test_studies_of_other_settings_are_not_those_of_the_recipes(data):
    small = {model: {"epochs": 1, "hidden_size": 4} for model in ("rnn", "lstm")}
    main.initialisation_study(seeds=1, of_model=small | {"lstm": small["lstm"] | {"forget_bias": 2.0}})
    with pytest.raises(UserError, match="'initialisations' is not of the settings in") as error:
        results.best_study(results.Sources(), "initialisations", {}, {})
    assert "initialisation_study(of_model=BEST) in main.py" in str(error.value)
    assert results.best_study(results.Sources(), "initialisations", small, {})["of_model"] == small
    main.initialisation_study(seeds=1, of_model=small, input_dropout=0.0, overwrite=True)
    with pytest.raises(UserError, match="is not of the settings in"):
        results.best_study(results.Sources(), "initialisations", small, {})


def test_a_search_with_other_candidates_is_not_that_of_the_readme(monkeypatch):
    found = [{"model": "rnn", "change": {}}, {"model": "lstm", "change": {}}]
    study = {"of_model": results.BEST, "candidates": found, "seeds": [0]}
    monkeypatch.setattr(results.Sources, "study", lambda *_: study)
    with pytest.raises(UserError, match=r"call search\(\) again"):
        list(results.searched(results.Sources()))


@pytest.mark.parametrize("part", ["initialisations", "probe_even", "probe_log", "long_texts"])
def test_the_parts_of_the_best_settings_ask_for_them(part, study_root, monkeypatch):
    study = {"of_model": {}, "settings": {}, "axes": {}, "variants": [{"model": "rnn"}, {"model": "lstm"}]}
    monkeypatch.setattr(results.Sources, "study", lambda *_: study)
    with pytest.raises(UserError, match="is not of the settings in"):
        list(getattr(results, part)(results.Sources()))


def test_no_report_without_a_readme(data):
    with pytest.raises(UserError, match=r"README\.md is missing"):
        main.report()
