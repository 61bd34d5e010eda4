"""What systemd is told: one datagram a message (sd_notify(3)), without a library.

The service sends ``READY=1`` when it is live, ``STOPPING=1`` when it ends, and ``WATCHDOG=1``
from its progress (a tick that went through journal and engine), never from a timer of its own:
a timer goes on ticking while the work stands still.
"""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Tell systemd ``state``, such as ``"READY=1"``; false where nobody listens.

    Never raises: being supervised is no condition of doing the work.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto(state.encode(), address)
    except OSError:
        return False
    return True
