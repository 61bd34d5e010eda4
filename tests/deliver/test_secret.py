from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vagalwatch.deliver.secret import read_secret
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def with_mode(folder: Path, mode: int) -> Path:
    file = folder / "token"
    file.write_text("sec-ret\n")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_is_read_without_its_line_end(tmp_path: Path, mode: int) -> None:
    assert read_secret(with_mode(tmp_path, mode), "mqtt.password_file") == "sec-ret"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_what_others_can_read_is_not_used_and_not_quoted(tmp_path: Path, mode: int) -> None:
    file = with_mode(tmp_path, mode)
    with pytest.raises(ConfigError, match=f"Others can read mqtt.*chmod 600 {file}") as refused:
        read_secret(file, "mqtt.password_file")
    assert "sec-ret" not in str(refused.value)


@pytest.mark.parametrize(("mode", "used"), [(0o440, True), (0o400, True), (0o444, False)])
def test_systemd_credentials_are_known_by_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, *, used: bool
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = with_mode(tmp_path, mode)
    if used:
        assert read_secret(file, "influx.token_file") == "sec-ret"
    else:
        with pytest.raises(ConfigError, match="Others can read"):
            read_secret(file, "influx.token_file")


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    file = with_mode(tmp_path, 0o600)
    file.write_bytes(b"\xff")
    for unusable in (file, tmp_path / "nothing"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_secret(unusable, "influx.token_file")
