"""Separators, quotation marks, encodings and missing header lines of .csv and .tsv files."""

import csv

import pytest

from scripts.files.errors import UserError
from scripts.text.corpus import HIDDEN, read_corpus
from scripts.text.local_files import load_local
from scripts.text.tables import Options
from tests.text.file_helpers import advice, load, rows_of


def write(path, lines, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return str(path)


# Quotation marks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        {3: '"what a film', 9: '"it was said'},
        {3: '"what a film', 9: 'it was "said"'},  # closes at the end of a field
        {3: '"what a film'},
        {3: '"fine" they said'},
        {3: '"', 4: '""a', 9: 'a "'},
        {0: '"first', 11: 'last"'},
        {3: '5" of film', 4: "it's"},
    ],
)
@pytest.mark.parametrize("name", ["films.tsv", "films.csv"])
def test_a_stray_quotation_mark_between_tabs_swallows_no_row(tmp_path, texts, name):
    rows = [(texts.get(i, f"film {i}"), i % 2) for i in range(12)]
    path = write(tmp_path / name, ["text\tlabel", *(f"{text}\t{label}" for text, label in rows)])
    assert load(path) == {"train": rows}


def test_a_field_that_is_quoted_as_a_whole_loses_its_quotation_marks(tmp_path):
    texts = ["plain", 'with a "word" in it', "a\ttab", "two\nlines", '"all of it"']
    for name, sign in (("films.tsv", "\t"), ("films.csv", ",")):
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=sign).writerows([("text", "label"), *((text, 1) for text in texts)])
        assert [text for text, _ in load(tmp_path / name)["train"]] == texts


def test_quotation_marks_after_a_backslash(tmp_path):
    lines = ["text,label", r'"she said \"no, never\"",0', r'"one\ntwo",1']
    assert load(write(tmp_path / "films.csv", lines)) == {
        "train": [('she said "no, never"', 0), (r"one\ntwo", 1)]
    }


def test_quotation_marks_that_do_no_harm_are_read(tmp_path):
    lines = ["text,label", 'a "fine" film,1', '"Fine" they said,0']
    assert load(write(tmp_path / "films.csv", lines)) == {
        "train": [('a "fine" film', 1), ("Fine they said", 0)]
    }


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["text,label", "a,1", '"b,0', "c,1", '"d,0', "e,1"], 3),
        (["text,label", "a,1", '"b,0', "c,1", 'd",0', "e,1"], 3),
        (["label,text", "1,a", '0,"b', "1,c", '0,d"', "1,e"], 3),
        (["text,label", "a,1", '"b,0', "c,1"], 3),
        (["text,label", "a,1", "b, c,0"], 3),
        (["text,label", '"a\nb",1', "c,0", "d"], 5),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, lines, line):
    path = write(tmp_path / "films.csv", lines)
    with pytest.raises(UserError, match=rf"^films\.csv, line {line}\b.*put such a field in quotation marks"):
        load(path)


def test_a_blank_before_a_quoted_field_is_no_part_of_it(tmp_path):
    path = write(
        tmp_path / "films.csv", ["label, text", '1, "good, really"', '0, "bad, ""really"""', "1, fine"]
    )
    expected = {"train": [("good, really", 1), ('bad, "really"', 0), ("fine", 1)]}
    assert load(path, text_column="text") == expected


def test_prose_on_several_lines_is_no_swallowed_row(tmp_path):
    texts = ["we saw it twice, then\nonce more, alone\n\nthe end, 1", "fine,\nreally"]
    with open(tmp_path / "films.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *((text, i) for i, text in enumerate(texts))])
    assert load(tmp_path / "films.csv") == {"train": [(text, i) for i, text in enumerate(texts)]}


# Labels that are missing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("test.tsv", ["index\tsentence", "0\ta fine film", "1\ta dull film"]),
        ("test.tsv", ["sentence", "a fine film", "a dull film"]),
        ("test.csv", ["sentence,label", "a fine film,", "a dull film,"]),
        ("test.tsv", ["sentence\tlabel", "a fine film\t", "a dull film\t"]),
        ("test.csv", ["label,sentence", "-1,a fine film", "-1,a dull film"]),
        ("test.jsonl", ['{"sentence": "a fine film", "label": null}', '{"sentence": "a dull film"}']),
        ("test.json", ['[{"sentence": "a fine film"}, {"sentence": "a dull film"}]']),
    ],
)
def test_a_test_split_without_labels_is_hidden(tmp_path, name, lines):
    """As GLUE publishes SST-2, among others."""
    folder = tmp_path / "SST-2"
    train = [f"{text}\t{label}" for text, label in rows_of("train")]
    write(folder / "train.tsv", ["sentence\tlabel", *train])
    write(folder / "dev.tsv", ["sentence\tlabel", *train])
    write(folder / name, lines)
    found = read_corpus(str(folder))[0]
    assert {split: rows.y.tolist() for split, rows in found.rows.items()} == {
        "train": [0, 1, 0, 1], "validation": [0, 1, 0, 1], "test": [HIDDEN, HIDDEN]
    }  # fmt: skip
    words = [found.words[i] for i in found.rows["test"].x]
    assert words == ["a", "fine", "film", "a", "dull", "film"]


