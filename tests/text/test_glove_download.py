"""Getting the GloVe 2024 vectors, from a server on this machine that does what servers do to downloads."""

import errno
import io
import re
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts import preprocessing
from scripts.files import progress
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.text import glove_download
from scripts.text.glove_download import ARCHIVE, fetch_glove

WORDS = ["a", "film", "good", "dull", "of", "the"]
VECTORS = "".join(f"{word} {place} .5 -1\n" for place, word in enumerate(WORDS)).encode() * 2000
OTHER_VECTORS = VECTORS.replace(b".5", b".7")


def pack(members, compression=zipfile.ZIP_DEFLATED):
    """A zip archive, as bytes, of files by their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)  # without the time of day
    return file.getvalue()


GOOD = pack({GLOVE_2024: VECTORS}, zipfile.ZIP_STORED)


class Server(ThreadingHTTPServer):
    """A web server on this machine that serves one file, as its attributes say.

    Attributes
    ----------
    content : bytes
    ranges : bool
        Whether parts can be asked for.
    breaks_after : int or None
        Bytes after which the connection ends.
    sized : bool
        Whether it says how many bytes come.
    answers : dict of str to (int, str)
        Paths that are answered with another status, and the location they lead to.
    asked : list of str or None
        The ranges that were asked for.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges = GOOD, True
        self.breaks_after, self.sized, self.answers, self.asked = None, True, {}, []
        self.url = f"http://127.0.0.1:{self.server_port}/{ARCHIVE}"

    def handle_error(self, request, client_address):
        """Nothing: clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers["Range"])
        if self.path in server.answers:
            status, location = server.answers[self.path]
            self.answer(status, {"Location": location, "Content-Length": 0})
            return
        start, total = 0, len(server.content)
        if server.ranges and self.headers["Range"]:
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
        if start and start >= total:
            self.answer(416, {"Content-Range": f"bytes */{total}", "Content-Length": 0})
            return
        headers = {"Content-Length": total - start} if server.sized else {}
        if start:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self.answer(206 if start else 200, headers)
        self.wfile.write(server.content[start : server.breaks_after])

    def answer(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def server(study_root, monkeypatch):
    """A running server, and an empty project."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def files_here():
    """Names of the files in assets/embeddings/, but for the lock."""
    folder = assets_path("embeddings", "")
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") if folder.exists() else []


