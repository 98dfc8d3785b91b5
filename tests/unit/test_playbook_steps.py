"""Steps read from the text of a program, and command lines checked before anything starts."""

from pathlib import Path
from textwrap import dedent

import pytest

from drillbook.playbook.command import problem
from drillbook.playbook.steps import step_names


def written(folder: Path, text: str, name: str = "rollback.sh") -> Path:
    file = folder / name
    file.write_text(dedent(text).lstrip())
    file.chmod(0o755)
    return file


def steps(folder: Path, text: str, command: str = "./rollback.sh") -> list[str]:
    written(folder, "#!/usr/bin/env bash\n" + dedent(text))
    return step_names(command, folder)


def test_functions_called_from_the_top_level_are_the_steps_in_the_order_of_the_calls(tmp_path: Path):
    text = """
        stop_v2() { :; }
        function drain_v2 { helper; }
        helper() { :; }
        drain_v2
        stop_v2
    """
    assert steps(tmp_path, text) == ["drain v2", "stop v2"]


def test_conditions_pipelines_subshells_and_the_background_are_calls_too(tmp_path: Path):
    text = """
        a() { :; }; b() { :; }; c() { :; }; d() { :; }; e() { :; }; f() { :; }; g() { :; }; h() { :; }
        if ! a; then b || exit 1; fi
        c now | tee log
        (d)
        { e; } > out &
        X=1 f; time g
        case $1 in x) h ;; esac
    """
    assert steps(tmp_path, text) == list("abcdefgh")


def test_main_is_looked_through(tmp_path: Path):
    assert steps(tmp_path, 'drain_v2() { :; }\nmain() { echo hi; drain_v2; }\nmain "$@"\n') == ["drain v2"]


def test_a_function_that_runs_its_arguments_is_looked_through(tmp_path: Path):
    text = """
        drain_v2() { :; }; stop_v2() { :; }
        step() { echo "== $1"; shift; "$@"; }
        retry() { until "${@:2}"; do :; done; }
        step "drain the canary" drain_v2
        retry 3 stop_v2
        step "look" docker ps
    """
    assert steps(tmp_path, text) == ["drain v2", "stop v2"]


def test_a_function_that_is_looked_through_is_no_step_of_another_one(tmp_path: Path):
    text = """
        stop_v2() { :; }
        step() { shift; "$@"; }
        retry() { "${@:2}"; }
        step "stop the canary" retry 3 stop_v2
    """
    assert steps(tmp_path, text) == ["stop v2"]


def test_functions_named_in_a_loop_are_steps(tmp_path: Path):
    assert steps(tmp_path, 'a() { :; }; b() { :; }; for one in a b; do "$one"; done\n') == ["a", "b"]


def test_talk_questions_traps_and_underscored_functions_are_not_steps(tmp_path: Path):
    text = """
        log() { echo "$*"; }; depth() { echo 3; }; cleanup() { :; }; _wait() { :; }; drain_v2() { :; }
        trap cleanup EXIT
        trap 'cleanup 1' ERR
        log "depth $(depth)"
        _wait
        drain_v2
    """
    assert steps(tmp_path, text) == ["drain v2"]


def test_functions_of_a_sourced_file_count(tmp_path: Path):
    written(tmp_path, "drain_v2() { :; }\nprepare() { :; }\nprepare\n", "lib.sh")
    for how in ("./lib.sh", "lib.sh", '"$(dirname "$0")/lib.sh"', '"${BASH_SOURCE%/*}/lib.sh"', "$HERE/lib.sh"):
        assert steps(tmp_path, f"source {how}\ndrain_v2\n") == ["prepare", "drain v2"]


def test_what_stands_in_quotes_comments_and_here_documents_is_not_a_call(tmp_path: Path):
    text = """
        drain_v2() { :; }
        # drain_v2
        echo "drain_v2"
        cat <<'EOF'
        drain_v2
        EOF
    """
    assert steps(tmp_path, text) == []


def test_a_file_that_sources_itself_is_read_once(tmp_path: Path):
    assert steps(tmp_path, "a() { :; }\n[[ $X ]] || X=1 source ./rollback.sh\na\n") == ["a"]


@pytest.mark.parametrize(
    "command", ["./rollback.sh --fast", "bash rollback.sh", "bash -eu -o pipefail rollback.sh", "env A=1 ./rollback.sh"]
)
def test_a_bash_script_is_known_however_it_is_run(tmp_path: Path, command: str):
    assert steps(tmp_path, "a() { :; }\na\n", command) == ["a"]


@pytest.mark.parametrize("command", ["sh rollback.sh", "bash -c ./rollback.sh", "python3 rollback.sh", "true", "./gone.sh", "'", ""])
def test_what_bash_does_not_read_has_no_functions_for_steps(tmp_path: Path, command: str):
    assert steps(tmp_path, "a() { :; }\na\n", command) == []


def test_step_lines_name_the_steps_of_any_program(tmp_path: Path):
    written(
        tmp_path,
        """
        # print("::step not this")
        print("::step drain v2", flush=True)
        print('::step stop  v2\\n')
        print(f"::step {name}")
        print("::step move %s" % name)
        print("::step drain v2")
        """,
        "rollback.py",
    )
    assert step_names("python3 rollback.py", tmp_path) == ["drain v2", "stop v2"]


def test_a_bash_script_that_prints_step_lines_names_its_own_steps(tmp_path: Path):
    assert steps(tmp_path, "say_it() { echo ::step $1; }\na() { :; }\necho ::step drain v2 >&1; a\n") == ["drain v2"]


def test_a_binary_has_no_steps_to_read(tmp_path: Path):
    (tmp_path / "rollback").write_bytes(b"\x7fELF\0\0::step drain\0")
    assert step_names("./rollback", tmp_path) == []


def test_nothing_is_wrong_with_a_program_that_can_start(tmp_path: Path):
    written(tmp_path, "#!/bin/sh\n")
    assert problem("./rollback.sh --all", tmp_path) is None
    assert problem("sh rollback.sh", tmp_path) is None


def test_a_program_that_is_not_there_is_named(tmp_path: Path):
    assert "no program ./gone.sh" in (problem("./gone.sh", tmp_path) or "")
    assert "'gone' is not on PATH" in (problem("gone", tmp_path) or "")


def test_a_program_that_is_not_executable_says_how_to_make_it_so(tmp_path: Path):
    written(tmp_path, "#!/bin/sh\n").chmod(0o644)
    assert "chmod +x ./rollback.sh" in (problem("./rollback.sh", tmp_path) or "")


def test_a_script_without_a_first_line_says_which_one_it_needs(tmp_path: Path):
    written(tmp_path, "echo hello\n")
    assert "#!/usr/bin/env bash" in (problem("./rollback.sh", tmp_path) or "")


def test_a_script_whose_interpreter_is_missing_names_it(tmp_path: Path):
    written(tmp_path, "#!/opt/none/bash\n")
    assert "/opt/none/bash" in (problem("./rollback.sh", tmp_path) or "")


def test_an_unclosed_quote_and_an_empty_command_are_sentences(tmp_path: Path):
    assert "cannot be split" in (problem("./rollback.sh 'x", tmp_path) or "")
    assert "empty" in (problem(" ", tmp_path) or "")
