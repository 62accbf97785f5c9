"""Download the GloVe 2024 vectors from Stanford's server, check them and unpack them into assets/embeddings/.

`preprocessing.py --download-glove` calls :func:`fetch_glove`. The bytes that have arrived are in
``<archive>.part``, which the next call continues if the server's file hasn't changed since.
"""

import errno
import textwrap
import zipfile
from email.utils import formatdate
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.progress import progress_bar
from scripts.files.storage import DAMAGE, check_place, only_writer, require, written_whole

ARCHIVE = "glove.2024.wikigiga.100d.zip"
URL = f"https://nlp.stanford.edu/data/wordvecs/{ARCHIVE}"
BY_HAND = f"get {ARCHIVE} from https://nlp.stanford.edu/projects/glove/ and unpack it into assets/embeddings/"
LARGEST = 4 << 30  # bytes that the archive and the file in it may each have
BLOCK = 1 << 16  # bytes read at once
PATIENCE = 30  # seconds for which the server may be silent


def fetch_glove(url=URL):
    """Download the GloVe 2024 vectors into assets/embeddings/, unless they are there; return their path.

    UserError if the download breaks off (the next call continues it), or if what came is damaged or something
    else (it is deleted).
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
        except (OSError, *DAMAGE) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a damaged archive
                place, reason = error.filename or archive, error.strerror or error
                fault = f"{place} could not be read or written ({reason})"
                raise UserError(f"{fault}: free the disk or the folder, and run it again") from error
            _remove(archive)
            reason = textwrap.shorten(str(error) or type(error).__name__, 200)
            fault = f"what came from {url} is damaged or not GloVe 2024 ({reason}), so it was deleted"
            raise UserError(f"{fault}: run the same command again, or {BY_HAND}") from error
        _remove(archive)
    print(f"Downloaded {path}.")
    return path


def _remove(archive):
    """Delete the archive, whole or in part."""
    archive.unlink(missing_ok=True)
    archive.with_suffix(".zip.part").unlink(missing_ok=True)


def _copy(blocks, file, name, start=0, size=None):
    """Write blocks to an open file, with a bar from `start` to `size`; ValueError above `LARGEST` bytes."""
    too_large = f"more than {LARGEST:,} bytes"
    require((size or 0) <= LARGEST, too_large)
    with progress_bar(desc=name, initial=start, total=size, unit="B", unit_scale=True, leave=False) as bar:
        for block in blocks:
            start += len(block)
            require(start <= LARGEST, too_large)
            file.write(block)
            bar.update(len(block))


def _download(url, archive):
    """Download an archive, or the part that is missing; it gets its name when it is whole."""
    part = archive.with_suffix(".zip.part")
    check_place(part)
    response, start = _ask(url, part)
    with response, open(part, "ab" if start else "wb") as file:
        length = response.headers.get("Content-Length")
        size = start + int(length) if length else None
        _copy(_read_blocks(response, start, size), file, "download", start, size)
    part.replace(archive)


def _ask(url, part):
    """The response with the bytes that `part` lacks, or with all, and the place of its first byte."""
    start = part.stat().st_size if part.exists() else 0
    try:
        request = Request(url)
        if start:
            request.add_header("Range", f"bytes={start}-")
            request.add_header("If-Unmodified-Since", formatdate(part.stat().st_mtime, usegmt=True))
        response = urlopen(request, timeout=PATIENCE)
        if not start or response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return response, start
        response.close()
    except (OSError, HTTPException, ValueError) as error:  # ValueError: redirected to no address
        if isinstance(error, HTTPError):
            error.close()
        if not start or getattr(error, "code", None) not in (412, 416):  # it changed, or has no such bytes
            fault = f"{url} could not be downloaded ({str(error).strip('<>')})"
            raise UserError(f"{fault}: run the same command again later, or {BY_HAND}") from error
    print("The server can't continue this download, or has another file now: it starts over.")
    part.unlink()
    return _ask(url, part)


def _read_blocks(response, start, size):
    """Iterate over the bytes of a response; UserError if it breaks off before the end of the file."""
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
    fault = f"the download of {ARCHIVE} broke off after {done:,}{whole} bytes ({reason})"
    raise UserError(f"{fault}: run the same command again, which continues there")


def _unpack(archive, path):
    """Unpack the file of that name, and no other, from an archive; raise one of DAMAGE if it isn't whole."""
    check_place(archive)
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo(path.name)
        with opened.open(member) as file, written_whole(path) as unpacked:
            _copy(iter(lambda: file.read(BLOCK), b""), unpacked, "unpack", size=member.file_size)
