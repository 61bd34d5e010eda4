"""ntfy, and whatever else Apprise knows, in a process of its own.

Apprise knows some 130 services by one URL each (https://github.com/caronc/apprise), takes tens of
MB, and blocks. So each notification is a short process: one that hangs is killed, and nothing
of it reaches the service's memory or log. The URL holds passwords and tokens; it comes from a file
that only the service's user can read and goes on by standard input, never as an argument.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from vagalwatch.deliver.secret import read_secret
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

KEY: Final = "notify.url_file"
TAKEN, REFUSED, NO_URL = 0, 1, 2
"""Exit codes of the process."""


class AppriseError(Exception):
    """It was not taken; the message is one sentence with the way out, without the URL."""


def check(url_file: Path) -> None:
    """Before anything is sent.

    Raises:
        ConfigError: Apprise is not installed, or the file is missing, empty or open to others.
    """
    if find_spec("apprise") is None:
        raise ConfigError(
            "notify way “apprise” needs the extra “notify”. Run “bash scripts/environment dev” "
            "in the project's folder."
        )
    url = read_secret(url_file, KEY)
    if not url or len(url.split()) > 1:
        raise ConfigError(f"{KEY} {url_file} must hold one Apprise URL and nothing else.")


async def tell(url_file: Path, text: str, *, urgent: bool) -> None:
    """Hand ``text`` on by the URL in ``url_file``; when cancelled, the process is killed.

    Raises:
        ConfigError: as :func:`check`; the file is read each time, since secrets are renewed.
        AppriseError: the URL cannot be used, or the other side did not take it.
    """
    check(url_file)
    said = {"url": read_secret(url_file, KEY), "text": text, "urgent": urgent}
    await _run(said, url_file)


async def probe(url_file: Path) -> None:
    """Whether the URL is one that Apprise can use; nothing is sent.

    Raises:
        ConfigError: as :func:`check`.
        AppriseError: it is not.
    """
    check(url_file)
    await _run({"url": read_secret(url_file, KEY)}, url_file)


async def _run(said: dict[str, object], url_file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # or a file in the working directory could stand in for Apprise
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,  # Apprise quotes URLs where it fails
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await process.communicate(json.dumps(said).encode())
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == NO_URL:
        raise AppriseError(f"{KEY} {url_file} holds no URL that Apprise knows.")
    if process.returncode != TAKEN:
        raise AppriseError(f"What {KEY} {url_file} names did not take the notification.")


def main() -> int:
    """Read what to say from standard input, and say it; with no ``text`` only look at the URL."""
    said = json.load(sys.stdin)
    from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415 - an extra

    service = Apprise()
    if not service.add(said["url"]):
        return NO_URL
    if "text" not in said:
        return TAKEN
    taken = service.notify(
        body=said["text"],
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.WARNING if said["urgent"] else NotifyType.INFO,
    )
    return TAKEN if taken else REFUSED


if __name__ == "__main__":
    sys.exit(main())
