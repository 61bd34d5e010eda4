from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.settings import ConfigError, PageSettings
from vagalwatch.web.credentials import (
    CODE_LIFE_S,
    SESSION_LIFE_S,
    SESSIONS_PER_WEARER,
    Credentials,
    pairing_url,
)

if TYPE_CHECKING:
    from pathlib import Path


class Now:
    def __init__(self, s: float = 1_777_915_200.0) -> None:
        self.s = s

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def uptime() -> Now:
    return Now(40_000.0)


@pytest.fixture
def credentials(tmp_path: Path, now: Now, uptime: Now) -> Credentials:
    return Credentials(tmp_path / "state" / "credentials.json", now, uptime)


def test_a_code_opens_its_wearers_page_once(credentials: Credentials) -> None:
    code = credentials.new_code("ada")
    paired = credentials.redeem(code)
    assert paired is not None
    assert paired.wearer == "ada"
    assert credentials.wearer_of(paired.token) == "ada"
    assert credentials.redeem(code) is None


@settings(max_examples=30)  # each writes to disk
@given(guess=st.text())
def test_nothing_else_opens_anything(tmp_path_factory: pytest.TempPathFactory, guess: str) -> None:
    credentials = Credentials(tmp_path_factory.getbasetemp() / "guess" / "credentials.json")
    code = credentials.new_code("ada")
    assert credentials.wearer_of(guess) is None
    assert credentials.wearer_of(code) is None, "a code is no session"
    assert guess == code or credentials.redeem(guess) is None
    credentials.forget("ada")


def test_codes_and_sessions_end(credentials: Credentials, now: Now, uptime: Now) -> None:
    late, in_time = credentials.new_code("ada"), credentials.new_code("ada")
    uptime.s += CODE_LIFE_S - 1
    paired = credentials.redeem(in_time)
    assert paired is not None
    uptime.s += 1
    assert credentials.redeem(late) is None
    now.s += SESSION_LIFE_S - 1
    assert credentials.wearer_of(paired.token) == "ada"
    now.s += 1
    assert credentials.wearer_of(paired.token) is None
    assert credentials.forget("ada") == 0, "it had ended before"


@pytest.mark.parametrize("there_s", [0.0, 4.1e9])
def test_a_clock_that_was_wrong_for_a_while_ends_no_session(
    credentials: Credentials, now: Now, there_s: float
) -> None:
    paired = credentials.redeem(credentials.new_code("ada"))
    assert paired is not None
    right_s, now.s = now.s, there_s
    credentials.redeem(credentials.new_code("sam"))
    credentials.forget("sam")
    now.s = right_s + 60
    assert credentials.wearer_of(paired.token) == "ada"


@pytest.mark.parametrize("step_s", [-1e9, -3600.0, 3600.0, 1e9])
def test_a_code_made_before_the_clock_was_set_pairs(
    credentials: Credentials, now: Now, step_s: float
) -> None:
    code = credentials.new_code("ada")
    now.s += step_s
    assert credentials.redeem(code) is not None


def test_a_boot_voids_codes_also_once_the_machine_is_as_old_again(
    credentials: Credentials, uptime: Now
) -> None:
    before = uptime.s
    code = credentials.new_code("ada")
    uptime.s = 30.0
    assert credentials.redeem(code) is None
    credentials.void_old_codes()
    uptime.s = before
    assert credentials.redeem(code) is None


def test_codes_nobody_used_do_not_pile_up(
    credentials: Credentials, uptime: Now, tmp_path: Path
) -> None:
    for _ in range(5):
        credentials.new_code("ada")
        uptime.s += CODE_LIFE_S
    left = json.loads((tmp_path / "state" / "credentials.json").read_text())["codes"]
    assert len(left) == 1


def test_forgetting_one_leaves_the_other(credentials: Credentials) -> None:
    ada, sam = (credentials.redeem(credentials.new_code(who)) for who in ("ada", "sam"))
    assert ada is not None
    assert sam is not None
    code = credentials.new_code("ada")
    assert credentials.forget("ada") == 1
    assert credentials.forget("ada") == 0
    assert credentials.wearer_of(ada.token) is None
    assert credentials.redeem(code) is None
    assert credentials.wearer_of(sam.token) == "sam"


def test_the_oldest_session_gives_way(credentials: Credentials) -> None:
    other = credentials.redeem(credentials.new_code("sam"))
    assert other is not None
    tokens = []
    for _ in range(SESSIONS_PER_WEARER + 1):
        paired = credentials.redeem(credentials.new_code("ada"))
        assert paired is not None
        tokens.append(paired.token)
    assert [credentials.wearer_of(token) for token in tokens] == [None, *["ada"] * 8]
    assert credentials.wearer_of(other.token) == "sam"


def test_the_file_holds_no_secret_and_is_for_nobody_else(
    credentials: Credentials, tmp_path: Path
) -> None:
    code = credentials.new_code("ada")
    left = credentials.new_code("ada")
    paired = credentials.redeem(code)
    assert paired is not None
    file = tmp_path / "state" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not any(secret in file.read_text() for secret in (code, left, paired.token))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(
    credentials: Credentials, tmp_path: Path, mode: int
) -> None:
    code = credentials.new_code("ada")
    (tmp_path / "state" / "credentials.json").chmod(mode)
    for use in (lambda: credentials.wearer_of("x"), lambda: credentials.redeem(code)):
        with pytest.raises(ConfigError, match="chmod 600"):
            use()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"version": 1, "x": 1}'])
def test_a_damaged_file_is_refused(credentials: Credentials, tmp_path: Path, content: str) -> None:
    credentials.new_code("ada")
    (tmp_path / "state" / "credentials.json").write_text(content)
    with pytest.raises(ConfigError, match="Move it away"):
        credentials.wearer_of("x")


MAKE_CODES = """
import pathlib, sys
from vagalwatch.web.credentials import Credentials
for _ in range(15):
    Credentials(pathlib.Path(sys.argv[1])).new_code("ada")
"""


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    command = [sys.executable, "-c", MAKE_CODES, str(path)]
    others = [subprocess.Popen(command) for _ in range(2)]
    for other in others:
        assert other.wait(60) == 0
    assert len(json.loads(path.read_text())["codes"]) == 30


@pytest.mark.parametrize(
    ("page", "host", "url"),
    [
        (PageSettings(), None, "http://127.0.0.1:8477/pair#abc"),
        (PageSettings(port=9000), "localhost", "http://localhost:9000/pair#abc"),
        (PageSettings(host="::1"), None, "http://[::1]:8477/pair#abc"),
        # A TLS proxy in front: the service's own port and scheme are not what a phone can reach.
        (PageSettings(public_host="pause.home.arpa"), None, "https://pause.home.arpa/pair#abc"),
        (PageSettings(public_host="pause.home:8443"), None, "https://pause.home:8443/pair#abc"),
        (PageSettings(public_host="pause.home"), "localhost", "http://localhost:8477/pair#abc"),
        (
            PageSettings.model_validate(
                {
                    "host": "192.168.1.5",
                    "public_host": "pause.home.arpa",
                    "tls_cert_file": "cert.pem",
                    "tls_key_file": "key.pem",
                }
            ),
            None,
            "https://pause.home.arpa:8477/pair#abc",
        ),
    ],
)
def test_the_code_stands_in_the_fragment(page: PageSettings, host: str | None, url: str) -> None:
    assert pairing_url(page, "abc", host=host) == url
