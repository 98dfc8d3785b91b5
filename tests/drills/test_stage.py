"""The stage on real parts: what it listens on, what it tells programs, and that every fault takes effect and clears."""

from __future__ import annotations

import time

import psycopg
import pytest
import requests

from drillbook.core.errors import HarnessError, UsageError
from drillbook.core.wait import until
from drillbook.engine.clean import remains
from drillbook.engine.labels import OWNER, ROLE, RUN
from drillbook.faults.bandwidth import Bandwidth
from drillbook.faults.base import Stream, Toxic
from drillbook.faults.cut import Cut
from drillbook.faults.kill import Kill
from drillbook.faults.latency import Latency
from drillbook.faults.pause import Pause
from drillbook.faults.reset import Reset
from drillbook.faults.restart import Restart
from drillbook.stage.stage import Stage

WORKER = "workers.v1.1"


def test_everything_listens_on_loopback_only(stage: Stage) -> None:
    addresses = set()
    for handle in stage.containers():
        handle._wrapped.reload()
        for bindings in handle._wrapped.attrs["NetworkSettings"]["Ports"].values():
            addresses |= {binding["HostIp"] for binding in bindings or []}
    assert addresses == {"127.0.0.1"}


def test_the_tap_comes_before_all_else_where_processors_are_scarce(stage: Stage) -> None:
    shares = {}
    for handle in stage.containers():
        handle._wrapped.reload()
        shares[handle.name] = handle._wrapped.attrs["HostConfig"]["CpuShares"]  # 0: the engine's 1,024
    assert shares.pop("tap") > 1024
    assert set(shares.values()) == {0}


def test_the_tap_runs_from_the_harness_s_own_files_none_of_which_is_copied(stage: Stage) -> None:
    tap = stage.container("tap")._wrapped
    mounted = {mount["Destination"]: mount["RW"] for mount in tap.attrs["Mounts"]}
    assert mounted["/opt/tap"] is False
    assert not [change["Path"] for change in tap.diff() or [] if change["Path"].startswith("/opt/tap/")]


def test_every_container_says_whose_it_is(stage: Stage) -> None:
    for handle in stage.containers():
        labels = handle._wrapped.labels
        assert labels[RUN] == stage.run_id
        assert labels[ROLE] == handle.name
        assert labels[OWNER]


def test_a_run_whose_harness_lives_is_known_to_live(stage: Stage) -> None:
    (mine,) = [remain for remain in remains() if remain.run_id == stage.run_id]
    assert mine.alive
    assert mine.containers == 5