def test_a_stray_quotation_mark_swallows_no_row_without_labels(tmp_path):
    texts = ["one", '"two', "three", 'four"', "five"]
    write(tmp_path / "films" / "train.tsv", ["sentence\tlabel", "fine\t1"])
    write(
        tmp_path / "films" / "test.tsv",
        ["index\tsentence", *(f"{i}\t{text}" for i, text in enumerate(texts))],
    )
    assert load(tmp_path / "films")["test"] == [(text, None) for text in texts]


@pytest.mark.parametrize("name", ["train.csv", "dev.csv"])
def test_a_column_of_labels_is_needed_elsewhere(tmp_path, name):
    for file in ("train.csv", "dev.csv", "test.csv"):
        header, row = ("text", "fine") if file == name else ("text,label", "fine,1")
        write(tmp_path / "films" / file, [header, row])
    with pytest.raises(UserError, match=rf"{name} has no column 'label', only 'text'"):
        load(tmp_path / "films")


def test_only_the_columns_that_are_needed_are_read(tmp_path):
    """As text: numbers of other columns, and what a parser takes for missing, stay what they are."""
    lines = ["id,text,stars,label", "1,NA,x,0", "two,null,5,1", ",007,,1"]
    assert load(write(tmp_path / "films.csv", lines)) == {"train": [("NA", 0), ("null", 1), ("007", 1)]}


def test_labels_are_numbers_where_they_spell_some(tmp_path):
    lines = ["text,label", "a,1", "b,0.0", "c, 1 ", "d,1.0", "e,0"]
    found = read_corpus(write(tmp_path / "films.csv", lines))[0]
    assert found.rows["train"].y.tolist() == [1, 0, 1, 1, 0]
    assert found.facts["labels"] == {"0": 0, "1": 1}


# Separators and header lines ------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["films.csv", "films.tsv"])
def test_the_header_line_shows_the_separator(tmp_path, sign, name):
    lines = [f"id{sign}Sentence{sign}Label", *(f"{i}{sign}fine film{sign}{i % 2}" for i in range(4))]
    table = load_local(write(tmp_path / name, lines), Options())
    assert list(table.read("train")) == [("fine film", str(i % 2)) for i in range(4)]
    assert table.read_as["separator"] == sign.replace("\t", "\\t")
    assert table.read_as["columns"] == {"text": "Sentence", "label": "Label"}


def test_other_separators_and_names_are_said(tmp_path):
    path = write(tmp_path / "films.csv", ["review^stars", "fine; really, so^1", "dull^0"])
    rows = [("fine; really, so", 1), ("dull", 0)]
    assert load(path, separator="^", text_column="review", label_column="stars") == {"train": rows}
    path = write(tmp_path / "films.csv", ["review;stars", "fine, really;1", "dull;0"])
    with pytest.raises(
        UserError, match="no column 'sentence' or 'text', only 'review', 'stars': name them with"
    ):
        load(path)
    assert load(path, text_column="review", label_column="stars")["train"][0] == ("fine, really", 1)
    several = {"text_column": ["body", "review"], "label_column": ["stars", "label"]}
    assert load(path, **several)["train"][0] == ("fine, really", 1)
    for separator in ("::", "", '"', "\n"):
        with pytest.raises(UserError, match=r"--separator .*give one character"):
            load(path, separator=separator)


@pytest.mark.parametrize(
    ("name", "line", "text", "label"),
    [
        ("a.tsv", "{0}\t{1}", 1, 2),
        ("a.csv", "{1},{0}", 2, 1),
        ("a.csv", "{0};{1}", 1, 2),
        ("a.csv", '"{0}","{1}"', 1, 2),
        ("a.tsv", "7\t{1}\t{0}", 3, 2),
    ],
)
def test_without_a_header_line_the_advice_loses_no_row(tmp_path, name, line, text, label):
    rows = rows_of("great")
    path = write(tmp_path / name, [line.format(*row) for row in rows])
    with pytest.raises(
        UserError, match=r"has no column 'sentence'.*; if that line is a row, give --no-header and their num"
    ):
        load(path)
    assert load(path, no_header=True, text_column=str(text), label_column=str(label)) == {"train": rows}


