"""A worker's image that is asked what it can decode: its own container, no network, lines in and lines out; and a whole drill's answers."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from conftest import drillbook

from drillbook.core.errors import HarnessError
from drillbook.engine import engine, image_store, one_shot
from drillbook.engine.images import ensure_build
from drillbook.engine.labels import RUN, labels
from drillbook.evidence.run_directory import RunDirectory

WORKER = Path(__file__).parents[2] / "scenarios" / "worker"
ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"


@pytest.fixture(scope="module")
def image() -> str:
    return image_store.ensure(["python"], print)["python"].reference


def ask(
    image: str, questions: Path, *command: str, within: float = 60.0, run_id: str = "tests-one-shot"
) -> tuple[one_shot.Ended, list[str]]:
    said: list[str] = []
    ended = one_shot.run(image, command, questions, said.append, within=within, environment={"NAME": "v1"}, labels=labels(run_id, "decode"))
    return ended, said


def test_every_line_is_asked_and_every_answer_heard_however_many_there_are(image: str, tmp_path: Path) -> None:
    questions = tmp_path / "questions"
    questions.write_text("".join(f"{number:0200d}\n" for number in range(20_000)))
    ended, said = ask(image, questions, "python3", "-c", ECHO)
    assert ended.exit_code == 0
    assert said == [f"{number:0200d}"[::-1] for number in range(20_000)]


def test_it_has_no_network_and_the_environment_it_is_given(image: str, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("")
    program = "import os, socket; print(os.environ['NAME']); print([name for _, name in socket.if_nameindex() if name != 'lo'])"
    assert ask(image, tmp_path / "questions", "python3", "-c", program)[1] == ["v1", "[]"]


def test_a_command_that_does_not_end_is_killed_when_its_time_is_over(image: str, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("a\n")
    ended, said = ask(image, tmp_path / "questions", "python3", "-c", f"{ECHO}\nimport time; time.sleep(600)", within=10)
    assert (ended.exit_code, said) == (None, ["a"])


def test_what_it_wrote_to_stderr_is_told_apart_from_its_answers(image: str, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("x" * 1_000_000)
    ended, said = ask(image, tmp_path / "questions", "python3", "-c", "import sys; print('a'); sys.exit('cannot start')")
    assert (ended.exit_code, ended.errors, said) == (1, "cannot start", ["a"])


def test_a_command_that_is_not_in_the_image_is_an_error_in_words(image: str, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("a\n")
    with pytest.raises(HarnessError, match=r"the engine did not run the command in .*: .*no-such-program"):
        ask(image, tmp_path / "questions", "no-such-program")


def test_its_container_is_gone_afterwards(image: str, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("a\n")
    ask(image, tmp_path / "questions", "python3", "-c", ECHO, run_id="tests-one-shot-gone")
    assert engine.connect().containers.list(all=True, filters={"label": f"{RUN}=tests-one-shot-gone"}) == []


def test_another_image_is_asked_of_a_stored_run_and_the_run_stays_as_it_is(tmp_path: Path) -> None:
    scenario = {
        "title": "t",
        "stage": {"broker": {"queues": {"q": {}}}, "workers": {"v1": {"image": "old", "env": {"SHAPES": "charge:cents"}}}},
        "decode": {"by": "v1", "command": ["python3", "/app/worker.py", "--decode"]},
        "invariants": {"bounded_redelivery": None},
    }
    run = RunDirectory(tmp_path / "run")
    (run.path / "scenario.yaml").write_text(json.dumps(scenario))
    bodies = ['{"type": "charge", "cents": 5}', '{"type": "charge"}']
    (run.path / "messages.jsonl").write_text(
        "".join(
            json.dumps(
                {"message": number, "seen": "delivered", "at": 1, "task": f"a{number}", "queue": "q", "to_version": "v1"}
                | {"properties": {"message_id": "a", "type": "charge"}, "body": b64encode(body.encode()).decode()}
            )
            + "\n"
            for number, body in enumerate(bodies, 1)
        )
    )
    reference = ensure_build(WORKER, print).reference
    done = subprocess.run(drillbook("decode", run.path, "--image", reference), capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[0] == "v1 can decode 1 of 2 messages that were left; 1 of the other 1 is left for it."
    assert done.returncode == 1
    assert not (run.path / "decoded.jsonl").exists()
