"""Battery Level (0x2A19) and the strings of the Device Information service (0x180A).

Source: Bluetooth SIG, Battery Service 1.0 section 3.1 and Device Information Service 1.1.
"""

from __future__ import annotations

from typing import Final

from vagalwatch.sensors.decode.errors import DecodeError

BATTERY_UUID: Final = "00002a19-0000-1000-8000-00805f9b34fb"
MANUFACTURER_UUID: Final = "00002a29-0000-1000-8000-00805f9b34fb"
MODEL_UUID: Final = "00002a24-0000-1000-8000-00805f9b34fb"
FIRMWARE_UUID: Final = "00002a26-0000-1000-8000-00805f9b34fb"

MAX_CHARACTERS: Final = 64
"""Longer than any name on the market, short enough for a page and a tag."""

_FULL_PERCENT = 100


def decode_battery(raw: bytes) -> int:
    """Charge in percent, 0 to 100.

    Raises:
        DecodeError: ``wrong-length``, or ``out-of-range`` above 100.
    """
    if len(raw) != 1:
        raise DecodeError("wrong-length", min(len(raw), 1), raw)
    if raw[0] > _FULL_PERCENT:
        raise DecodeError("out-of-range", 0, raw)
    return raw[0]


def decode_text(raw: bytes) -> str:
    """A name as printable text of at most 64 characters; never fails.

    The bytes come from a stranger's device and end on pages, in tags and on terminals, so
    control characters (also escape sequences and line breaks) are dropped, what is not UTF-8
    becomes U+FFFD, and the text is cut.
    """
    text = raw.split(b"\0", 1)[0].decode("utf-8", errors="replace")
    return "".join(c for c in text if c.isprintable())[:MAX_CHARACTERS].strip()
