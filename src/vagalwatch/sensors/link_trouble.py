"""What a failing radio means to a person: a status code, a sentence with the way out, a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)
from bleak_retry_connector import BleakConnectionError, BleakNotFoundError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no link.

    Attributes:
        status: a stable code for pages and ``doctor``.
        advice: one sentence with the way out.
        pause_s: wait before the second retry (the first comes at once); it doubles from there on.
    """

    status: str
    advice: str
    pause_s: float


LINK_LOST: Final = Trouble("reconnecting", "The link was lost; it is being made again.", 0.5)
STALLED: Final = Trouble(
    "stalled", "The link was up but brought nothing; it is being made again.", 0.5
)
NOT_FOUND: Final = Trouble(
    "not-found",
    "The sensor was not found. Put it on so that it wakes up; if a phone app holds it, close it.",
    1.0,
)
REFUSED: Final = Trouble(
    "refused",
    "The sensor refused the connection. If a phone app holds it, close it; else come closer.",
    1.0,
)
WRONG_DEVICE: Final = Trouble(
    "wrong-device",
    "The sensor at this address does not speak what the configured device speaks.",
    5.0,
)
NEEDS_PAIRING: Final = Trouble(
    "needs-pairing",
    "The sensor wants to be paired: set pair = true for it in the configuration.",
    5.0,
)
NO_ADAPTER: Final = Trouble(
    "no-adapter", "No Bluetooth adapter was found. Plug one in, or start bluetoothd.", 2.0
)
BLUETOOTH_OFF: Final = Trouble(
    "bluetooth-off", "Bluetooth is switched off. Switch it on: bluetoothctl power on", 2.0
)
NOT_PERMITTED: Final = Trouble(
    "not-permitted",
    "This user may not use Bluetooth. Add it to the group “bluetooth” and log in again.",
    5.0,
)

_UNPAIRED: Final = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)
_UNAVAILABLE: Final = {
    BleakBluetoothNotAvailableReason.POWERED_OFF: BLUETOOTH_OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: NOT_PERMITTED,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: NOT_PERMITTED,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: NOT_PERMITTED,
}
_DBUS: Final = {
    "AccessDenied": NOT_PERMITTED,
    "AuthenticationFailed": NEEDS_PAIRING,
    "NotPermitted": NEEDS_PAIRING,  # BlueZ says so when a characteristic wants a paired peer
    "ServiceUnknown": NO_ADAPTER,
    "NameHasNoOwner": NO_ADAPTER,
    "UnknownObject": NO_ADAPTER,
    "NotReady": BLUETOOTH_OFF,
}


def trouble_of(error: Exception) -> Trouble:
    """Name what bleak, its retry connector or the bus under them raised."""
    match error:
        case BleakConnectionError(__cause__=Exception() as cause):
            trouble = trouble_of(cause)  # the retry connector wraps what it gave up on
        case BleakNotFoundError():
            trouble = NOT_FOUND
        case BleakBluetoothNotAvailableError(reason=reason):
            trouble = _UNAVAILABLE.get(reason, NO_ADAPTER)
        case BleakCharacteristicNotFoundError():
            trouble = WRONG_DEVICE
        case BleakGATTProtocolError(code=code) if code in _UNPAIRED:
            trouble = NEEDS_PAIRING
        case BleakDBusError(dbus_error=name):
            trouble = _DBUS.get(name.rsplit(".", 1)[-1], REFUSED)
        case FileNotFoundError() | ConnectionRefusedError():
            trouble = NO_ADAPTER  # no system bus, so no bluetoothd
        case _:
            trouble = REFUSED
    return trouble
