"""The fixtures of this room."""

import pytest

from tests.text.helpers import write_vectors


@pytest.fixture
def vectors(tmp_path):
    """A small file of vectors; it knows neither the films' names nor "told"."""
    words = "i the what a , that is n't at all like very much fine with wit dull left half way good ( ) any"
    return write_vectors(tmp_path / "small.txt", words.split())


@pytest.fixture
def file(tmp_path):
    """Write bytes into a file of vectors; returns its path."""

    def write(content):
        path = tmp_path / "vectors.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
