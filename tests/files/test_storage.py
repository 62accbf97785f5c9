"""Nothing lost, nothing let in: kills, two writers, full disks, read-only folders, files from strangers."""

import contextlib
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scripts import preprocessing
from scripts.files import paths, storage
from scripts.files.data import load_data, pack_data, save_data, writing_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path, log_path, weights_path
from scripts.files.runs import load_run, read_log, write_log, writing_run
from scripts.files.storage import checksum, read_json, write_json
from scripts.training import experiment
from tests import torture
from tests.fuzz import fuzz
from tests.helpers import write_data

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"hidden_size": 4, "batch_size": 16}


def run(run_id="a-run", **settings):
    return experiment.run("rnn", run_id, progress=False, **(SMALL | {"epochs": 1} | settings))


IMPORTS = """from scripts.files import paths
from scripts.files.data import load_data, load_manifest, writing_data
from scripts.files.errors import errors_in_one_line
from scripts.files.runs import load_run, writing_run
from scripts.training import experiment"""


def content(folder):
    """Every file of a folder that is not hidden, as bytes."""
    return {path: path.read_bytes() for path in Path(folder).rglob("[!.]*") if path.is_file()}


def python(code, root, **options):
    """Run some lines in a process of their own, on the study in `root`."""
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n{IMPORTS}\n" + (
        f"with paths.rooted({str(root)!r}):\n" + textwrap.indent(code, "    ")
    )
    return subprocess.Popen([sys.executable, "-c", code], text=True, **options)


# Kills ----------------------------------------------------------------------------------------------------


def test_killed_trainings_lose_nothing_and_end_with_the_same_bytes(tmp_path):
    counts = torture.kill_trainings(4, tmp_path)
    assert counts["kills"] == 4
    assert counts["files lost"] == counts["runs that differ"] == 0


def test_killed_preprocessings_leave_data_whole_or_refused(tmp_path):
    counts = torture.kill_preprocessings(2, tmp_path)
    assert counts["kills"] == 2
    assert counts["data whole"] + counts["data refused"] == 4, "data/ and data/second/, after each kill"


def test_what_a_killed_process_left_is_removed_by_the_next(data, study_root):
    run()
    for path in (weights_path("a-run"), log_path("a-run")):
        path.with_name(f".{path.name}.abcd1234.part").write_bytes(b"half")
        path.with_name(f".{path.name}.npz.abcd1234.part").write_bytes(b"of the run a-run.npz")
    run(epochs=2)
    assert len(list(study_root.rglob(".*.part"))) == 2


# Two writers ----------------------------------------------------------------------------------------------


