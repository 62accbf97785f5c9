"""The GloVe 2024 vectors, fetched from Stanford's server: downloaded, checked and unpacked.

Beside the place of the archive in assets/embeddings/ stand, while it is downloaded, ``<archive>.part``: its
first bytes, which an interrupted download leaves for the next one to continue; and ``<archive>.version``:
which version of the file the server said they are of (HTTP's ETag, or the date of its last change). The
server continues that version only, and sends another from its beginning.
"""

import errno
import re
import textwrap
import urllib.request
import zipfile
from http.client import HTTPException
from urllib.error import HTTPError

from tqdm import tqdm

from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.storage import DAMAGE, check_place, only_writer, write_text, written_whole

ARCHIVE = "glove.2024.wikigiga.100d.zip"
URL = f"https://nlp.stanford.edu/data/wordvecs/{ARCHIVE}"
BY_HAND = f"get {ARCHIVE} from https://nlp.stanford.edu/projects/glove/ and unpack it into assets/embeddings/"
LARGEST = 4 << 30  # bytes that the archive, and the file in it, may have
BLOCK = 1 << 16  # bytes read at once
PATIENCE = 30  # seconds that the server may stay silent
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def fetch_glove(url=URL):
    """Download the GloVe 2024 vectors into assets/embeddings/, unless they are there.

    Parameters
    ----------
    url : str
        Of the archive.

    Returns
    -------
    pathlib.Path
        The file of vectors.

    Raises
    ------
    UserError
        The download failed or broke off; what has arrived stays, and the next call continues it. Or the
        archive is damaged or not the one expected; it is deleted, and the next call begins anew.
    """
    path, archive = assets_path("embeddings", GLOVE_2024), assets_path("embeddings", ARCHIVE)
    if path.is_file():
        print(f"{path} is there already: nothing is downloaded.")
        return path
    with only_writer(str(path), [path]):
        try:
            if not archive.exists():
                download(url, archive)
            unpack(archive, path)
        except UserError:
            raise
        except DAMAGE as error:
            remove(archive)
            reason = textwrap.shorten(str(error) or type(error).__name__, 200)
            raise UserError(
                f"what came from {url} is damaged or not the archive of GloVe 2024 ({reason}), so it was "
                f"deleted: run the same command again, or {BY_HAND}"
            ) from error
        except OSError as error:
            raise UserError(
                f"{error.filename or archive} could not be read or written ({error.strerror or error}): free "
                "the disk or the folder, and run the same command again"
            ) from error
        remove(archive)
    print(f"Downloaded {path}.")
    return path


def remove(archive):
    """Delete the archive, and what was downloaded of it."""
    for suffix in (".zip", ".zip.part", ".zip.version"):
        archive.with_suffix(suffix).unlink(missing_ok=True)


def check_size(size):
    """ValueError where so many bytes are too many."""
    if size > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")


def copy(blocks, file, name, start=0, size=None):
    """Write blocks to an open file, `LARGEST` bytes at most, with a progress bar from `start` to `size`."""
    with tqdm(desc=name, initial=start, total=size, unit="B", unit_scale=True, leave=False) as bar:
        for block in blocks:
            start += len(block)
            check_size(start)
            file.write(block)
            bar.update(len(block))


# The server -----------------------------------------------------------------------------------------------


def download(url, archive):
    """Download an archive, or what is missing of it; it takes its place when it is whole.

    Raises
    ------
    UserError
        The server gave no file, or broke off.
    ValueError
        The file is too large.
    OSError
        It can't be written.
    """
    part, version = archive.with_suffix(".zip.part"), archive.with_suffix(".zip.version")
    check_place(part)
    start = part.stat().st_size if part.exists() else 0
    known = version.read_text("latin-1") if start and version.exists() else ""
    response, start, size = open_download(url, start, known)
    with response, open(part, "ab" if start else "wb") as file:
        check_size(size or 0)
        if not start:
            write_text(version, find_version(response.headers))
        copy(read_blocks(response, start, size), file, "download", start, size)
    part.replace(archive)


def open_download(url, start, version):
    """Ask for a file from byte `start` on, where it is still that version; else from its beginning.

    Returns
    -------
    response : http.client.HTTPResponse
    start : int
        The byte that it begins with.
    size : int or None
        Of the whole file; None where the server doesn't say.
    """
    try:
        if start:
            response, size = ask_for_rest(url, start, version)
            if response:
                return response, start, size
            print("The server can't continue this download, or has another file now: it begins anew.")
        response = ask(url, {})
    except (OSError, HTTPException, ValueError) as error:  # ValueError: led on to an address that is none
        raise UserError(
            f"{url} could not be downloaded ({str(error).strip('<>')}): run the same command again later, or "
            f"{BY_HAND}"
        ) from error
    return response, 0, response.length


def ask_for_rest(url, start, version):
    """The response that continues a file from byte `start` on, and the whole file's size; else two Nones."""
    try:
        response = ask(url, {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {}))
    except HTTPError as error:
        if error.code == 416:  # the file has no such bytes
            return None, None
        raise
    part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if response.status == 206 and part and int(part[1]) == start:
        return response, int(part[2])
    response.close()
    return None, None


def ask(url, headers):
    """Open an address. Unlike `urlopen`, this knows HTTP and HTTPS alone, wherever a server leads it."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener.open(urllib.request.Request(url, headers=headers), timeout=PATIENCE)


def find_version(headers):
    """What tells a version of a file from others byte by byte: its ETag unless weak, or its date; or ""."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def read_blocks(response, start, size):
    """Iterate over the bytes of a response; UserError where it breaks off before the end of the file."""
    done, reason = start, "the connection ended"
    try:
        while block := response.read(BLOCK):
            done += len(block)
            yield block
        if done == (size or done):
            return
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
    whole = f" of {size:,}" if size else ""
    raise UserError(
        f"the download of {ARCHIVE} broke off after {done:,}{whole} bytes ({reason}): run the same command "
        "again, and it goes on from there"
    )


# The archive ----------------------------------------------------------------------------------------------


def unpack(archive, path):
    """Unpack the one file of that name from an archive, and look at no other.

    Raises
    ------
    UserError
        It can't be written.
    LookupError, ValueError, zipfile.BadZipFile, …
        One of `scripts.files.storage.DAMAGE`: the archive is damaged, or doesn't hold the file.
    """
    check_place(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            member = opened.getinfo(path.name)
            check_size(member.file_size)
            if member.compress_type not in COMPRESSIONS or member.flag_bits & 1:
                raise ValueError("packed in a way that is not expected, or encrypted")
            with opened.open(member) as file, written_whole(path) as unpacked:
                copy(iter(lambda: file.read(BLOCK), b""), unpacked, "unpack", size=member.file_size)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("it points to places before its beginning") from error
