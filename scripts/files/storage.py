"""Write files whole or not at all, by one process at a time, and read files safely; for every other room.

A file is written under a temporary name, flushed to disk, then renamed. A file that is read may come from a
stranger: nothing is unpickled, sizes are checked before memory is taken, and every fault is a UserError.
"""

import contextlib
import errno
import glob
import hashlib
import json
import math
import os
import re
import secrets
import socket
import struct
import textwrap
import tokenize
import zipfile
import zlib

import numpy as np
from filelock import FileLock, Timeout

from scripts.files.errors import UserError

NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}  # a file system without locks, such as some NFS
# the exceptions of NumPy, zipfile and json when they read nonsense
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, RuntimeError)
DAMAGE += (SyntaxError, tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def written_whole(path):
    """Open a binary file that replaces the one at `path` only if the block ends without an error."""
    temporary = path.with_name(f".{path.name[:120]}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            yield file
            flush_to_disk(file)
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unwritable(path, error):
    return UserError(f"{path} could not be written ({error.strerror or error}): free the disk or the folder")


def flush_to_disk(file):
    """Wait until an open file is on the disk; OSError if the disk is full."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder):
    """Make a rename in `folder` survive a power cut, if the system can open a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_bytes(path, content):
    """Write bytes, whole."""
    with written_whole(path) as file:
        file.write(content)


def write_text(path, text):
    """Write `text` as UTF-8, whole."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path, value):
    """Write `value` as indented JSON, whole; a list of numbers or words takes one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    plain_list = re.compile(r"\[\n\s+([^][{}]*?)\n\s+\]")  # within a text, a line break is \\n
    text = plain_list.sub(lambda found: "[" + re.sub(r"\n\s+", " ", found[1]) + "]", text)
    write_text(path, text + "\n")


@contextlib.contextmanager
def only_writer(what, paths):
    """Let no other process or thread write some files, called `what` in messages, while the block runs.

    The lock is the operating system's, so it ends with the process. It is on a hidden file next to the first
    path, which names the last holder. Files that a killed process left half written are removed.
    """
    path = paths[0].with_name(f".{paths[0].name}.lock")
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()  # follows no link
    except Timeout as error:
        holder = "another process"
        with contextlib.suppress(OSError):  # Windows does not let others read a locked file
            holder = path.read_bytes()[:200].decode("utf-8", "replace").strip() or holder
        raise UserError(f"{what} is being written by {holder}: wait until it has ended") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise _unwritable(path, error) from error
        print(f"note: no locks here ({error}), so write {what} from one process only")
    try:
        with contextlib.suppress(OSError):  # a full disk
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        for written in paths:
            for half in written.parent.glob(f".{glob.escape(written.name)}.{'[0-9a-f]' * 8}.part"):
                with contextlib.suppress(OSError):
                    half.unlink()
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def readable(path):
    """Turn an OSError within a block that reads `path` into a UserError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        advice = "give this user the right to read it, or give another"
        raise UserError(f"{path} could not be read ({reason}): {advice}") from error


@contextlib.contextmanager
def undamaged(path, what, remedy):
    """Turn a fault in the file that a block reads into the UserError "`path` is `what` (…): `remedy`"."""
    check_place(path)
    try:
        with readable(path):
            yield
    except UserError:
        raise
    except DAMAGE as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise UserError(f"{path} is {what} ({textwrap.shorten(reason, 160)}): {remedy}") from error


def check_place(path):
    """Raise UserError if a file is a link that leads out of its folder, or something other than a file."""
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        raise UserError(f"{path} is a link that leads out of its folder: put the file itself there")
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file: move it away")


def is_absent(path):
    """Return whether nothing exists at a path; raise UserError as :func:`check_place` does."""
    check_place(path)
    return not path.exists()


def read_bytes(path):
    """Read all of a file."""
    check_place(path)
    with readable(path):
        return path.read_bytes()


def checksum(path):
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with readable(path), open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json(path):
    """Read the value in a JSON file; UserError if it is damaged."""
    with undamaged(path, "no JSON", "delete it and make it again"):
        return parse_json(path.read_bytes())


def parse_json(text):
    """Parse a JSON text; ValueError for NaN and infinity, too, which Python's own parser accepts."""
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def require(sound, otherwise):
    """Raise ValueError, one of DAMAGE, with the text `otherwise` unless what was read is `sound`."""
    if not sound:
        raise ValueError(otherwise)


def read_arrays(path):
    """Read all arrays of an .npz file into a dict; raise one of DAMAGE unless numpy.savez wrote it."""
    form = np.lib.format
    read_header = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        claimed = sum(member.file_size for member in members)
        require(claimed <= path.stat().st_size, "its members claim more bytes than the file has")
        for member in members:
            name, is_plain = member.filename, member.compress_type == zipfile.ZIP_STORED
            require(is_plain and not member.flag_bits & 1, f"{name!r} is compressed or encrypted")
            with archive.open(member) as file:
                shape, _, dtype = read_header[form.read_magic(file)](file)
                size = file.tell() + math.prod(shape) * dtype.itemsize
            fits = size == member.file_size and not dtype.hasobject
            require(fits, f"{name!r} claims shape {shape} of {dtype}, and holds another")
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