@pytest.fixture
def holder(study_root):
    """Start a process that holds a lock, named by the code that takes it, until it is killed."""
    started = []

    def hold(lock, then="pass"):
        process = python(
            f"with {lock}:\n    {then}\n    print('held', flush=True)\n    sys.stdin.read()",
            study_root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_second_training_stops_at_once_and_names_the_first(data, holder):
    before = content(paths.ROOT)
    process = holder("writing_run('a-run')")
    with pytest.raises(UserError, match=f"'a-run' is being written by process {process.pid} on "):
        run()
    assert content(paths.ROOT) == before
    run("another-run")
    process.kill()
    process.wait()
    run()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked on this system")
def test_lock_ends_with_its_process_though_a_child_lives_on(data, holder):
    child = "import os; os.fork() or (sys.stdin.read(), os._exit(0))"
    process = holder("writing_run('a-run')", child)
    with pytest.raises(UserError, match=f"process {process.pid} "):
        run()
    process.kill()
    process.wait()
    run()


def test_second_preprocessing_stops_at_once_and_names_the_first(data, holder, tmp_path):
    before = content(paths.ROOT)
    process = holder("writing_data()")
    with pytest.raises(UserError, match=f"data/ is being written by process {process.pid} on "):
        preprocessing.preprocess("probe", "custom")
    assert content(paths.ROOT) == before
    process.kill()
    process.wait()
    with writing_data():
        pass


def test_link_in_place_of_a_lock_is_not_followed(data, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    lock = weights_path("a-run").with_name(".a-run.npz.lock")
    lock.parent.mkdir(parents=True)
    lock.symlink_to(victim)
    with pytest.raises(UserError, match="could not be written"):
        run()
    assert victim.read_text() == "kept"


def test_second_thread_that_trains_the_same_run_is_refused(data):
    before, errors = content(paths.ROOT), []

    def train():
        try:
            run()
        except UserError as error:
            errors.append(str(error))

    with writing_run("a-run"):
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
        assert content(paths.ROOT) == before
    (error,) = errors
    assert f"'a-run' is being written by process {os.getpid()} on " in error
    run()


def test_file_system_without_locks_is_noted(data, monkeypatch, capsys):
    def none(lock):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(storage.FileLock, "acquire", none)
    run()
    assert "no locks" in capsys.readouterr().out
    load_run("a-run")


# Full disks, read-only folders, no home, no screen --------------------------------------------------------


@contextlib.contextmanager
def largest_file(size):
    """A block in which no file can grow beyond `size` bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def as_nobody():
    """A block in which this process may do no more than any user, if it may do all."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# zipfile of Python 3.10 tries once more to close an archive whose disk is full
@pytest.mark.filterwarnings("ignore:.*ZipFile.__del__:pytest.PytestUnraisableExceptionWarning")
def test_full_disk_ends_a_training_in_one_line_and_loses_nothing(data):
    run("straight", epochs=3)
    run(epochs=2)
    before = content(paths.ROOT)
    with (
        pytest.raises(UserError, match=r"a-run\.npz could not be written .*free the disk"),
        largest_file(4000),
    ):
        run(epochs=3)
    assert content(paths.ROOT) == before
    assert not list(paths.ROOT.rglob(".*.part"))
    run(epochs=3)
    resumed, straight = (load_run(run_id).resume["theta"] for run_id in ("a-run", "straight"))
    np.testing.assert_array_equal(resumed, straight)


@pytest.mark.parametrize("size", [100, 1000, 3000])
def test_full_disk_ends_a_preprocessing_in_one_line_and_loses_nothing(data, size):
    before = content(paths.ROOT)
    with pytest.raises(UserError, match="could not be written"), largest_file(size):
        write_data(sizes=(400, 100, 100), seed=1)
    assert content(paths.ROOT) == before
    load_data()


def test_read_only_folders_are_one_line_and_can_be_read(monkeypatch):
    folder = Path(tempfile.mkdtemp())
    try:
        monkeypatch.setattr(paths, "ROOT", folder)
        data = write_data()
        run()
        before = content(folder)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        with as_nobody():
            for write in (
                lambda: run(epochs=2),
                lambda: run("b-run"),
                lambda: save_data(data),
                lambda: preprocessing.preprocess("probe", "custom"),
            ):
                with pytest.raises(UserError, match=r"could not be written \(Permission denied"):
                    write()
            assert content(folder) == before
            load_data(), load_run("a-run"), read_log("a-run")
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(folder)


WHOLE_STUDY = f"""
errors_in_one_line()
experiment.run("rnn", "rnn-run-1", epochs=1, **{SMALL})
experiment.run("lstm", "lstm-run-3", epochs=1, **{SMALL})
from scripts.plots import plot_run
print("∂z", plot_run("rnn-run-1"))
"""


def test_no_home_and_no_screen(data, study_root):
    """The terminal shows ASCII alone."""
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment |= {"HOME": "/dev/null/home", "PYTHONIOENCODING": "ascii", "OPENBLAS_NUM_THREADS": "1"}
    process = python(WHOLE_STUDY, study_root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert len(list((study_root / "assets" / "figures").iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="closes file descriptors as POSIX shells do")
@pytest.mark.parametrize("redirection", [">&- 2>&-", "> /dev/full"])
def test_output_that_is_closed_or_full(data, study_root, redirection):
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n{IMPORTS}\n"
        f"errors_in_one_line()\nwith paths.rooted({str(study_root)!r}):\n"
        f"    experiment.run('rnn', 'a-run', epochs=1, **{SMALL}); sys.stdout.flush()"
    )
    done = subprocess.run(
        f'"$PYTHON" -c "$CODE" {redirection}',
        shell=True,
        env=os.environ | {"PYTHON": sys.executable, "CODE": code},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    if "full" in redirection:
        assert "error: the system refused" in done.stderr
    else:
        assert done.returncode == 0
    assert weights_path("a-run").exists()


@pytest.mark.skipif(os.name == "nt", reason="a pipe breaks in another way there")
def test_output_whose_reader_goes_away_is_one_line(data, study_root):
    """For example `| head -1`."""
    process = python(
        "errors_in_one_line()\nprint('a')\nsys.stdin.read()\nprint('b')",
        study_root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read().startswith("output was closed: what is finished is kept")
    process.stderr.close()
    assert process.wait() == 1


# Files from strangers -------------------------------------------------------------------------------------


def test_damaged_files_of_every_kind_are_one_line(tmp_path):
    counts = fuzz(300, tmp_path)
    assert sum(counts.values()) >= 300
    refused = {kind for kind, outcome in counts if outcome == "refused"}
    assert refused >= {"weights", "log", "arrays", "embeddings"}


def with_member(path, name, content, compression=zipfile.ZIP_STORED):
    """Put `content` in place of a member of an .npz file."""
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()} | {name: content}
    with zipfile.ZipFile(path, "w") as archive:
        for member, whole in members.items():
            kind = compression if member == name else zipfile.ZIP_STORED
            archive.writestr(member, whole, kind)


def array_file(array, shape=None):
    """An .npy file, whose header claims another shape."""
    file = io.BytesIO()
    shape = array.shape if shape is None else shape
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


@pytest.mark.parametrize(
    ("content", "compression", "words"),
    [
        (array_file(np.zeros(4), (10**9, 1000)), zipfile.ZIP_STORED, "claims shape"),
        (array_file(np.zeros(4), (3,)), zipfile.ZIP_STORED, "claims shape"),
        (array_file(np.zeros(10**7)), zipfile.ZIP_DEFLATED, "more bytes than the file has"),
        (array_file(np.arange(1.0)), zipfile.ZIP_DEFLATED, "compressed"),
        (b"no array", zipfile.ZIP_STORED, "magic string"),
    ],
)
def test_sizes_are_checked_before_memory_is_taken(data, content, compression, words):
    run()
    with_member(weights_path("a-run"), "bias_out.npy", content, compression)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=words):
            load_run("a-run")
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


NO_HISTORIES = {
    "no JSON": lambda text: text[:-1],
    "lines": lambda text: text[1:-1].replace("}, {", "}\n{"),
    "no list": lambda text: "null",
    "a list of numbers": lambda text: "[1, 2]",
    "a number that is not finite": lambda text: text.replace("1", "NaN"),
    "an epoch missing": lambda text: json.dumps(json.loads(text)[:-1]),
}


@pytest.mark.parametrize("name", ["history", "timings"])
@pytest.mark.parametrize("damage", NO_HISTORIES)
def test_history_and_timings_that_a_log_could_not_be_made_of_are_refused(data, name, damage):
    run()
    path, log = weights_path("a-run"), log_path("a-run").read_bytes()
    with np.load(path) as arrays:
        text = arrays[name].item().decode()
    with_member(path, f"{name}.npy", array_file(np.array(NO_HISTORIES[damage](text))))
    for act in (lambda: load_run("a-run"), run, lambda: run(epochs=2)):
        with pytest.raises(UserError, match=r"a-run\.npz is damaged"):
            act()
    assert log_path("a-run").read_bytes() == log


@pytest.mark.parametrize("blank", [" ", "\n"])
def test_settings_with_blanks_in_them_give_a_log_that_can_be_read(data, blank):
    run()
    path = weights_path("a-run")
    with np.load(path) as arrays:
        text = str(arrays["settings"]).replace("{", blank + "{" + blank)
    with_member(path, "settings.npy", array_file(np.array(text)))
    write_log("a-run", load_run("a-run"))
    read_log("a-run")


@pytest.mark.parametrize("timing", ["[]", "{}", '{"seconds": 1}'])
def test_timings_that_are_none_are_refused(data, timing):
    run()
    with_member(weights_path("a-run"), "timings.npy", array_file(np.array(f"[{timing}, {timing}]")))
    with pytest.raises(UserError, match=r"a-run\.npz is damaged"):
        load_run("a-run")


def test_members_that_share_their_bytes_are_refused(data):
    """The archive's table of contents names one large member a thousand times."""
    run()
    path = weights_path("a-run")
    with zipfile.ZipFile(path, "a") as archive:
        (theta,) = (member for member in archive.infolist() if member.filename == "resume/theta.npy")
        archive.filelist += [theta] * 1000
        archive.writestr("a", b"")  # so that the table is written again
    with pytest.raises(UserError, match="more bytes than the file has"):
        load_run("a-run")


def test_array_of_data_that_claims_more_than_its_file_holds_is_refused(data):
    path = data_path("train-y.npy")
    path.write_bytes(array_file(np.zeros(4, np.uint8), (10**12,)))
    manifest = read_json(data_path("dataset.json"))
    manifest["files"][path.name] = checksum(path)
    write_json(data_path("dataset.json"), manifest)
    with pytest.raises(UserError, match=r"train-y\.npy is no array"):
        load_data()
    assert path.stat().st_size < 1000


def test_links_out_of_the_project_are_refused_and_those_within_are_not(data, tmp_path_factory):
    run()
    outside = tmp_path_factory.mktemp("outside") / "file"
    for path, read in (
        (weights_path("a-run"), lambda: load_run("a-run")),
        (log_path("a-run"), lambda: read_log("a-run")),
        (data_path("train-x.npy"), load_data),
        (data_path("dataset.json"), load_data),
    ):
        path.rename(outside)
        path.symlink_to(outside)
        with pytest.raises(UserError, match="link that leads out of its folder"):
            read()
        path.unlink()
        outside.rename(path.with_name(f"within-{path.name}"))
        path.symlink_to(f"within-{path.name}")
        read()


@pytest.mark.parametrize("name", ["../../outside", "/etc/hostname", "train-x.npy/../../outside"])
def test_data_is_made_of_its_own_files_only(data, name):
    """On its way to another machine, too."""
    manifest = read_json(data_path("dataset.json"))
    write_json(data_path("dataset.json"), manifest | {"files": manifest["files"] | {name: "x"}})
    for act in (load_data, pack_data):
        with pytest.raises(UserError, match=r"dataset\.json is damaged \(files are not those"):
            act()


def test_a_link_is_not_packed(data):
    data_path("train-y.npy").unlink()
    data_path("train-y.npy").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="link that leads out"):
        pack_data()


def test_what_takes_the_place_of_a_link_is_a_file(data, tmp_path):
    """Written is the link itself, not what it leads to."""
    victim = tmp_path / "victim"
    victim.write_text("kept")
    run()
    log = log_path("a-run")
    log.unlink()
    log.symlink_to(victim)
    run(epochs=2)
    assert victim.read_text() == "kept"
    assert not log.is_symlink()


def test_data_that_change_while_they_are_read_are_refused(data, monkeypatch):
    load, calls = np.load, []

    def slowly(path, **options):
        if len(calls) == 3:
            calls.append(path)
            write_data(seed=1)
        calls.append(path)
        return load(path, **options)

    monkeypatch.setattr(np, "load", slowly)
    with pytest.raises(UserError, match="changed while it was read"):
        load_data()


def test_every_message_is_one_line():
    assert str(UserError("a\nb\n  c")) == "a b c"


def test_no_message_moves_the_cursor():
    assert str(UserError("a \x1b[2J\0\u202e ∂z – b")) == "a \ufffd[2J\ufffd\ufffd ∂z – b"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_called_missing(data, kind):
    run()
    for path, read in (
        (weights_path("a-run"), lambda: load_run("a-run")),
        (log_path("a-run"), lambda: read_log("a-run")),
        (data_path("train-x.npy"), load_data),
        (data_path("dataset.json"), load_data),
    ):
        whole = path.read_bytes()
        path.unlink()
        path.mkdir() if kind == "folder" else os.mkfifo(path)
        with pytest.raises(UserError, match=f"{path.name} is no file"):
            read()
        path.rmdir() if kind == "folder" else path.unlink()
        path.write_bytes(whole)
        read()


def test_a_list_takes_one_line_and_texts_stay_as_they_are(tmp_path):
    path = tmp_path / "some.json"
    value = {
        "a": [1, 2.5, None],
        "b": [{"c": ["x,\n  y", "[ z ]"]}],
        "d": [],
        "e": "[\n  1,\n  2\n]",
        "f": [[1], [2]],
    }
    write_json(path, value)
    assert read_json(path) == value
    assert '"a": [1, 2.5, null],' in path.read_text(encoding="utf-8")