def test_columns_without_names_are_numbered(tmp_path):
    path = write(
        tmp_path / "a.csv", [f"{i % 2},{text},{i // 2}" for i, (text, _) in enumerate(rows_of("great"))]
    )
    with pytest.raises(UserError, match="no column 'sentence' or 'text', only '1', '2', '3': name them with"):
        load(path, no_header=True)
    given = {"text_column": "2", "label_column": "3", "no_header": True}
    assert load(path, **given)["train"][2] == ("great film 2 is fine", 1)
    write(tmp_path / "films" / "train.tsv", ["fine film\t1", "dull film\t0"])
    write(tmp_path / "films" / "test.tsv", ["a film"])
    assert load(tmp_path / "films", **given | {"text_column": "1", "label_column": "2"}) == {
        "train": [("fine film", 1), ("dull film", 0)], "test": [("a film", None)]
    }  # fmt: skip


def test_a_header_line_with_other_signs_in_it(tmp_path):
    lines = ["text;label;year, if known, or not", "fine;1;1999", "dull;0;"]
    assert load(write(tmp_path / "films.csv", lines)) == {"train": [("fine", 1), ("dull", 0)]}


# Encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["films.csv", "films.tsv", "films.jsonl", "films.json"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, encoding, name):
    sign = "\t" if name.endswith("tsv") else ","
    lines = [f"text{sign}label", f"ein schöner Film{sign}1", f"недурно{sign}0"]
    if "json" in name:
        lines = ['{"text": "ein schöner Film", "label": 1}', '{"text": "недурно", "label": 0}']
    table = load_local(write(tmp_path / name, lines, encoding), Options())
    assert [(text, int(label)) for text, label in table.read("train")] == [
        ("ein schöner Film", 1), ("недурно", 0)
    ]  # fmt: skip
    assert table.read_as["encoding"] == encoding


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("latin-1", "schön"), ("cp1252", "“schön”"), ("utf-16-le", "schön"), ("utf-16-be", "fine")],
)
@pytest.mark.parametrize("name", ["films.csv", "films.jsonl"])
def test_another_encoding_is_refused_and_the_advice_works(tmp_path, encoding, text, name):
    lines = ["text,label", "plain,0", f"{text},1"]
    if name == "films.jsonl":
        lines = ["{" + f'"text": "{line[:-2]}", "label": {line[-1]}' + "}" for line in lines[1:]]
    path = write(tmp_path / name, lines, encoding)
    said = rf"films.\w+, line {len(lines)}, is no UTF-8" if "utf" not in encoding else "zero bytes, as UTF-16"
    with pytest.raises(UserError, match=said) as caught:
        load(path)
    assert load(path, **advice(caught.value, "--encoding")) == {"train": [("plain", 0), (text, 1)]}


def test_encodings_that_do_not_fit(tmp_path):
    path = write(tmp_path / "films.csv", ["text,label", "fine,0", "недурно,1"], "koi8-r")
    assert load(path, encoding="koi8-r")["train"][1] == ("недурно", 1)
    with pytest.raises(UserError, match=r"films\.csv, line 3, is no ASCII"):
        load(path, encoding="ascii")
    for encoding in ("latin1000", "base64", "rot13", ""):
        with pytest.raises(UserError, match="is not known: give one such as cp1252"):
            load(path, encoding=encoding)
    cut = tmp_path / "cut.csv"
    cut.write_bytes("text,label\nfine,1\n".encode("utf-16")[:-1])
    with pytest.raises(UserError, match="is no UTF-16"):
        load(cut)


def test_an_encoding_is_for_the_files_that_are_not_utf_8(tmp_path):
    """One encoding is given for all files; letters that are valid UTF-8 are UTF-8."""
    for split, encoding in (("train", "utf-8"), ("dev", "cp1252"), ("test", "utf-16")):
        write(tmp_path / f"{split}.csv", ["text,label", "un café délicieux,1", "no film,0"], encoding)
    found = load(tmp_path, encoding="cp1252")
    assert {split: rows[0][0] for split, rows in found.items()} == dict.fromkeys(
        ("train", "validation", "test"), "un café délicieux"
    )
