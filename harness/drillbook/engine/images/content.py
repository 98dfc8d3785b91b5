"""What a build is made of, as a hash: the files of its folder and its base. The same content has the same tag, on every machine."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from docker.utils import exclude_paths

_ARGUMENT = re.compile(r"^\s*ARG\s+(\w+)(?:=(\S+))?", re.MULTILINE | re.IGNORECASE)


def tag(name: str, folder: Path, base: str) -> str:
    """The content-hash tag of a build, ``drillbook/<name>:<hash>``.

    Args:
        name: of the image.
        folder: with the Dockerfile; what its ``.dockerignore`` names does not count.
        base: reference of what it is built on; empty where its Dockerfile decides that alone.
    """
    return f"drillbook/{_slug(name)}:{digest(folder, base)}"


def digest(folder: Path, base: str) -> str:
    """Twelve hexadecimal digits over every file's path, executable bit and bytes, and over the base's reference."""
    total = hashlib.sha256(base.encode())
    for path in _files(folder):
        mode = path.lstat().st_mode & 0o111 != 0
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for part in (path.relative_to(folder).as_posix().encode(), str(mode).encode(), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:12]


def arguments(folder: Path) -> dict[str, str]:
    """The build arguments that a folder's Dockerfile declares, each with its default (empty without one)."""
    return dict(_ARGUMENT.findall((folder / "Dockerfile").read_text()))


def _files(folder: Path) -> list[Path]:
    ignore = folder / ".dockerignore"
    patterns = ignore.read_text().splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    found = (folder / name for name in exclude_paths(str(folder), patterns, dockerfile="Dockerfile") if name)
    return sorted(path for path in found if path.is_symlink() or path.is_file())


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "image"
