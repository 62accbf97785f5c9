"""A lack of memory, in whatever form it comes, is one line that says so; nothing else is taken for one."""

import errno
import subprocess
import sys

import pytest

from scripts.files import paths
from scripts.files.errors import UserError, lacks_memory, memory_in_one_line
from scripts.text.local_files import in_one_line

PROJECT = paths.ROOT


def chained(error, cause, by="__cause__"):
    """An error that came from another."""
    setattr(error, by, cause)
    return error


LACKING = [
    MemoryError(),
    MemoryError("Unable to allocate 1 TiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libarrow.so: failed to map segment from shared object: Cannot allocate memory"),
    RuntimeError("can't start new thread"),
    ValueError("Error tokenizing data. C error: out of memory"),
    chained(RuntimeError("An error occurred while generating the dataset"), MemoryError()),
    chained(KeyError("a"), chained(ValueError("b"), MemoryError()), "__context__"),
]
OTHERS = [
    ValueError("a row has 3 fields"),
    OSError(errno.ENOSPC, "No space left on device"),
    KeyError("memory"),
]


@pytest.mark.parametrize("error", LACKING, ids=repr)
def test_a_lack_of_memory_is_recognised(error):
    assert lacks_memory(error)
    expected = r"^it needs more memory than there is.*: give less$"
    with pytest.raises(UserError, match=expected) as raised, memory_in_one_line("it", "give less"):
        raise error
    assert "()" not in str(raised.value)


@pytest.mark.parametrize("error", LACKING, ids=repr)
def test_a_lack_of_memory_is_no_fault_of_the_dataset(error):
    with pytest.raises(MemoryError), in_one_line("films.csv"):
        raise error


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_stay_what_they_are(error):
    assert not lacks_memory(error)
    with pytest.raises(type(error)) as raised, memory_in_one_line("it", "give less"):
        raise error
    assert raised.value is error


def test_a_message_with_its_own_remedy_stays(tmp_path):
    own = chained(UserError("give a smaller batch"), MemoryError())
    with pytest.raises(UserError, match=r"^give a smaller batch$"), memory_in_one_line("it", "give less"):
        raise own


@pytest.mark.parametrize("error", ["MemoryError()", "OSError(12, 'Cannot allocate memory')"])
def test_a_script_ends_with_one_line(error):
    code = f"from scripts.files.errors import errors_in_one_line as hook; hook(); raise {error}"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: more memory is needed than there is: give less, or free some\n"


@pytest.mark.parametrize(
    "error",
    ["KeyboardInterrupt", "ImportError('initialization failed') from KeyboardInterrupt()"],  # as of NumPy's
)
def test_ctrl_c_is_one_line_wherever_it_comes(error):
    code = f"from scripts.files.errors import errors_in_one_line as hook; hook(); raise {error}"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr == "interrupted: what is finished is kept, and the same command continues\n"


DROPPED = """
import time, weakref
class Lock: pass
def callback(_): raise KeyboardInterrupt  # as within an import: Python drops it
lock = Lock(); reference = weakref.ref(lock, callback); del lock
time.sleep(1000)
"""
TORN_DOWN = """
class Thread:
    def __del__(self): print("torn down")
thread = Thread()
raise KeyboardInterrupt
"""


@pytest.mark.parametrize("happened", [DROPPED, TORN_DOWN], ids=["dropped", "torn down"])
def test_an_interruption_ends_the_process_at_once(happened):
    code = f"from scripts.files.errors import errors_in_one_line; errors_in_one_line()\n{happened}"
    given = {"cwd": PROJECT, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([sys.executable, "-c", code], **given)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr == "interrupted: what is finished is kept, and the same command continues\n"
