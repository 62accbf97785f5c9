"""The GloVe 2024 vectors from Stanford's server: downloaded, checked and unpacked into assets/embeddings/.

`preprocessing.py --download-glove` calls :func:`fetch_glove`. During a download two files lie next to the
place of the archive: ``<archive>.part``, its first bytes, which the next call continues after an
interruption, and ``<archive>.version``, the version that the server said they are of (HTTP's ETag, or the
date of the last change). The server continues that version only.
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
    """Download the GloVe 2024 vectors into assets/embeddings/, unless they are there; return their path.

    Raises
    ------
    UserError
        The download failed or broke off; what has arrived stays, and the next call continues it. Or the
        archive is damaged or not the one expected; it is deleted.
    """
    path, archive = assets_path("embeddings", GLOVE_2024), assets_path("embeddings", ARCHIVE)
    if path.is_file():
        print(f"{path} is there already: nothing is downloaded.")
        return path
    with only_writer(str(path), [path]):
        try:
            if not archive.exists():
                _download(url, archive)
            _unpack(archive, path)
        except UserError:
            raise
        except DAMAGE as error:
            _remove(archive)
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
        _remove(archive)
    print(f"Downloaded {path}.")
    return path


def _remove(archive):
    """Delete the archive, and what was downloaded of it."""
    for suffix in (".zip", ".zip.part", ".zip.version"):
        archive.with_suffix(suffix).unlink(missing_ok=True)


def _check_size(size):
    if size > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")


def _copy(blocks, file, name, start=0, size=None):
    """Write blocks to an open file, `LARGEST` bytes at most, with a progress bar from `start` to `size`."""
    with tqdm(desc=name, initial=start, total=size, unit="B", unit_scale=True, leave=False) as bar:
        for block in blocks:
            start += len(block)
            _check_size(start)
            file.write(block)
            bar.update(len(block))


def _download(url, archive):
    """Download an archive, or what is missing of it; it takes its place when it is whole."""
    part, version = archive.with_suffix(".zip.part"), archive.with_suffix(".zip.version")
    check_place(part)
    start = part.stat().st_size if part.exists() else 0
    known = version.read_text("latin-1") if start and version.exists() else ""
    response, start, size = _open_download(url, start, known)
    with response, open(part, "ab" if start else "wb") as file:
        _check_size(size or 0)
        if not start:
            tag = response.headers.get("ETag", "")  # a weak one, W/"…", says nothing about bytes
            write_text(version, tag if tag.startswith('"') else response.headers.get("Last-Modified", ""))
        _copy(_read_blocks(response, start, size), file, "download", start, size)
    part.replace(archive)


def _open_download(url, start, version):
    """The response with a file's bytes from `start` on, else from 0; that byte; the file's size or None."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    if start and version:
        headers["If-Range"] = version
    try:
        response = _ask(url, headers)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: led on to an address that is none
        if isinstance(error, HTTPError):
            error.close()
        if not start or getattr(error, "code", None) != 416:  # 416: the file has no such bytes
            raise UserError(
                f"{url} could not be downloaded ({str(error).strip('<>')}): run the same command again "
                f"later, or {BY_HAND}"
            ) from error
    else:
        if not start:
            return response, 0, response.length
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if response.status == 206 and part and int(part[1]) == start:
            return response, start, int(part[2])
        response.close()
    print("The server can't continue this download, or has another file now: it starts over.")
    return _open_download(url, 0, "")


class _Processor(urllib.request.HTTPErrorProcessor):
    """Follows and refuses as the library's own, and closes a response that it makes an error of."""

    def http_response(self, request, response):
        try:
            return super().http_response(request, response)
        except BaseException:
            response.close()
            raise

    https_response = http_response


def _ask(url, headers):
    """Open an address. Unlike `urlopen`, this knows HTTP and HTTPS alone, wherever a server leads it."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        _Processor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener.open(urllib.request.Request(url, headers=headers), timeout=PATIENCE)


def _read_blocks(response, start, size):
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


def _unpack(archive, path):
    """Unpack the file of that name from an archive, and look at no other; one of DAMAGE if it isn't whole."""
    check_place(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            member = opened.getinfo(path.name)
            _check_size(member.file_size)
            if member.compress_type not in COMPRESSIONS or member.flag_bits & 1:
                raise ValueError("packed in a way that is not expected, or encrypted")
            with opened.open(member) as file, written_whole(path) as unpacked:
                _copy(iter(lambda: file.read(BLOCK), b""), unpacked, "unpack", size=member.file_size)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("it points to places before its beginning") from error
