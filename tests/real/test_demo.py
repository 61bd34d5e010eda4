from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from vagalwatch.demo import REACTION_S


def play(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "vagalwatch", "demo", "--headless", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def play_both(*arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Twice at once, the second one slowed down."""
    command = [sys.executable, "-m", "vagalwatch", "demo", "--headless", "--json", *arguments]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as one,
        subprocess.Popen(["nice", "-n", "10", *command], stdout=subprocess.PIPE) as other,
    ):
        first, second = (demo.communicate(timeout=300)[0] for demo in (one, other))
    return json.loads(first.splitlines()[-1]), json.loads(second.splitlines()[-1])


def kinds(said: dict[str, Any]) -> dict[str, str]:
    return {alert["wearer"]: alert["kind"] for alert in said["alerts"]}


def assert_each_is_told_of_the_others_break(said: dict[str, Any]) -> None:
    """After the prompt, never at it; and where both are on one, the longer time counts for both."""
    prompts = [(alert["t_s"], alert["wearer"]) for alert in said["alerts"]]
    told: dict[str, list[str]] = {wearer: [] for wearer in said["wearers"]}
    for seen in said["partners"]:
        told[seen["wearer"]].append(seen["say"])
    if not prompts:
        assert said["partners"] == []
        return
    (_, first), (_, second) = sorted(prompts)
    assert told == {second: ["on", "new-time", "back"], first: ["on", "back"]}
    began = {seen["name"]: seen["t_s"] for seen in said["partners"] if seen["say"] == "on"}
    for t_s, wearer in prompts:  # a row is known up to five seconds after its time
        assert t_s + REACTION_S <= began[wearer] <= t_s + REACTION_S + 5
    assert len({seen["check_in_s"] for seen in said["partners"] if seen["say"] != "on"}) == 1


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "alerts"),
    [
        ("hard", {"alex": "flooding", "sam": "shutdown"}),
        ("swapped", {"alex": "shutdown", "sam": "flooding"}),
        ("calm", {}),
    ],
)
def test_the_evening_ends_as_its_story_goes(story: str, alerts: dict[str, str]) -> None:
    said = play("--story", story, "--seed", "3")
    assert kinds(said) == alerts
    assert len(said["alerts"]) == len(alerts)
    assert all(alert["reasons"] for alert in said["alerts"])
    assert {pause["wearer"] for pause in said["breaks"]} == set(alerts)
    assert all(pause["minutes"] >= 20 for pause in said["breaks"])
    assert all(pause["phase"] == "returned" for pause in said["breaks"])
    assert_each_is_told_of_the_others_break(said)
    # Two hearts for forty minutes at 50 to 120 a minute, two rings at 4 Hz but for a minute.
    assert 4000 < said["beats"] < 9600
    assert 18_000 < said["eda_samples"] <= 2 * 4 * said["duration_s"]
    assert said["journal_rows"] > said["notifications"]
    assert said["mqtt_messages"] > 0


@pytest.mark.real
@pytest.mark.slow
def test_a_seed_tells_the_same_story_however_fast_the_machine_is() -> None:
    """MQTT and the links take their time; a story at 60 times life must not outrun them."""
    one, other = play_both("--seed", "5")
    # How many states are superseded before they are sent is the machine's matter.
    for said in (one, other):
        del said["took_s"], said["mqtt_messages"]
    assert one == other


@pytest.mark.real
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_watcher_may_end_it_early(told: signal.Signals) -> None:
    """Ctrl-C came out as the broker's traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "vagalwatch", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stderr is not None
        shown = []
        for line in demo.stderr:
            shown.append(line)
            if "Ctrl-C" in line:
                break
        demo.send_signal(told)
        said, trouble = demo.communicate(timeout=60)
    assert sum(line.startswith("http://") for line in shown) == 2
    assert demo.returncode == 0, trouble
    assert trouble == ""
    assert "Nobody was prompted." in said
