"""Sentences and word vectors that the tests of this room make up."""

import csv

import numpy as np

LIKED = ["i like the {} very much", "what a fine {} , told with wit", "a {} that is n't dull at all"]
DISLIKED = ["i left the {} half way", "what a dull {} , told without wit", "a {} that is n't any good"]


def sentences(count=80):
    """Sentences and labels that this file makes up; no two are equal."""
    return [((LIKED if i % 2 else DISLIKED)[i % 3].format(f"film{i}"), i % 2) for i in range(count)]


def write_csv(path, rows, header=("text", "label"), delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([header, *rows])
    return str(path)


def write_vectors(path, words, D=4):
    rng = np.random.default_rng(0)
    lines = [" ".join([word, *(f"{value:.4f}" for value in rng.normal(size=D))]) for word in words]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def sentences_of(data, name):
    """The words and labels of a split, as data/ has them."""
    x, s, y, _ = data.splits[name]
    words = [data.vocabulary[i] for i in x]
    ends = np.cumsum(s)
    texts = [" ".join(words[end - size : end]) for end, size in zip(ends, s, strict=True)]
    return list(zip(texts, y.tolist(), strict=True))
