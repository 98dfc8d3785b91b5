"""What the harness hands to the load process: one environment variable of JSON. The broker's URL, which holds a password, is another."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from drillbook.scenario import Load

SETTINGS = "DRILLBOOK_LOAD"
URL = "DRILLBOOK_LOAD_AMQP_URL"


@dataclass(frozen=True)
class LoadSettings:
    """Of one load process."""

    load: Load
    seed: int
    ledger: str
    """Path of ``published.jsonl``."""
    control: int
    """Descriptor of the pipe that commands come down."""
    report: int
    """Descriptor of the pipe that ``ready`` and ``done`` go up."""
    parent: int
    """Process id of the harness."""
    id_from: str = "message_id"
    """Where messages carry their task's id, besides ``message_id``."""
    flags: str | None = None
    """``host:port`` of the flag service, where the load asks one."""

    def as_environment(self, url: str) -> dict[str, str]:
        """The variables that carry them, with the broker's URL."""
        return {SETTINGS: json.dumps({**asdict(self), "load": self.load.model_dump(mode="json")}), URL: url}

    @classmethod
    def take(cls) -> tuple[LoadSettings, str]:
        """Read them and the URL, and drop both from the environment."""
        values = json.loads(os.environ.pop(SETTINGS))
        return cls(**{**values, "load": Load.model_validate(values["load"])}), os.environ.pop(URL)
