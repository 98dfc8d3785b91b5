"""The feature flag from the operator's side: set it in the file that flagd watches, and ask flagd what it says now.

    flag.py set new-report off
    flag.py wait new-report off --within 120

Setting puts a whole new file in the place of the old one, so that flagd never reads half of it. Asking goes to flagd itself (OFREP), as the
file only says what was wanted; while flagd does not answer it is asked again, up to the given time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import time
from pathlib import Path

POLL_SECONDS = 0.1
ANSWER_WITHIN_SECONDS = 1.0


def put(flag: str, variant: str) -> None:
    """Set the flag's default variant."""
    file = Path(os.environ["FLAGS_FOLDER"]) / "flags.json"
    content = json.loads(file.read_text())
    content["flags"][flag]["defaultVariant"] = variant
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content, indent=2) + "\n")
    new.chmod(0o644)
    new.replace(file)
    print(f"{flag}: {variant}, says the file")


def ask(flag: str) -> str:
    """What flagd says, or why it does not."""
    connection = http.client.HTTPConnection(os.environ["FLAGS_ADDRESS"], timeout=ANSWER_WITHIN_SECONDS)
    try:
        connection.request("POST", f"/ofrep/v1/evaluate/flags/{flag}", b'{"context": {}}', {"Content-Type": "application/json"})
        return str(json.load(connection.getresponse()).get("variant"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"nothing ({type(error).__name__})"
    finally:
        connection.close()


def wait(flag: str, variant: str, within: float) -> None:
    """Ask until flagd says so too."""
    give_up_at = time.monotonic() + within
    while (said := ask(flag)) != variant:
        if time.monotonic() >= give_up_at:
            raise SystemExit(f"{flag}: flagd still says {said} after {within:g} s")
        time.sleep(POLL_SECONDS)
    print(f"{flag}: {variant}, says flagd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["set", "wait"])
    parser.add_argument("flag")
    parser.add_argument("variant", choices=["on", "off"])
    parser.add_argument("--within", type=float, default=120.0)
    arguments = parser.parse_args()
    if arguments.verb == "set":
        put(arguments.flag, arguments.variant)
    else:
        wait(arguments.flag, arguments.variant, arguments.within)


if __name__ == "__main__":
    main()
