"""The ways a table is written as JSON; what holds none is said."""

import json

import pandas
import pytest

from scripts.files.errors import UserError
from tests.text.file_helpers import load, rows_of

ROWS = rows_of("great")
OBJECTS = [{"text": text, "label": label} for text, label in ROWS]


@pytest.mark.parametrize("orient", ["columns", "index", "split", "values"])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_pandas_writes_otherwise_is_refused_and_the_advice_works(tmp_path, orient, indent):
    path = tmp_path / "films.json"
    table = pandas.DataFrame(OBJECTS)
    table.to_json(path, orient=orient, indent=indent)
    with pytest.raises(UserError, match=r"holds no rows, only .*to_json\(path, orient=\"records\"\)"):
        load(path)
    for given in ({"orient": "records", "indent": indent}, {"orient": "records", "lines": True}):
        table.to_json(path, **given)
        assert load(path) == {"train": ROWS}


@pytest.mark.parametrize(
    "document",
    [
        {"data": OBJECTS},
        {"version": "1.0", "authors": ["us"], "rows": OBJECTS},
        {"train": OBJECTS},
        {"a/b": OBJECTS, "more": []},
    ],
)
def test_tables_within_an_object(tmp_path, document):
    for indent in (None, 1):
        (tmp_path / "films.json").write_text(json.dumps(document, indent=indent))
        assert load(tmp_path / "films.json") == {"train": ROWS}


@pytest.mark.parametrize("name", ["films.json", "films.jsonl", "films.ndjson"])
def test_one_object_per_line_whatever_the_ending(tmp_path, name):
    (tmp_path / name).write_text("\n\n".join(map(json.dumps, OBJECTS)))
    assert load(tmp_path / name) == {"train": ROWS}


def test_a_list_of_words_is_a_text(tmp_path):
    rows = [{"text": text.split(), "label": label} for text, label in ROWS]
    (tmp_path / "films.json").write_text(json.dumps(rows))
    assert load(tmp_path / "films.json") == {"train": [(" ".join(text.split()), y) for text, y in ROWS]}


def test_several_tables_within_an_object_are_refused(tmp_path):
    document = {"train": OBJECTS, "test": OBJECTS[:2], "seed": 1}
    (tmp_path / "films.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"holds several lists of rows, 'train', 'test': give each a file"):
        load(tmp_path / "films.json")
    for name in ("train", "test"):  # the remedy
        path = tmp_path / "films" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document[name]))
    assert load(tmp_path / "films") == {"train": ROWS, "test": ROWS[:2]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"a": 1, "b": [2]}',
            "holds no rows, only 'a', 'b': give a list of objects, or one per line",
        ),
        ("[[1, 2], [3, 4]]", "holds no rows, only list: give a list of objects"),
        ("[]", "holds no rows, only list: give"),
        ("7", "holds no rows, only int: give"),
        ('{"text": "fine", "label": 1}\n{"text": ', "can't be loaded, as line 2 is no JSON"),
        ('{"text": "fine", "label": 1}\n\n[1]\n', "holds no rows, only list: give"),
        ('[{"text": "fine", "label": 1}', "can't be loaded, as it is no JSON"),
        ("[" * 100_000, "can't be loaded, as it is no JSON"),
        ('[{"review": "fine", "label": 1}]', "has no column 'sentence' or 'text', only 'review', 'label'"),
    ],
)
def test_what_holds_no_table_is_said(tmp_path, text, said):
    (tmp_path / "films.json").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        load(tmp_path / "films.json")
    assert "\n" not in str(caught.value)


def test_columns_of_other_names(tmp_path):
    rows = [{"review": text, "stars": label} for text, label in ROWS]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match=r"only 'review', 'stars': name them with --text-column"):
        load(tmp_path / "a.json")
    assert load(tmp_path / "a.json", text_column="review", label_column="stars") == {"train": ROWS}
