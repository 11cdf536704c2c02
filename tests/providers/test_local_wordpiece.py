"""The tokenizer of the embedding model, held against the reference, and by itself with a vocabulary of few words."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer  # of the extra [test]: the reference that the package does without

from graphbit_nb.providers.local.wordpiece import LONGEST_WORD, WordPiece

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789éßçжд"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "river", "bank", "##s", "un", "##believ", "##able"]
VOCABULARY += [*"!.,'[]-$+`|~日本", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
NUMBERS = {piece: number for number, piece in enumerate(VOCABULARY)}

reference = BertWordPieceTokenizer(NUMBERS)
words = WordPiece(VOCABULARY)

# What both know: younger characters are in newer tables only
OLD = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.ucd_3_2_0.category(chr(code)) == unicodedata.category(chr(code)) not in {"Cn", "Cs"}
]


def pieces(text, limit=1000):
    return [VOCABULARY[number] for number in words.encode(text, limit)]


def test_a_word_is_cut_into_the_longest_pieces_that_are_known():
    assert pieces("Unbelievable rivers!") == ["[CLS]", "un", "##believ", "##able", "river", "##s", "!", "[SEP]"]


def test_accents_and_case_do_not_count():
    assert pieces("RÍVÉR") == pieces("river")


def test_chinese_characters_stand_alone():
    assert pieces("日本bank") == ["[CLS]", "日", "本", "bank", "[SEP]"]


def test_control_characters_are_nothing_and_line_breaks_are_spaces():
    assert pieces("ri\x00v\u200ber\nbank\tbank") == ["[CLS]", "river", "bank", "bank", "[SEP]"]


@pytest.mark.parametrize("word", ["§", "river" * 30])
def test_a_word_that_is_strange_or_too_long_is_unknown(word):
    assert pieces(word) == ["[CLS]", "[UNK]", "[SEP]"]


def test_the_spelling_of_a_special_token_is_a_text():
    assert pieces("[SEP]") == ["[CLS]", "[", "s", "##e", "##p", "]", "[SEP]"]


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00"])
def test_a_text_of_nothing_has_its_ends_alone(text):
    assert pieces(text) == ["[CLS]", "[SEP]"]


@pytest.mark.parametrize(("limit", "expected"), [(3, ["[CLS]", "un", "[SEP]"]), (2, ["[CLS]", "[SEP]"])])
def test_what_is_beyond_the_limit_is_left_out_and_the_end_is_kept(limit, expected):
    assert pieces("unbelievable river", limit) == expected


def test_what_is_beyond_the_limit_is_not_even_looked_at():
    cut = WordPiece(VOCABULARY)
    looked_at = []
    cut._cached = lambda part: looked_at.append(part) or (1,)
    cut.encode("river " * 1000, 8)
    assert len(looked_at) < 10


@pytest.mark.parametrize("length", [LONGEST_WORD, LONGEST_WORD + 1])
def test_the_longest_word_is_as_long_as_the_references(length):
    assert words.encode("a" * length, 1000) == reference.encode("a" * length).ids


def test_every_character_is_read_as_the_reference_reads_it():
    texts = [f"un{char}river" for char in OLD]
    expected = reference.encode_batch(texts)
    assert [text for text, one in zip(texts, expected, strict=True) if words.encode(text, 1000) != one.ids] == []


SOME = st.sampled_from("un believable rivers bank'! \n\u00a0Σİßéǅ\uff38")


@given(st.text(st.one_of(SOME, st.sampled_from(OLD)), max_size=60))
def test_every_text_is_cut_as_the_reference_cuts_it(text):
    assert words.encode(text, 1000) == reference.encode(text).ids
