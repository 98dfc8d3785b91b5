"""``python -m drillbook.engine.images NAME|FOLDER ...``: have images while everything else is still being installed.

Each is a name of the image list, or a folder with a Dockerfile. Needs docker and psutil only.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drillbook.core.errors import DrillbookError, Exit
from drillbook.engine.images import IMAGE_LIST, ensure, ensure_build


def main(wanted: list[str]) -> int:
    """Have all of them, side by side; gives the exit code."""
    with ThreadPoolExecutor(len(wanted)) as pool:
        complaints = [complaint for complaint in pool.map(_complaint, wanted) if complaint is not None]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return int(complaints[0].exit_code) if complaints else int(Exit.HELD)


def _complaint(wanted: str) -> DrillbookError | None:
    """Have one; gives what kept it from being had."""
    try:
        if wanted in IMAGE_LIST:
            ensure([wanted], _say)
        else:
            ensure_build(Path(wanted), _say)
    except DrillbookError as error:
        return error
    return None


def _say(text: str) -> None:
    """Say a line in one piece, since others say theirs meanwhile."""
    print(f"{text}\n", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
