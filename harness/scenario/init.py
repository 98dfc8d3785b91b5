"""Write a starting folder for a drill: a scenario that runs as it is, to be changed part by part."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError, UsageError

TEMPLATE = Path(__file__).parent / "templates" / "drill"
FILLED_IN = ".in"
"""Files with this ending get the drill's name, and lose the ending: a template is no scenario to be found."""


def write(folder: Path, name: str | None = None) -> list[Path]:
    """Write the files of a new drill; nothing that is there is overwritten.

    Args:
        folder: made when it is not there.
        name: shown in its README; the folder's own name by default.

    Returns:
        the files written.

    Raises:
        UsageError: a file of that name is there already; nothing was written.
        HarnessError: the folder cannot be written.
    """
    folder = Path(folder)
    name = name or folder.absolute().name
    targets = {source: folder / source.relative_to(TEMPLATE).with_name(source.name.removesuffix(FILLED_IN)) for source in _sources()}
    there = [path for path in targets.values() if path.exists()]
    if folder.is_file() or there:
        what = f"{folder} is a file" if folder.is_file() else f"{folder} has {', '.join(str(path.relative_to(folder)) for path in there)}"
        raise UsageError(f"{what} already; nothing was written.", "Choose another folder.")
    try:
        for source, target in targets.items():
            _copy(source, target, name)
    except OSError as error:
        raise HarnessError(f"cannot write {error.filename or folder}: {error.strerror}.") from error
    return list(targets.values())


def _sources() -> list[Path]:
    return sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _copy(source: Path, target: Path, name: str) -> None:
    text = source.read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace("NAME", name) if source.suffix == FILLED_IN else text, encoding="utf-8")
    if target.suffix == ".sh":
        target.chmod(0o755)
