"""What the drill runs on: broker, database, workers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from drillbook.core.refs import ExchangeRef, QueueRef
from drillbook.core.units import Duration
from drillbook.scenario.part import Part


class Exchange(Part):
    """An exchange the stage declares before anything starts; always durable."""

    type: str = Field(default="direct", description="direct, fanout, topic, headers, or a plugin's type such as x-consistent-hash.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Declared with it, as the broker takes them.")


class Queue(Part):
    """A queue the stage declares before anything starts; always durable."""

    type: Literal["quorum", "classic", "stream"] = Field(default="quorum", description="The broker's queue type.")
    delivery_limit: int | None = Field(
        default=None, ge=0, description="Deliveries of one message before it is dead-lettered (quorum queues)."
    )
    dead_letter_to: QueueRef | None = Field(default=None, description="The queue where refused and poison messages go.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="More arguments, as the broker takes them.")


class Binding(Part):
    """A route from an exchange to a queue or to another exchange."""

    source: ExchangeRef = Field(alias="from", description="The exchange that routes.")
    to: str = Field(description="A declared queue, or a declared exchange; a name that both have is the queue's.")
    key: str = Field(default="", description="Routing key, pattern, or weight (x-consistent-hash).")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="What a headers exchange compares, such as {x-match: all, version: v2}; as the broker takes them."
    )


class Policy(Part):
    """A broker policy, applied by the stage."""

    pattern: str = Field(description="Regular expression on queue or exchange names.")
    definition: dict[str, Any] = Field(description="What it sets, as the broker takes it.")
    apply_to: Literal["queues", "exchanges", "all"] = Field(default="queues", description="What it applies to.")
    priority: int = Field(default=0, description="The highest matching priority wins.")


class Broker(Part):
    """RabbitMQ with its management plugin, and what is declared on it."""

    image: str = Field(
        default="rabbitmq", description="A name that `drillbook images` lists, or any reference, such as rabbitmq:4-management."
    )
    plugins: list[str] = Field(default_factory=list, description="Enabled besides rabbitmq_management and rabbitmq_prometheus.")
    exchanges: dict[str, Exchange] = Field(default_factory=dict, description="Declared exchanges by name.")
    queues: dict[str, Queue] = Field(min_length=1, description="Declared queues by name.")
    bindings: list[Binding] = Field(default_factory=list, description="Declared routes.")
    policies: dict[str, Policy] = Field(default_factory=dict, description="Applied policies by name.")


class Database(Part):
    """PostgreSQL, where the workers keep effects and state."""

    image: str = Field(default="postgres", description="A name that `drillbook images` lists, or any reference, such as postgres:17.")
    init: str | None = Field(default=None, description="An SQL file, run once before the workers start; relative to the scenario file.")


class Workers(Part):
    """The workers of one version: the user's own image, or a folder to build it from."""

    ONE_OF = (("image", "build"),)

    image: str | None = Field(default=None, description="Any image reference; give this or `build`.")
    build: str | None = Field(default=None, description="A folder with a Dockerfile, relative to the scenario file; give this or `image`.")
    replicas: int = Field(default=1, ge=1, le=64, description="How many containers.")
    env: dict[str, str] = Field(
        default_factory=dict, description="Their environment. AMQP_URL, DATABASE_URL, WORKER (its own name) and VERSION are added."
    )
    command: list[str] | None = Field(default=None, description="In place of the image's own command.")
    started: bool = Field(default=True, description="false: created only; the deployment starts them.")
    consumes: bool = Field(
        default=True,
        description="Ready when they consume from a queue of the stage; false: they only publish, as the relay of an outbox does, and are "
        "ready when they have connected to the broker.",
    )
    may_exit: bool = Field(
        default=False, description="true: that one of them ends by itself is part of the story; otherwise it ends the drill with an error."
    )


class Folder(Part):
    """A folder that a server reads while it runs, such as a flags file that it watches."""

    source: str = Field(
        alias="from",
        description="Relative to the scenario file. The drill works on a copy in its run directory; programs are told NAME_FOLDER and may "
        "edit it.",
    )
    to: str = Field(pattern=r"^/.+", description="Where the server finds it: an absolute path in its container.")


HTTP_HELLO = "GET / HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"


class Service(Part):
    """A further server that the system needs, such as a feature-flag service; reached through links like broker and database."""

    ONE_OF = (("image", "build"),)

    image: str | None = Field(
        default=None, description="A name that `drillbook images` lists, or any image reference; give this or `build`."
    )
    build: str | None = Field(default=None, description="A folder with a Dockerfile, relative to the scenario file; give this or `image`.")
    port: int = Field(
        ge=1, le=65535, description="Where it listens. Workers, load and programs are told NAME_ADDRESS=host:port, over links of their own."
    )
    ports: dict[str, Annotated[int, Field(ge=1, le=65535)]] = Field(
        default_factory=dict, description="Further ports by name, on the same links: NAME_PORTNAME_ADDRESS=host:port."
    )
    hello: str = Field(
        default=HTTP_HELLO,
        min_length=1,
        description="What a client says first on `port`, so that the server answers: how it is seen to be ready, and a link to be cut or "
        'slow. Left out: an HTTP request. For Redis, "PING\\r\\n".',
    )
    command: list[str] | None = Field(default=None, description="In place of the image's own command.")
    env: dict[str, str] = Field(default_factory=dict, description="Its environment.")
    folder: Folder | None = None


ID_FROM = r"^(message_id|correlation_id|header:.+|body:\$(\.[^.\[\]]+|\[\d+\])+)$"


class StageSpec(Part):
    """What the drill runs on."""

    broker: Broker
    id_from: str = Field(
        default="message_id",
        json_schema_extra={"pattern": ID_FROM},
        description="Where a message carries its task's id: message_id, correlation_id, header:NAME, or body:$.path of a JSON body.",
    )
    database: Database | None = None
    services: dict[str, Service] = Field(default_factory=dict, description="Further servers by name.")
    workers: dict[str, Workers] = Field(min_length=1, description="Workers by version: v1, v2, ….")
    ready_within: Duration = Field(
        default=60.0,
        gt=0,
        description="How long each part may take until it is ready; a worker is, when its consumers stay the same for a moment.",
    )

    @field_validator("id_from")
    @classmethod
    def _a_place(cls, value: str) -> str:
        if re.fullmatch(ID_FROM, value) is None:
            raise ValueError(
                f"{value!r} is no place for an id; say message_id, correlation_id, header:NAME, or body:$.path such as body:$.id"
            )
        return value
