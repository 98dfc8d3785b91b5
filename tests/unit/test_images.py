"""What an image's tag stands for, and how a reference is read. No engine is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from drillbook.core.errors import Exit
from drillbook.engine.images import IMAGE_LIST, debian_base
from drillbook.engine.images.__main__ import main
from drillbook.engine.images.content import arguments, digest, tag
from drillbook.engine.images.sources import registry_of, repository_and_tag
from drillbook.validation.loader import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("ARG BASE=debian:trixie-slim\nFROM ${BASE}\nARG GOPROXY\nCOPY run /run\n")
    (tmp_path / "run").write_text("#!/bin/sh\n")
    return tmp_path


def test_the_same_content_has_the_same_tag_in_another_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    twin = tmp_path_factory.mktemp("twin")
    for name in ("run", "Dockerfile"):
        (twin / name).write_bytes((folder / name).read_bytes())
    assert tag("worker", twin, "b") == tag("worker", folder, "b")


def test_a_changed_byte_changes_the_tag(folder: Path):
    before = digest(folder, "b")
    (folder / "run").write_text("#!/bin/sh\n\n")
    assert digest(folder, "b") != before


def test_an_executable_bit_changes_the_tag(folder: Path):
    before = digest(folder, "b")
    (folder / "run").chmod(0o755)
    assert digest(folder, "b") != before


def test_a_renamed_file_changes_the_tag(folder: Path):
    before = digest(folder, "b")
    (folder / "run").rename(folder / "ran")
    assert digest(folder, "b") != before


def test_one_file_that_spells_two_others_has_another_tag(tmp_path: Path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("y")
    before = digest(tmp_path, "")
    (tmp_path / "b").unlink()
    (tmp_path / "a").write_text("xbFalsey")
    assert digest(tmp_path, "") != before


def test_another_base_changes_the_tag(folder: Path):
    assert digest(folder, "debian:trixie-slim") != digest(folder, "drillbook/base:0")


def test_what_dockerignore_names_does_not_count(folder: Path):
    (folder / ".dockerignore").write_text("# scratch files\n*.log\n")
    before = digest(folder, "b")
    (folder / "today.log").write_text("noise")
    assert digest(folder, "b") == before


@pytest.mark.parametrize(
    "folder", sorted(file.parent for file in (ROOT / "scenarios").rglob("Dockerfile")), ids=lambda path: path.parent.name
)
def test_what_python_compiles_beside_a_worker_builds_no_image_anew(folder: Path, tmp_path: Path):
    copy = tmp_path / "worker"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = digest(copy, "base")
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "worker.cpython-313.pyc").write_bytes(b"compiled")
    assert digest(copy, "base") == before


def test_a_folder_name_that_no_tag_may_have_is_made_one():
    assert tag("My Worker_2!", Path(__file__).parents[2] / "harness/drillbook/engine/images/python", "").startswith(
        "drillbook/my-worker-2:"
    )


def test_build_arguments_are_read_with_their_defaults(folder: Path):
    assert arguments(folder) == {"BASE": "debian:trixie-slim", "GOPROXY": ""}


@pytest.mark.parametrize("known", IMAGE_LIST.values(), ids=lambda known: known.name)
def test_every_image_of_the_list_can_be_built_on_the_base(known):
    assert arguments(known.folder)["BASE"] == debian_base.REPLACES


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("rabbitmq", "docker.io"),
        ("rabbitmq:4-management", "docker.io"),
        ("bitnami/rabbitmq:4", "docker.io"),
        ("ghcr.io/shopify/toxiproxy:2.12.0", "ghcr.io"),
        ("localhost/worker", "localhost"),
        ("registry:5000/worker", "registry:5000"),
    ],
)
def test_the_registry_of_a_reference_is_read_as_the_engine_reads_it(reference: str, registry: str):
    assert registry_of(reference) == registry


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("rabbitmq", ("rabbitmq", "latest")),
        ("rabbitmq:4", ("rabbitmq", "4")),
        ("registry:5000/worker", ("registry:5000/worker", "latest")),
        ("registry:5000/worker:v2", ("registry:5000/worker", "v2")),
        ("worker@sha256:0f", ("worker@sha256:0f", None)),
    ],
)
def test_a_reference_without_a_tag_is_the_latest_and_never_every_tag(reference: str, parts: tuple[str, str | None]):
    assert repository_and_tag(reference) == parts


def test_images_are_had_before_more_than_the_engine_s_client_is_installed():
    program = (
        "import sys, drillbook.engine.engine, drillbook.engine.images.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    imported = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    packages = packages_distributions()
    needed = {package.lower() for name in imported.stdout.split() for package in packages.get(name, [])}
    ours = {re.split(r"\W*[\[><=;]", line)[0].lower() for line in requires("drillbook") or []}
    assert needed & ours - {"drillbook"} == {"docker", "psutil", "requests"}  # docker brings requests


def test_the_first_drill_finds_all_its_images_made_by_the_makefile():
    stage = load(ROOT / "scenarios/versioned_workers/scenario.yaml").stage
    workers = {str(Path(version.build).name) for version in stage.workers.values()}
    needed = {stage.broker.image, stage.database.image, "toxiproxy", "python", *(f"scenarios/{name}" for name in workers)}
    assert needed == made("SCENARIO_IMAGES")


def test_the_makefile_makes_every_image_of_the_list():
    assert made("SCENARIO_IMAGES") | made("IMAGES") > IMAGE_LIST.keys()


def made(variable: str) -> set[str]:
    """The images that a variable of the Makefile names itself."""
    (names,) = re.findall(rf"^{variable} := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(names.split()) - {"$(SCENARIO_IMAGES)"}


def test_an_image_that_cannot_be_had_is_a_sentence_and_an_exit_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert main(["python", str(tmp_path / "no-dockerfile")]) == Exit.HARNESS
    said = capsys.readouterr().err
    assert "No Docker engine answers" in said
    assert "has no Dockerfile" in said
