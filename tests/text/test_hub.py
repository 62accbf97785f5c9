"""Datasets of the Hugging Face Hub, and what happens where it can't be reached."""

import errno
import os
import socket
import time

import pytest

from scripts.files.errors import UserError
from scripts.text import hub
from scripts.text.corpus import read_corpus
from scripts.text.tables import Options
from tests.text.file_helpers import advice, write_tables


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """A machine that can't reach the Hub and has nothing in its cache."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_a_named_dataset_is_never_replaced(no_hub):
    began = time.monotonic()
    with pytest.raises(UserError, match="Hugging Face Hub can't be reached"):
        read_corpus("someone/something")
    assert time.monotonic() - began < 10


def test_a_hub_that_never_answers_costs_little(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(hub, "PROBE_SECONDS", 0.2)
        began = time.monotonic()
        assert not hub.hub_reachable("someone/something")
        assert time.monotonic() - began < 3


def test_an_offline_setting_is_honoured_without_asking(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub.urllib.request, "urlopen", lambda *_, **__: pytest.fail("it asked"))
    assert not hub.hub_reachable("someone/something")


def test_the_library_is_left_as_it_was(no_hub, monkeypatch):
    import datasets
    from huggingface_hub import constants

    for module in (datasets.config, constants):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    with pytest.raises(UserError):
        hub.load_from_hub("someone/something")
    assert not datasets.config.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        ("nowhere.csv", r"no dataset at 'nowhere\.csv'"),
        ("./nowhere", r"no dataset at '\./nowhere'"),
        ("/no/where", "no dataset at '/no/where'"),
        ("", "no dataset at ''"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_without_asking_the_hub(monkeypatch, dataset, complaint):
    monkeypatch.setattr(hub, "hub_reachable", lambda _: pytest.fail("it asked"))
    with pytest.raises(UserError, match=complaint):
        read_corpus(dataset)


def test_what_can_be_no_path_is_refused_too(monkeypatch):
    monkeypatch.setattr(hub, "hub_reachable", lambda _: pytest.fail("it asked"))
    with pytest.raises(UserError, match=r"no dataset at '(films/){999}x'"):
        read_corpus("films/" * 999 + "x")
    with pytest.raises(UserError, match=r"no dataset at 'films"):
        read_corpus("films\0")


@pytest.mark.parametrize("online", [True, False])
def test_a_cache_that_can_not_be_written(monkeypatch, online):
    import datasets

    def load_dataset(*_, **__):
        try:
            raise PermissionError(errno.EROFS, "Read-only file system", "/home/cache/lock")
        except OSError as error:
            raise RuntimeError("the dataset could not be generated") from error

    monkeypatch.setattr(hub, "hub_reachable", lambda _: online)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(hub.HubError, match=r"/home/cache/lock can't be .*\(Read-only file system\).*HF_HOME"):
        hub.load_from_hub("someone/something")


@pytest.fixture
def hub_of(monkeypatch):
    """A Hub that answers with the splits of the configuration asked for, and refuses as the library does."""
    from datasets import Dataset

    def offer(configurations, error=None):
        def load_dataset(dataset, configuration=None):
            if configuration not in configurations:
                raise ValueError(error.format(list(configurations)))
            names = configurations[configuration]
            texts = {name: {"text": [f"{name} film", f"a {name}"], "label": [0, 1]} for name in names}
            return {name: Dataset.from_dict(rows) for name, rows in texts.items()}

        monkeypatch.setattr(hub, "hub_reachable", lambda _: True)
        monkeypatch.setattr("datasets.load_dataset", load_dataset)

    return offer


@pytest.mark.parametrize(
    ("splits", "used"),
    [
        (["train", "validation", "test"], ["train", "validation", "test"]),
        (["Train", "dev", "eval"], ["train", "validation", "test"]),
        (["training", "heldout"], ["train", "test"]),
        (["train", "test", "unsupervised"], ["train", "test"]),
    ],
)
def test_splits_of_the_hub_in_every_usual_name(hub_of, splits, used):
    hub_of({None: splits})
    found = read_corpus("someone/films")[0]
    assert list(found.rows) == used
    for published, split in zip(splits, used, strict=False):
        words = [found.words[i] for i in found.rows[split].x]
        assert [word.lower() for word in words] == f"{published} film a {published}".lower().split()


def test_a_split_of_the_hub_that_is_named(hub_of):
    hub_of({None: ["train", "test", "extra"]})
    found = read_corpus("someone/films", Options(split=["train=extra", "test=test"]))[0]
    assert [found.words[i] for i in found.rows["train"].x] == ["extra", "film", "a", "extra"]
    with pytest.raises(
        UserError, match="--split train=more is none of the remaining files: give one of 'train', 'test'"
    ):
        read_corpus("someone/films", Options(split=["train=more"]))
    for option in ({"encoding": "cp1252"}, {"separator": ";"}, {"no_header": True}):
        with pytest.raises(UserError, match="has no meaning for a dataset of the Hub: leave it out"):
            read_corpus("someone/films", Options(**option))


@pytest.mark.parametrize(
    "error",
    [
        "Config name is missing.\nPlease pick one among the available configs: {}\nExample of usage:\n\t`…`",
        "BuilderConfig 'x' not found. Available: {}",
        "Couldn't find cache for someone/films for config 'default'\nAvailable configs in the cache: {}",
    ],
)
def test_configurations_of_the_hub_are_listed_and_chosen(hub_of, error):
    hub_of({"de": ["train"], "en-US": ["train", "test"]}, error)
    with pytest.raises(
        UserError, match="has the configurations de, en-US: choose one with --config de"
    ) as caught:
        read_corpus("someone/films")
    assert not isinstance(caught.value, hub.HubError)  # no replacement for it
    assert list(read_corpus("someone/films", Options(**advice(caught.value, "--config")))[0].rows) == [
        "train"
    ]
    assert list(read_corpus("someone/films:en-US")[0].rows) == ["train", "test"]
    with pytest.raises(UserError, match="has the configurations de, en-US"):
        read_corpus("someone/films:fr")


def test_the_library_still_lists_configurations_as_expected(tmp_path, monkeypatch):
    """Its own error, on a folder that it takes for one of the Hub."""
    for name in ("de", "en"):
        write_tables(tmp_path / "films" / name, ["train.csv"])
    files = "".join(f"- {{config_name: {name}, data_files: {name}/*}}\n" for name in ("de", "en"))
    (tmp_path / "films" / "README.md").write_text(f"---\nconfigs:\n{files}---\n")
    monkeypatch.setattr(hub, "hub_reachable", lambda _: True)
    for configuration in (None, "fr"):
        with pytest.raises(UserError, match="has the configurations de, en: choose one with --config de"):
            hub.load_from_hub(str(tmp_path / "films"), configuration)