def write_part(content):
    """Leave an archive, or a part of one, as a download does that was killed."""
    part = assets_path("embeddings", f"{ARCHIVE}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)


def is_refused(server, complaint):
    """Assert that a download ends with that complaint, in one line."""
    with pytest.raises(UserError, match=complaint) as raised:
        fetch_glove(server.url)
    assert "\n" not in str(raised.value)


def arrives(server, content=VECTORS):
    """Assert that a download ends with these vectors, and nothing else."""
    path = fetch_glove(server.url)
    assert path == assets_path("embeddings", GLOVE_2024)
    assert path.read_bytes() == content
    assert files_here() == [GLOVE_2024]


def break_off(server, after=30_000):
    """Begin a download that breaks off after that many bytes."""
    server.breaks_after = after
    is_refused(server, rf"ended after {after:,} of {len(server.content):,} bytes.*run the same command again")
    assert files_here() == [f"{ARCHIVE}.part"]
    server.breaks_after, server.asked = None, []


# What should happen ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_vectors_are_downloaded_unpacked_and_alone(server, compression, capfd, monkeypatch):
    monkeypatch.setattr(progress, "bars_shown", lambda progress=True: True)
    server.content = pack({"README": b"other", GLOVE_2024: VECTORS}, compression)
    arrives(server)
    assert "download: " in (said := capfd.readouterr().err)
    assert "unpack: " in said


def test_what_is_there_is_not_downloaded_again(server, capsys):
    arrives(server)
    server.asked = []
    arrives(server)
    assert server.asked == []
    assert "is there already" in capsys.readouterr().out


def test_preprocessing_goes_on_with_it(server, monkeypatch, tmp_path):
    rows = [
        f"{text},{k % 2}\n" for k, text in enumerate(f"the {a} film of {b}" for a in WORDS for b in WORDS)
    ]
    (tmp_path / "films.csv").write_text("text,label\n" + "".join(rows))
    monkeypatch.setattr(glove_download.fetch_glove, "__defaults__", (server.url,))
    preprocessing.main(["--download-glove", "--dataset", str(tmp_path / "films.csv")])
    used = load_data().manifest["embeddings"]
    assert (used["name"], used["dimensions"], used["intended"]) == (GLOVE_2024, 3, None)


@pytest.mark.parametrize("options", [{"embeddings": "custom"}, {"dimensions": 50}])
def test_other_vectors_and_these_are_not_asked_for_at_once(server, options):
    (option, value), *_ = options.items()
    with pytest.raises(UserError, match=f"--{option} {value} has no meaning for --download-glove"):
        preprocessing.preprocess("films.csv", download_glove=True, **options)
    assert files_here() == []


# Connections that break -----------------------------------------------------------------------------------


def test_a_download_that_broke_off_is_continued(server):
    break_off(server, 30_000)
    break_off(server, 50_000)  # of the whole file
    arrives(server)
    assert server.asked == ["bytes=50000-"]


def test_a_server_that_knows_no_parts_sends_all_again(server):
    break_off(server)
    server.ranges = False
    break_off(server, 20_000)
    assert assets_path("embeddings", f"{ARCHIVE}.part").stat().st_size == 20_000
    arrives(server)


def test_halves_of_two_files_are_refused(server):
    break_off(server)
    server.content = pack({GLOVE_2024: OTHER_VECTORS}, zipfile.ZIP_STORED)
    is_refused(server, "Bad CRC-32")
    assert files_here() == []
    arrives(server, OTHER_VECTORS)


def test_a_part_longer_than_the_file_is_dropped(server):
    write_part(b"?" * (len(GOOD) + 1))
    is_refused(server, "not a zip file.*was deleted")
    assert server.asked == [f"bytes={len(GOOD) + 1}-"]
    arrives(server)


def test_a_program_killed_before_it_had_unpacked_downloads_nothing_again(server):
    write_part(GOOD)
    arrives(server)
    assert server.asked == []


def test_what_the_disk_refuses_to_read_is_kept(server, monkeypatch):
    write_part(GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(glove_download, "_unpack", raise_from_the_disk)
        is_refused(server, r"zip\.part could not be read \(Input/output error\): run the same command again")
    assert files_here() == [f"{ARCHIVE}.part"]
    arrives(server)


def raise_from_the_disk(*_):
    raise OSError(errno.EIO, "Input/output error")


def test_a_file_without_a_size_is_taken_as_it_comes(server):
    server.sized = False
    arrives(server)


# Servers that give nothing --------------------------------------------------------------------------------


def test_a_server_that_refuses(server):
    break_off(server)
    server.answers[f"/{ARCHIVE}"] = 404, ""
    is_refused(
        server, r"could not be downloaded \(HTTP Error 404: Not Found\): .*https://nlp\.stanford\.edu/"
    )
    assert files_here() == [f"{ARCHIVE}.part"]


def test_a_server_that_is_not_there(study_root, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        pass
    is_refused(server, r"could not be downloaded \(.*refused.*\): run the same command again")


def test_a_server_that_falls_silent(server, monkeypatch):
    monkeypatch.setattr(glove_download, "PATIENCE", 0.1)
    monkeypatch.setattr(Handler, "do_GET", lambda _: threading.Event().wait(0.5))
    is_refused(server, r"could not be downloaded \(timed out\)")


def test_another_place_is_followed(server):
    server.answers[f"/{ARCHIVE}"] = 302, "/elsewhere.zip"
    break_off(server)
    arrives(server)
    assert server.asked == ["bytes=30000-"] * 2


@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("file:///etc/hostname", "not allowed"),
        ("ftp://127.0.0.1:9/a.zip", "refused"),
        ("data:,a", "not allowed"),
        (f"/{ARCHIVE}", "infinite loop"),
        ("http://a..b/", ""),
    ],
)
def test_a_place_that_is_no_web_page_is_not_followed(server, location, complaint):
    server.answers[f"/{ARCHIVE}"] = 302, location
    is_refused(server, rf"could not be downloaded \(.*{complaint}")
    assert files_here() == []


# Archives that can't be trusted ---------------------------------------------------------------------------


def lie_about_size(archive, size):
    """The archive with another unpacked size in both of its headers."""
    true = len(VECTORS).to_bytes(4, "little")
    return archive.replace(true, size.to_bytes(4, "little"))


def encrypt(archive):
    """The archive with the mark of an encrypted file in both of its headers."""
    archive = bytearray(archive)
    archive[6] |= 1
    archive[archive.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (GOOD.replace(b"film 1 .5", b"film 1 .6", 1), "Bad CRC-32"),
        (GOOD[:-1000], "not a zip file"),
        (GOOD[:50_000] + GOOD[-1000:], "Invalid argument|zip file|header|offset"),
        (b"<html>Please log in</html>", "not a zip file"),
        (b"", "not a zip file"),
        (pack({f"folder/{GLOVE_2024}": VECTORS}), "no item named"),
        (encrypt(GOOD), "is encrypted"),
        (lie_about_size(pack({GLOVE_2024: VECTORS}), 10), "Bad CRC-32"),
    ],
    ids=range(8),  # else a name would hold the whole archive
)
def test_a_damaged_archive_is_refused_and_deleted(server, content, complaint):
    server.content = content
    is_refused(server, rf"({complaint}).*was deleted: run the same command again, or get {ARCHIVE}")
    assert files_here() == []
    server.content = GOOD
    arrives(server)


