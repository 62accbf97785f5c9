"""Cutting texts into tokens."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.text.tokens import count_tokenised, is_blank, keep_tokens, tokenise, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The plot isn't bad.", "the plot is n't bad ."),
        ("I can't, won't and don't care!", "i ca n't , wo n't and do n't care !"),
        (
            "It's what they've said: we'll go, I'm sure she'd…",
            "it 's what they 've said : we 'll go , i 'm sure she 'd ...",
        ),
        ("One.<br /><br>Two", "one . two"),
        ("Rock &amp; roll &quot;live&quot;", 'rock & roll " live "'),
        ("“Curly” isn’t ‘odd’", "\" curly \" is n't ' odd '"),
        ("a well-made, coming-of-age story--almost", "a well-made , coming-of-age story -- almost"),
        ("3.5 of 1,000 or 8/10 (2001)", "3.5 of 1,000 or 8/10 ( 2001 )"),
        ("Mr. Smith of the U.S. left....", "mr. smith of the u.s. left ..."),
        ("the '70s and the 1980's", "the '70s and the 1980 's"),
        ("O'Brien's dog", "o'brien 's dog"),
        ("so _very_ good;really?!", "so _ very _ good ; really ? !"),
        ("-LRB- aside -RRB-", "( aside )"),
        ("cafe\u0301 cliche\x92s \x96 done", "café cliche 's – done"),
        ("", ""),
        ("  \n\t ", ""),
    ],
)
def test_text_is_cut_as_gloves_vocabulary_expects(text, tokens):
    assert tokenise(text) == tokens.split()


TYPED = st.text(st.sampled_from("abs\\`\u0301\u093f\u200cİ ntI'.,-&;lgt<br/>*_0159(\"’…é\n"), max_size=40)


@settings(deadline=None)
@given(st.one_of(TYPED, st.text(max_size=30)))
def test_tokens_are_tokens_of_themselves(text):
    tokens = tokenise(text)
    assert all(token and not re.search(r"\s", token) for token in tokens)
    assert tokenise(" ".join(tokens)) == tokens


def test_a_typed_sentence_is_cut_only_where_the_dataset_was():
    assert tokens_of("It isn't so.", {"max_length": None}) == ["it", "is", "n't", "so", "."]
    assert tokens_of("It isn't so.", {"tokenised": True, "max_length": 3}) == ["n't", "so", "."]
    assert tokens_of("it is n't so .", {}) == ["it", "is", "n't", "so", "."]
    assert tokens_of("", {"max_length": 3}) == []


def test_rows_that_came_tokenised_are_told_by_looking():
    assert count_tokenised(["a film", "it is n't dull , is it ?", "a `` fine '' one", "1.5 stars"]) == 4
    assert count_tokenised(["It's a film.", "Don't go!", "a film"]) == 1
    assert count_tokenised(["it's low case but raw", "and so isn't this", "nor is that."]) == 0
    assert keep_tokens("a writer\\/director -lrb- 1/2 -rrb- ") == ["a", "writer\\/director", "(", "1/2", ")"]


# Other ways to write --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("यह फ़िल्म बहुत अच्छी है।", "यह फ़िल्म बहुत अच्छी है ।"),  # Hindi
        ("এই ছবিটি খুব সুন্দর", "এই ছবিটি খুব সুন্দর"),  # Bengali
        ("இந்தப் படம் நன்றாக இருக்கிறது!", "இந்தப் படம் நன்றாக இருக்கிறது !"),  # Tamil
        ("หนังเรื่องนี้ ดีมาก", "หนังเรื่องนี้ ดีมาก"),  # Thai, a blank between clauses
        ("هٰذَا الفِيلْمُ جَمِيلٌ جِدًّا", "هٰذَا الفِيلْمُ جَمِيلٌ جِدًّا"),  # Arabic
        ("הַסֶּרֶט הַזֶּה טוֹב, צה״ל", "הַסֶּרֶט הַזֶּה טוֹב , צה״ל"),  # Hebrew
        ("İYİ bir film, İstanbul'da", "iyi bir film , istanbul'da"),  # Turkish
        ("می\u200cخواهم ببینم", "می\u200cخواهم ببینم"),  # Persian, with a joiner
        ("ẹ̀kọ́ dára-pú̀pọ̀", "ẹ̀kọ́ dára-pú̀pọ̀"),  # Yoruba: no single sign for these
        ("వినోదం బాగుంది, ಚೆನ್ನಾಗಿದೆ", "వినోదం బాగుంది , ಚೆನ್ನಾಗಿದೆ"),  # Telugu, Kannada
        ("good ❤️ 👍", "good ❤ 👍"),  # a sign of style has no width
    ],
)
def test_marks_belong_to_their_word(text, tokens):
    expected = [unicodedata.normalize("NFC", token) for token in tokens.split()]
    assert tokenise(text) == expected
    assert tokenise(" ".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don`t like it", "i do n't like it"),
        ("It isn′t, can＇t", "it is n't , ca n't"),
        ("don''t and don\\'t and DON\\''T", "do n't and do n't and do n't"),
        ("`` quoted '' and ` so '", "`` quoted '' and ` so '"),
        ("Dull.\\n\\ngreat", "dull . great"),
        ("one\\r\\ntwo\\nthree\\t(four)", "one two three ( four )"),
        ('\\"so\\" and\\/or', '" so " and / or'),
        ("him\\them", "him \\ them"),
        ("5`6", "5 ` 6"),
    ],
)
def test_apostrophes_and_line_ends_as_files_have_them(text, tokens):
    assert tokenise(text) == tokens.split()


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\u200b", "\ufeff", "\u2060\xad", "\u200d", "\xa0\u3000", "\ufe0f", "\0"]
)
def test_what_shows_nothing_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "!", "👍", "0", "_", "\u200ba", "…", "字"])
def test_what_shows_something_is_not_blank(text):
    assert not is_blank(text)