def test_programs_reach_broker_and_database_by_what_they_are_told(stage: Stage) -> None:
    told = stage.environment()
    assert requests.get(f"{told['RABBITMQ_API_URL']}/queues", timeout=30).ok
    with psycopg.connect(told["DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from effects").fetchone() == (0,)


def test_secrets_are_taken_out_of_text(stage: Stage) -> None:
    basic = requests.auth._basic_auth_str("drill", stage._credentials.password)
    assert stage.redact(f"{stage.load_amqp_url} {basic}").count("***") == 2


def test_the_queues_are_as_declared(stage: Stage) -> None:
    queue = stage.broker.api("GET", "queues/%2F/tasks").json()
    assert queue["type"] == "quorum"
    assert queue["arguments"]["x-dead-letter-routing-key"] == "tasks.dead"


def test_a_queue_that_is_not_there_has_no_depth(stage: Stage) -> None:
    assert not stage.broker.depth("no.such.queue").exists
    assert stage.broker.depth("tasks").exists


def test_a_slow_link_is_proven_by_a_round_trip_and_healed(stage: Stage) -> None:
    fault, link = Latency(link=f"{WORKER} -> broker", delay="150ms"), f"{WORKER} -> broker"
    assert not fault.took_effect(stage, link)
    fault.begin(stage, link)
    assert fault.took_effect(stage, link)
    assert not fault.cleared(stage, link)
    fault.end(stage, link)
    assert fault.cleared(stage, link)


@pytest.mark.parametrize("how", ["drop", "refuse"])
@pytest.mark.parametrize("link", [f"{WORKER} -> broker", f"{WORKER} -> database", "operator -> broker", "load -> broker"])
def test_a_cut_link_is_proven_by_silence_and_healed(stage: Stage, link: str, how: str) -> None:
    fault = Cut(link=link, how=how)
    assert not fault.took_effect(stage, link)
    fault.begin(stage, link)
    assert fault.took_effect(stage, link)
    fault.end(stage, link)
    assert fault.cleared(stage, link)


def test_cutting_the_operator_from_the_broker_cuts_the_management_api_too(stage: Stage) -> None:
    url = f"{stage.environment()['RABBITMQ_API_URL']}/overview"
    assert requests.get(url, timeout=30).ok
    stage.link("operator -> broker").refuse("test")
    with pytest.raises(requests.RequestException):
        requests.get(url, timeout=30)
    stage.link("operator -> broker").heal("test")
    assert requests.get(url, timeout=30).ok


BULK = [f"{WORKER} -> broker", f"{WORKER} -> database", "operator -> broker", "operator -> database", "load -> broker"]


@pytest.mark.parametrize("link", BULK)
def test_what_is_sent_over_a_link_comes_back_and_a_silent_link_is_given_up(stage: Stage, link: str) -> None:
    assert stage.link(link).echo_seconds(1 << 20, 20) is not None
    stage.link(link).poison("test", Toxic("timeout", {"timeout": 0}))
    assert stage.link(link).echo_seconds(1000, 1) is None
    stage.link(link).heal("test")


def test_the_wire_tells_nothing_of_what_is_sent_there_and_back(stage: Stage) -> None:
    lines = (stage.run.path / "wire.jsonl").read_text()
    assert stage.link("load -> broker").echo_seconds(1000, 20) is not None
    told = (stage.run.path / "wire.jsonl").read_text().removeprefix(lines)
    assert not [line for line in told.splitlines() if '"link":"load -> broker"' in line]


def test_a_toxic_that_is_put_on_a_link_anew_ends_what_stands_and_meets_what_comes(stage: Stage) -> None:
    link = stage.link(f"{WORKER} -> broker")
    standing = link.stand(5)
    assert standing is not None
    assert link.knock(5) == "answered"
    assert not standing.ended()
    link.poison("test", Toxic("timeout", {"timeout": 0}, anew=True))
    assert until(standing.ended, 5)
    assert link.knock(1) == "silent"
    link.heal("test")
    assert link.knock(5) == "answered"
    standing.close()


@pytest.mark.parametrize("link", BULK)
def test_a_narrow_link_is_proven_by_how_long_bytes_take_and_healed(stage: Stage, link: str) -> None:
    fault = Bandwidth(link=link, rate="64KiB/s")
    assert not fault.took_effect(stage, link)
    fault.begin(stage, link)
    assert fault.took_effect(stage, link)
    assert not fault.cleared(stage, link)
    fault.end(stage, link)
    assert until(lambda: fault.cleared(stage, link), 20)


def test_a_link_that_is_wider_than_asked_for_is_no_proof(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    narrow, wider = Bandwidth(link=link, rate="64KiB/s"), Bandwidth(link=link, rate="100KiB/s")
    wider.begin(stage, link)
    assert wider.took_effect(stage, link)
    assert not narrow.took_effect(stage, link)
    wider.end(stage, link)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_link_that_is_narrow_one_way_only_has_neither_bitten_nor_lifted(stage: Stage, stream: Stream) -> None:
    link = f"{WORKER} -> broker"
    fault = Bandwidth(link=link, rate="64KiB/s")
    stage.link(link).poison("test", Toxic("bandwidth", {"rate": 65}, streams=(stream,)))
    assert not fault.took_effect(stage, link)
    assert not fault.cleared(stage, link)
    stage.link(link).heal("test")


def test_the_narrow_link_of_a_worker_that_died_is_lifted(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    fault = Bandwidth(link=link, rate="64KiB/s")
    fault.begin(stage, link)
    stage.container(WORKER).kill()
    assert until(lambda: stage.container(WORKER).status == "exited", 5)
    assert fault.took_effect(stage, link)
    fault.end(stage, link)
    assert until(lambda: fault.cleared(stage, link), 20)
    stage.container(WORKER).start()
    assert until(stage.container(WORKER).answers, 20)


@pytest.mark.parametrize("link", BULK)
def test_a_link_that_resets_is_proven_by_a_reset_and_healed(stage: Stage, link: str) -> None:
    fault, standing = Reset(link=link), stage.link(link).stand(5)
    assert standing is not None
    assert not fault.took_effect(stage, link)
    fault.begin(stage, link)
    assert fault.took_effect(stage, link)
    assert standing.ended()
    assert not fault.cleared(stage, link)
    fault.end(stage, link)
    assert until(lambda: fault.cleared(stage, link), 20)
    standing.close()


def test_the_tap_sees_a_worker_s_connection_end_when_its_link_resets_and_come_again_after(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    fault = Reset(link=link)
    assert until(lambda: stage.wire.poll().connected(WORKER), 20)
    fault.begin(stage, link)
    assert until(lambda: not stage.wire.poll().connected(WORKER), 20)
    assert fault.took_effect(stage, link)
    assert not stage.wire.poll().connected(WORKER)
    fault.end(stage, link)
    assert until(lambda: stage.wire.poll().connected(WORKER), 60)


def test_a_new_connection_is_reset_so_long_after_its_first_word(stage: Stage) -> None:
    link = f"{WORKER} -> database"
    fault = Reset(link=link, after="700ms")
    fault.begin(stage, link)
    begin = time.monotonic()
    assert stage.link(link).knock(5) == "reset"
    assert time.monotonic() - begin >= 0.7
    fault.end(stage, link)


def test_connections_that_end_without_a_reset_are_no_proof_of_one(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    fault, cut = Reset(link=link), Cut(link=link, how="refuse")
    fault.begin(stage, link)
    cut.begin(stage, link)
    assert not fault.took_effect(stage, link)
    cut.end(stage, link)
    assert fault.took_effect(stage, link)
    fault.end(stage, link)


def test_where_no_connection_was_seen_to_end_a_reset_has_not_bitten(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    fault, cut = Reset(link=link), Cut(link=link, how="refuse")
    cut.begin(stage, link)
    fault.begin(stage, link)
    cut.end(stage, link)
    assert stage.link(link).knock(5) == "reset"
    assert not fault.took_effect(stage, link)
    fault.end(stage, link)


def test_the_resets_of_a_worker_that_died_are_lifted(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    fault = Reset(link=link)
    fault.begin(stage, link)
    stage.container(WORKER).kill()
    assert until(lambda: stage.container(WORKER).status == "exited", 5)
    assert fault.took_effect(stage, link)
    fault.end(stage, link)
    assert until(lambda: fault.cleared(stage, link), 20)
    stage.container(WORKER).start()
    assert until(stage.container(WORKER).answers, 20)


def test_a_cut_of_one_link_leaves_the_others(stage: Stage) -> None:
    stage.link(f"{WORKER} -> broker").refuse("test")
    assert stage.link("load -> broker").round_trip_seconds(2) is not None
    stage.link(f"{WORKER} -> broker").heal("test")


def test_two_faults_on_one_link_are_lifted_each_for_itself(stage: Stage) -> None:
    link = f"{WORKER} -> broker"
    slow, cut = Latency(link=link, delay="150ms"), Cut(link=link, how="refuse")
    slow.begin(stage, link)
    cut.begin(stage, link)
    slow.end(stage, link)
    assert cut.took_effect(stage, link)
    slow.begin(stage, link)
    cut.end(stage, link)
    assert slow.took_effect(stage, link)
    slow.end(stage, link)
    assert slow.cleared(stage, link)


def test_a_broker_that_freezes_is_away_after_a_bounded_wait(stage: Stage) -> None:
    assert stage.broker.depth("tasks").exists
    stage.container("broker").pause()
    try:
        with pytest.raises(ConnectionError):
            stage.broker.depth("tasks")
    finally:
        stage.container("broker").unpause()
    assert until(lambda: stage.broker.depth("tasks").exists, 20)


def test_a_paused_container_is_frozen_and_goes_on(stage: Stage) -> None:
    fault = Pause(target=WORKER)
    fault.begin(stage, WORKER)
    assert fault.took_effect(stage, WORKER)
    fault.end(stage, WORKER)
    assert fault.cleared(stage, WORKER)


def test_a_killed_container_is_dead_and_can_be_started_again(stage: Stage) -> None:
    fault = Kill(target=WORKER)
    fault.begin(stage, WORKER)
    assert until(lambda: fault.took_effect(stage, WORKER), 5)
    fault.end(stage, WORKER)
    assert until(lambda: fault.cleared(stage, WORKER), 5)
    assert until(stage.container(WORKER).answers, 20)


def test_a_pause_of_a_container_that_died_counts_as_lifted(stage: Stage) -> None:
    pause = Pause(target=WORKER)
    pause.begin(stage, WORKER)
    stage.container(WORKER).unpause()
    stage.container(WORKER).kill()
    assert until(lambda: stage.container(WORKER).status == "exited", 5)
    pause.end(stage, WORKER)
    assert pause.cleared(stage, WORKER)
    stage.container(WORKER).start()
    assert until(stage.container(WORKER).answers, 20)


def test_to_let_a_container_go_on_that_somebody_else_has_let_go_on_is_no_error(stage: Stage) -> None:
    stage.container(WORKER).pause()
    stage.container(WORKER)._wrapped.unpause()
    stage.container(WORKER).unpause()
    assert stage.container(WORKER).status == "running"


def test_a_restarted_broker_answers_again_at_the_same_address(stage: Stage) -> None:
    fault = Restart(target="broker")
    fault.begin(stage, "broker")
    assert until(lambda: fault.took_effect(stage, "broker"), 10)
    assert until(lambda: fault.cleared(stage, "broker"), 60)
    assert stage.broker.depth("tasks").exists
    assert until(stage.container(WORKER).answers, 30)


@pytest.mark.parametrize(
    "toxic",
    [Toxic("slicer", {}), Toxic("bandwidth", {"rate": 0}), Toxic("timeout", {}), Toxic("timeout", {"timeout": 0, "rate": 1})],
    ids=str,
)
def test_toxiproxy_is_never_sent_what_it_cannot_be_trusted_with(stage: Stage, toxic: Toxic) -> None:
    link = stage.link("load -> broker")
    with pytest.raises(HarnessError, match="can be trusted"):
        link._control.add_toxic(link._routes[0], toxic, "upstream")


def test_a_query_that_is_wrong_is_said_with_the_databases_own_words(stage: Stage) -> None:
    assert stage.database is not None
    with pytest.raises(UsageError, match="does not exist"):
        stage.database.rows("select * from nowhere")


def test_a_control_api_that_hangs_is_a_sentence_after_a_bounded_wait(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.stage.links.ANSWER_WITHIN_SECONDS", 1.0)
    stage.container("toxiproxy").pause()
    try:
        with pytest.raises(HarnessError, match="its control API hangs"):
            stage.link("load -> broker").poison("test", Toxic("timeout", {"timeout": 0}))
    finally:
        stage.container("toxiproxy").unpause()


def test_a_kill_of_a_worker_that_was_dead_already_has_not_bitten(stage: Stage) -> None:
    stage.container(WORKER).kill()
    assert until(lambda: stage.container(WORKER).status == "exited", 5)
    fault = Kill(target=WORKER)
    fault.begin(stage, WORKER)
    assert not fault.took_effect(stage, WORKER)
    fault.end(stage, WORKER)
    assert until(stage.container(WORKER).answers, 20)


def test_a_pause_of_a_worker_that_is_dead_has_not_bitten(stage: Stage) -> None:
    stage.container(WORKER).kill()
    assert until(lambda: stage.container(WORKER).status == "exited", 5)
    fault = Pause(target=WORKER)
    fault.begin(stage, WORKER)
    assert not fault.took_effect(stage, WORKER)
    stage.container(WORKER).start()
    assert until(stage.container(WORKER).answers, 20)