def test_nothing_is_written_elsewhere(server, study_root):
    escaping = {f"../{GLOVE_2024}": b"a 1\n", "../../README.md": b"b", "/etc/c": b"c", "..\\d": b"d"}
    server.content = pack(escaping)
    is_refused(server, "no item named")
    server.content = pack(escaping | {GLOVE_2024: VECTORS})
    arrives(server)
    files = {path.relative_to(study_root).as_posix() for path in study_root.rglob("*") if path.is_file()}
    assert files == {f"assets/embeddings/{GLOVE_2024}", f"assets/embeddings/.{GLOVE_2024}.lock"}


def test_only_the_wanted_member_is_opened(server, monkeypatch):
    archive = pack({"../other": b"other", GLOVE_2024: VECTORS, "another": b"another"})
    opened, open_member = [], zipfile.ZipFile.open

    def open_and_tell(self, member):
        opened.append(member.filename)
        return open_member(self, member)

    monkeypatch.setattr(zipfile.ZipFile, "open", open_and_tell)
    write_part(archive)
    server.content = archive
    arrives(server)
    assert opened == [GLOVE_2024]


def test_a_link_in_the_place_of_the_archive_is_not_written_through(server, tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"mine")
    assets_path("embeddings", "").mkdir(parents=True)
    assets_path("embeddings", f"{ARCHIVE}.part").symlink_to(tmp_path / "mine.txt")
    is_refused(server, "is a link that leads out of its folder")
    assert (tmp_path / "mine.txt").read_bytes() == b"mine"


SMALL = pack({GLOVE_2024: VECTORS[:300]})


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255), st.integers(0, len(SMALL)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_found_or_does_no_harm(server, place, flipped, kept):
    """One byte is changed, or the end is cut off: the file there afterwards is correct or none."""
    changed = bytearray(SMALL)
    changed[place] ^= flipped
    path = assets_path("embeddings", GLOVE_2024)
    for content in (changed, SMALL[:kept]):
        path.unlink(missing_ok=True)
        server.content = bytes(content)
        try:
            fetch_glove(server.url)
        except UserError:
            assert files_here() == []
        else:
            assert path.read_bytes() == VECTORS[:300]


# The rest of the machine ----------------------------------------------------------------------------------


def test_two_do_not_download_at_once(server):
    code = (
        "import sys; from pathlib import Path; from scripts.files.storage import only_writer\n"
        "with only_writer('x', [Path(sys.argv[1])]): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(assets_path("embeddings", GLOVE_2024))]
    root = Path(glove_download.__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as other:
        other.stdout.readline()
        is_refused(server, f"is being written by process {other.pid} on .*: wait until it has ended")
        assert server.asked == []
        other.stdin.close()
    arrives(server)


@pytest.mark.parametrize("during", ["download", "unpack"])
def test_a_full_disk_loses_nothing(server, monkeypatch, during):
    def write_half(source, target, name, *sizes):
        if name == during:
            target.write(source.read(glove_download.BLOCK))
            raise OSError(28, "No space left on device")
        copy(source, target, name, *sizes)

    copy = glove_download._copy
    monkeypatch.setattr(glove_download, "_copy", write_half)
    is_refused(server, r"could not be (downloaded|written) \(.*No space left on device\)")
    assert files_here() == [f"{ARCHIVE}.part"]
    monkeypatch.setattr(glove_download, "_copy", copy)
    server.asked = []
    arrives(server)
    assert server.asked == ([f"bytes={glove_download.BLOCK}-"] if during == "download" else [])


def test_the_vectors_are_those_of_the_archive(server):
    from scripts.text.glove import read_glove

    vectors = read_glove(fetch_glove(server.url), WORDS)
    np.testing.assert_array_equal(vectors.values, [[k, 0.5, -1] for k in range(len(WORDS))])
