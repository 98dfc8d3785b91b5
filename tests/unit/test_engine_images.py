"""Having images, on an engine in memory: what is there, what is pulled, what is built, and what is said of each."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
from docker.errors import DockerException
from stub_engine import Image as Found
from stub_engine import StubEngine

from drillbook.core.errors import HarnessError
from drillbook.engine.images import debian_base, ensure, ensure_build, rows, sources
from drillbook.engine.images.content import tag
from drillbook.engine.images.image_list import BASE_LABEL, IMAGE_LIST, LABEL
from drillbook.engine.images.sources import NotPulled, build, pull

REDIS = "redis:7"
BASE = "debian:trixie-slim"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StubEngine:
    made = StubEngine()
    monkeypatch.setattr(docker, "from_env", lambda **_: made)
    monkeypatch.setattr(sources, "_UNREACHABLE", {})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in (*sources._PROXIES, *sources._PACKAGE_SOURCES, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "worker"
    made.mkdir()
    (made / "Dockerfile").write_text(f"ARG BASE={BASE}\nFROM ${{BASE}}\nARG GOPROXY\n")
    return made


said: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    said.clear()


# Having them


def test_an_image_that_is_there_is_not_pulled(engine: StubEngine) -> None:
    engine.there[REDIS] = Found(REDIS, digest="redis@sha256:1")
    image = ensure([REDIS], said.append)[REDIS]
    assert (image.reference, image.source, image.id, image.digest, image.origin) == (
        REDIS,
        "present",
        f"id of {REDIS}",
        "sha256:1",
        "pulled",
    )
    assert engine.log == []


def test_an_image_that_is_not_there_is_pulled(engine: StubEngine) -> None:
    engine.registry[REDIS] = Found(REDIS)
    assert ensure([REDIS], said.append)[REDIS].source == "pulled"
    assert said == [f"{REDIS}: pulling {REDIS}"]


def test_a_foreign_image_that_nobody_has_is_an_error_with_its_reason(engine: StubEngine) -> None:
    with pytest.raises(
        HarnessError, match=r"^The image redis:7 is not on this machine and cannot be pulled: docker\.io refuses it"
    ) as raised:
        ensure([REDIS], said.append)
    assert "rabbitmq" in raised.value.hint


def test_an_image_of_the_list_is_asked_for_by_its_public_reference(engine: StubEngine) -> None:
    engine.there["postgres:17"] = Found("postgres:17")
    assert ensure(["postgres"], said.append)["postgres"].reference == "postgres:17"


def test_an_image_of_the_list_that_was_built_before_is_not_pulled(engine: StubEngine) -> None:
    reference = tag("postgres", IMAGE_LIST["postgres"].folder, debian_base.reference())
    engine.there[reference] = Found(reference, {LABEL: "postgres", BASE_LABEL: "drillbook/base:1"})
    image = ensure(["postgres"], said.append)["postgres"]
    assert (image.reference, image.source, image.origin) == (reference, "present", "built here on drillbook/base:1")
    assert engine.log == []


def test_an_image_of_the_list_that_cannot_be_pulled_is_built_on_what_can_be(engine: StubEngine) -> None:
    engine.registry[BASE] = Found(BASE)
    image = ensure(["postgres"], said.append)["postgres"]
    assert image.source == "built"
    assert engine.built_with["labels"] == {LABEL: "postgres", BASE_LABEL: BASE}
    assert any(line.startswith("postgres: cannot be pulled: docker.io refuses it") and line.endswith("it is built here") for line in said)


def test_the_same_image_wanted_twice_is_had_once(engine: StubEngine) -> None:
    engine.registry[REDIS] = Found(REDIS)
    ensure([REDIS, REDIS], said.append)
    assert engine.log == [f"pull {REDIS}"]


def test_nothing_wanted_is_nothing_had(engine: StubEngine) -> None:
    assert ensure([], said.append) == {}


# A folder


def test_a_folder_is_built_on_its_own_base_where_that_is_there(engine: StubEngine, folder: Path) -> None:
    engine.there[BASE] = Found(BASE)
    image = ensure_build(folder, said.append)
    assert (image.name, image.source, image.reference) == ("worker", "built", tag("worker", folder, BASE))
    assert engine.built_with["buildargs"] == {}
    assert engine.built_with["path"] == str(folder)


def test_a_folder_that_has_not_changed_is_not_built_again(engine: StubEngine, folder: Path) -> None:
    engine.there[BASE] = Found(BASE)
    ensure_build(folder, said.append)
    assert ensure_build(folder, said.append).source == "present"
    assert len(engine.log) == 1


def test_a_folder_is_built_on_the_base_from_packages_where_that_is_there(engine: StubEngine, folder: Path) -> None:
    base = debian_base.reference()
    engine.there[base] = Found(base)
    assert ensure_build(folder, said.append).reference == tag("worker", folder, base)
    assert engine.built_with["buildargs"] == {"BASE": base}
    assert engine.built_with["labels"] == {LABEL: "worker", BASE_LABEL: base}
    assert engine.log == [f"build {tag('worker', folder, base)}"]


def test_the_base_from_packages_is_made_where_nothing_else_is_had(
    engine: StubEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian_base, "build", lambda client, say: "drillbook/base:made")
    ensure_build(folder, said.append)
    assert engine.built_with["buildargs"] == {"BASE": "drillbook/base:made"}


def test_a_folder_on_a_base_of_its_own_is_none_of_ours_to_replace(engine: StubEngine, folder: Path) -> None:
    (folder / "Dockerfile").write_text("ARG BASE=alpine:3\nFROM ${BASE}\n")
    ensure_build(folder, said.append)
    assert (engine.built_with["buildargs"], engine.built_with["labels"][BASE_LABEL]) == ({}, "alpine:3")


def test_a_folder_without_a_dockerfile_is_told(engine: StubEngine, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="has no Dockerfile"):
        ensure_build(tmp_path, said.append)


# Pulling


def test_a_registry_that_does_not_answer_is_asked_once(engine: StubEngine) -> None:
    engine.broken = DockerException("dial tcp: no such host")
    for _ in range(2):
        with pytest.raises(NotPulled, match=r"docker\.io cannot be reached \(no such host\)"):
            pull(engine, REDIS, said.append)  # type: ignore[arg-type]
    assert engine.log == [f"pull {REDIS}"]


def test_a_registry_that_refuses_one_image_is_asked_for_the_next(engine: StubEngine) -> None:
    with pytest.raises(NotPulled):
        pull(engine, REDIS, said.append)  # type: ignore[arg-type]
    engine.registry["postgres:17"] = Found("postgres:17")
    pull(engine, "postgres:17", said.append)  # type: ignore[arg-type]
    assert "postgres:17" in engine.there


def test_an_error_told_in_the_middle_of_a_pull_is_one(engine: StubEngine) -> None:
    engine.pulls, engine.registry[REDIS] = [{"status": "pulling"}, {"error": "no space"}], Found(REDIS)
    with pytest.raises(NotPulled, match=r"docker\.io refuses it \(no space\)"):
        pull(engine, REDIS, said.append)  # type: ignore[arg-type]


# Building


def built(engine: StubEngine, folder: Path, *told: dict[str, str]) -> None:
    engine.builds = list(told)
    build(engine, folder, "it:1", said.append, {"BASE": "b"}, {})  # type: ignore[arg-type]


def test_the_steps_that_take_time_are_told(engine: StubEngine, folder: Path) -> None:
    built(engine, folder, {"stream": "Step 1/3 : FROM x\n"}, {"stream": f"Step 2/3 : RUN make {'x' * 200}\n"}, {"stream": "\n"}, {})
    assert said == [f"2/3 make {'x' * 200}"[:100]]


def test_a_build_that_failed_is_told_with_what_it_said_last(engine: StubEngine, folder: Path) -> None:
    lines = [{"stream": f"line {number}\n"} for number in range(5)]
    with pytest.raises(HarnessError, match=r"/Dockerfile could not be built: no\. It said last: line 2 / line 3 / line 4$"):
        built(engine, folder, *lines, {"error": "no."})


PASSED = {
    "a proxy": ({"HTTPS_PROXY": "http://proxy:1"}, {"HTTPS_PROXY": "http://proxy:1", "BASE": "b"}, None),
    "a proxy on loopback": ({"http_proxy": "http://127.0.0.1:1"}, {"http_proxy": "http://127.0.0.1:1", "BASE": "b"}, "host"),
    "a source that the folder declares": ({"GOPROXY": "g"}, {"GOPROXY": "g", "BASE": "b"}, None),
    "a source that it does not": ({"PIP_INDEX_URL": "p"}, {"BASE": "b"}, None),
}


@pytest.mark.parametrize(("set_", "given", "network"), PASSED.values(), ids=PASSED)
def test_a_build_is_given_what_this_machine_needs(
    engine: StubEngine, folder: Path, monkeypatch: pytest.MonkeyPatch, set_: dict[str, str], given: dict[str, str], network: str | None
) -> None:
    for name, value in set_.items():
        monkeypatch.setenv(name, value)
    built(engine, folder)
    assert (engine.built_with["buildargs"], engine.built_with["network_mode"]) == (given, network)


# The list


def test_every_image_of_the_list_is_shown_where_it_is_missing(engine: StubEngine) -> None:
    assert [(row.name, row.reference, row.size) for row in rows()] == [(name, "", 0) for name in IMAGE_LIST]


def test_an_image_that_is_there_is_shown_with_its_size(engine: StubEngine) -> None:
    engine.there["postgres:17"] = Found("postgres:17", digest="postgres@sha256:1", size=5)
    (row,) = [row for row in rows() if row.name == "postgres"]
    assert (row.public, row.reference, row.state, row.size) == ("postgres:17", "postgres:17", "pulled", 5)


def test_what_else_was_built_here_is_shown_after_the_list(engine: StubEngine) -> None:
    for name in ("b", "a"):
        engine.there[f"drillbook/{name}:1"] = Found(f"drillbook/{name}:1", {LABEL: name})
    assert [(row.name, row.state) for row in rows()][-2:] == [("a", "built here"), ("b", "built here")]


def test_what_is_shown_in_the_list_is_not_shown_again(engine: StubEngine) -> None:
    reference = tag("postgres", IMAGE_LIST["postgres"].folder, BASE)
    engine.there[reference] = Found(reference, {LABEL: "postgres"})
    assert [row.reference for row in rows()].count(reference) == 1


ORIGINS = {
    "built on a base": (Found("x", {LABEL: "x", BASE_LABEL: "b"}), "built here on b"),
    "built": (Found("x", {LABEL: "x"}), "built here"),
    "pulled": (Found("x", None, digest="x@1"), "pulled"),
    "loaded": (Found("x"), "loaded by hand"),
}


@pytest.mark.parametrize(("image", "origin"), ORIGINS.values(), ids=ORIGINS)
def test_where_an_image_came_from_is_told(engine: StubEngine, image: Found, origin: str) -> None:
    engine.there["postgres:17"] = image
    assert next(row.state for row in rows() if row.name == "postgres") == origin
