"""Download the GloVe 2024 vectors from Stanford's server, check them and unpack them into assets/embeddings/.

`preprocessing.py --download-glove` calls :func:`fetch_glove`. The bytes that have arrived are in
``<archive>.part``, which the next call continues.
"""

import errno
import zipfile
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.progress import progress_bar
from scripts.files.storage import DAMAGE, check_place, only_writer, written_whole

ARCHIVE = "glove.2024.wikigiga.100d.zip"
URL = f"https://nlp.stanford.edu/data/wordvecs/{ARCHIVE}"
BY_HAND = f"get {ARCHIVE} from https://nlp.stanford.edu/projects/glove/ and unpack it into assets/embeddings/"
BLOCK = 1 << 16  # bytes read at once
PATIENCE = 30  # seconds for which the server may be silent


def fetch_glove(url=URL):
    """Download the GloVe 2024 vectors into assets/embeddings/, unless they are there; return their path.

    UserError if the download breaks off (the next call continues it), or if what came is damaged or something
    else (it is deleted).
    """
    path, part = assets_path("embeddings", GLOVE_2024), assets_path("embeddings", f"{ARCHIVE}.part")
    if path.is_file():
        print(f"{path} is there already: nothing is downloaded.")
        return path
    with only_writer(str(path), [path]):
        check_place(part)
        try:
            if not zipfile.is_zipfile(part):  # it is one when its end has come, too
                _download(url, part)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: redirected to no address
            fault = f"{url} could not be downloaded ({str(error).strip('<>') or type(error).__name__})"
            raise UserError(f"{fault}: run the same command again, which continues, or {BY_HAND}") from error
        try:
            _unpack(part, path)
        except UserError:
            raise
        except (OSError, *DAMAGE) as error:
            if getattr(error, "errno", errno.EINVAL) != errno.EINVAL:  # zipfile's own for a nonsensical place
                fault = f"{part} could not be read ({error.strerror})"
                raise UserError(f"{fault}: run the same command again, or {BY_HAND}") from error
            part.unlink()
            fault = f"what came from {url} is damaged or not GloVe 2024 ({error}), so it was deleted"
            raise UserError(f"{fault}: run the same command again, or {BY_HAND}") from error
        part.unlink()
    print(f"Downloaded {path}.")
    return path


def _download(url, part):
    """Download an archive, or the bytes that `part` lacks; OSError if the connection ends before them."""
    done = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urlopen(request, timeout=PATIENCE)
    except HTTPError as error:
        error.close()
        if done and error.code == 416:  # no bytes are missing
            return
        raise
    with response:
        if response.status != 206:  # all bytes come, whatever was asked for
            done = 0
        length = response.headers["Content-Length"]
        size = done + int(length) if length else None
        with open(part, "ab" if done else "wb") as file:
            _copy(response, file, "download", done, size)
    if size and part.stat().st_size < size:
        raise OSError(f"the connection ended after {part.stat().st_size:,} of {size:,} bytes")


def _unpack(archive, path):
    """Unpack the file of that name, and no other, from an archive; raise one of DAMAGE if it isn't whole."""
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo(path.name)
        with opened.open(member) as file, written_whole(path) as unpacked:
            _copy(file, unpacked, "unpack", 0, member.file_size)


def _copy(source, target, name, done, size):
    """Copy the rest of an open file, with a bar from `done` to `size`."""
    with progress_bar(desc=name, initial=done, total=size, unit="B", unit_scale=True, leave=False) as bar:
        while block := source.read(BLOCK):
            target.write(block)
            bar.update(len(block))
