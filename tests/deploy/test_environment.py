"""scripts/environment on machines that lack this or that; nothing is downloaded here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "chmod", "cp", "cut", "dirname", "grep", "mkdir", "rm", "sha256sum")

PYTHON = """#!/usr/bin/env bash
# A Python of {version} whose every other act is only written down.
here="$(dirname "$0")"
case "$*" in
    -c*ensurepip*) [ "{venv}" = yes ] && [ "{version}" != 3.9 ] ;;
    -c*) [ "{version}" != 3.9 ] ;;
    "-m pip --version") [ -e "$here/pip" ] ;;
    "-m venv"*)
        echo "$@" >>calls
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        echo "VIRTUAL_ENV=\\"$PWD/.venv\\"" >.venv/bin/activate
        echo >.venv/bin/pip
        printf '#!/usr/bin/env bash\\necho uv "$@" >>calls\\n' >.venv/bin/uv
        chmod +x .venv/bin/uv
        ;;
    *) echo "$@" >>calls ;;
esac
"""


class Machine:
    """A clone of the project, and a PATH with only what is put there."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        (self.bin / "env").symlink_to("/usr/bin/env")
        (self.clone / "scripts").mkdir(parents=True)
        (self.clone / "requirements").mkdir()
        for name in ("scripts/environment", "requirements/demo.txt", "requirements/dev.txt"):
            shutil.copy(ROOT / name, self.clone / name)
        shutil.copy(ROOT / "pyproject.toml", self.clone)
        self.user(1000)

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def user(self, uid: int) -> None:
        self.program("id", f"#!/usr/bin/env bash\necho {uid}\n")

    def python(self, name: str = "python3", version: str = "3.11", *, venv: bool = True) -> None:
        self.program(name, PYTHON.format(version=version, venv="yes" if venv else "no"))

    def debian(self, *, reachable: bool = True) -> None:
        """Root, and an apt-get that brings a Python with its venv."""
        self.user(0)
        waiting = self.bin / "waiting"
        waiting.write_text(PYTHON.format(version="3.11", venv="yes"))
        self.program(
            "apt-get",
            "#!/usr/bin/env bash\n"
            + ('echo "apt-get $1" >>calls\n' if reachable else "echo unreachable >&2; exit 100\n")
            + f'if [ "$1" = install ]; then cp {waiting} {self.bin}/python3; '
            f"chmod +x {self.bin}/python3; fi\n",
        )

    def source(self, what: str = "demo") -> subprocess.CompletedProcess[str]:
        (self.clone / "calls").unlink(missing_ok=True)
        return subprocess.run(
            ["bash", "-c", f'. "{self.clone}/scripts/environment" {what}; echo "$PWD $PATH"'],
            env={"PATH": str(self.bin), "HOME": os.environ.get("HOME", "/")},
            cwd=self.bin,  # from another directory
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        calls = self.clone / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_second_run_does_nothing(machine: Machine) -> None:
    machine.python()
    done = machine.source()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{machine.clone} {machine.clone}/.venv/bin:")
    assert machine.calls[0] == "-m venv --clear .venv"
    assert len(machine.calls) == 4
    assert machine.source().returncode == 0
    assert machine.calls == []


def test_one_environment_serves_demo_and_tests(machine: Machine) -> None:
    machine.python()
    machine.source("demo")
    machine.source("dev")
    assert not any("venv" in call.split() for call in machine.calls)
    assert any("requirements/dev.txt" in call for call in machine.calls)
    machine.source("demo")
    assert machine.calls == []


@pytest.mark.parametrize("has", ["nothing", "no-venv", "too-old"])
def test_root_on_debian_gets_what_python_lacks(machine: Machine, has: str) -> None:
    """A bare debian:12 has no Python at all."""
    if has != "nothing":
        old = has == "too-old"
        machine.python("python3", "3.9" if old else "3.11", venv=old)
    machine.debian()
    done = machine.source()
    assert done.returncode == 0, done.stderr
    assert machine.calls[:3] == ["apt-get update", "apt-get install", "-m venv --clear .venv"]


def test_a_python_with_venv_is_preferred_to_the_first(machine: Machine) -> None:
    machine.python("python3", "3.9")
    machine.python("python3.11", venv=False)
    machine.python("python3.12", "3.12")
    assert machine.source().returncode == 0


def test_packages_out_of_reach_are_not_passed_over(machine: Machine) -> None:
    """It went on without them, and ended in a riddle about ensurepip."""
    machine.python(venv=False)
    machine.debian(reachable=False)
    done = machine.source()
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == "unreachable"


@pytest.mark.parametrize("has", ["nothing", "no-venv", "too-old"])
def test_others_are_told_what_to_install(machine: Machine, has: str) -> None:
    if has != "nothing":
        machine.python(version="3.9" if has == "too-old" else "3.11", venv=False)
    done = machine.source()
    assert done.returncode == 1
    assert "3.11" in done.stderr
    assert "python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_set_up_that_was_broken_off_is_mended(machine: Machine) -> None:
    """Ctrl-C while pip was being put into .venv left a Python without pip, for ever.

    venv writes its activate scripts last.
    """
    machine.python()
    assert machine.source().returncode == 0
    (machine.clone / ".venv/bin/pip").unlink()
    (machine.clone / ".venv/bin/activate").unlink()
    (machine.clone / ".venv/.made-from-demo").unlink()
    assert machine.source().returncode == 0
    assert machine.calls[0] == "-m venv --clear .venv"


def test_an_environment_that_uv_made_is_kept(machine: Machine) -> None:
    machine.python()
    assert machine.source().returncode == 0
    (machine.clone / ".venv/bin/pip").unlink()
    (machine.clone / ".venv/.made-from-demo").unlink()
    (machine.clone / ".venv/kept").touch()
    assert machine.source().returncode == 0
    assert machine.calls[0] == "-m ensurepip"
    assert (machine.clone / ".venv/kept").exists()


def test_a_clone_that_was_moved_is_set_up_anew(machine: Machine) -> None:
    """The programs in .venv/bin name the old place."""
    machine.python()
    assert machine.source().returncode == 0
    machine.clone = machine.clone.rename(machine.clone.with_name("elsewhere"))
    assert machine.source().returncode == 0
    assert machine.calls[0] == "-m venv --clear .venv"
