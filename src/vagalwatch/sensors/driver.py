"""What every device has in common beyond its bytes: info, presence, wear state; pure.

A driver is the device's side of the conversation without the radio: which characteristics to
read and listen to, what to write, and what its bytes and its silence mean. Time comes in with
every call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal

from vagalwatch.records import Contact, Device, GapReason, Level, Refused
from vagalwatch.sensors.decode import device_info, heart_rate
from vagalwatch.sensors.decode.errors import DecodeError
from vagalwatch.sensors.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vagalwatch.records import Record, Stream

NS: Final = 1_000_000_000

STALLED_NS: Final = 10 * NS
"""An open link that brings nothing at all for this long is dead: ten missed notifications of a
device that sends each second. (Links die so: bleak-retry-connector issue 228. 5 to 10 s raises
no false alarm at 1 Hz: Colorado-Mesh/mesh-client issue 427.)"""

_INFO: Final = (
    device_info.MANUFACTURER_UUID,
    device_info.MODEL_UUID,
    device_info.FIRMWARE_UUID,
    heart_rate.BODY_LOCATION_UUID,
)


class Driver(ABC):
    """One device of one wearer, over all its connections."""

    notify: tuple[str, ...] = ()
    """Characteristics to subscribe to; the first one is indispensable."""
    read: tuple[str, ...] = (*_INFO, device_info.BATTERY_UUID)
    """Characteristics to read once after connecting, before subscribing; all dispensable."""
    teardown: tuple[tuple[str, bytes], ...] = ()
    """Writes before a clean disconnect."""
    gather_s: float = 0.0
    """How long a frame may wait for the next ones, to be taken with them; each keeps the time at
    which it came."""
    codecs: Mapping[str, str] = {}
    """Names of the frames' layouts, as in the journal."""

    def __init__(
        self, *, wearer: str, source: str, model_key: str, silence_s: Mapping[Stream, float]
    ) -> None:
        """Start unconnected; ``silence_s`` names the streams and their patience."""
        self.wearer = wearer
        self.source = source
        self._model_key = model_key
        self._presence = {
            stream: Presence(wearer, source, stream, round(seconds * NS))
            for stream, seconds in silence_s.items()
        }
        self._info: dict[str, str] = {}
        self._info_told = True
        self._heard_ns: int | None = None
        self._on_body: bool | None = None

    @property
    def setup(self) -> tuple[tuple[str, bytes], ...]:
        """Writes after subscribing, in view of what has been read."""
        return ()

    def awaited(self, since_ns: int) -> None:
        """The device is missed from ``since_ns`` on, though nobody looks for it yet."""
        for presence in self._presence.values():
            presence.awaited(since_ns)

    def opened(self, now_ns: int) -> list[Record]:
        """The link is up; reads come next, then notifications."""
        self._heard_ns = now_ns
        self._on_body = None
        for presence in self._presence.values():
            presence.linked(now_ns)
        return []

    def frame(self, uuid: str, raw: bytes, recv_ns: int) -> list[Record]:
        """Take a value, read or notified. What cannot be decoded is kept as it is."""
        self._heard_ns = recv_ns
        try:
            if uuid in _INFO:
                self._learn(uuid, raw)
                return []
            if uuid == device_info.BATTERY_UUID:
                percent = float(device_info.decode_battery(raw))
                codec = self._codec(uuid)
                return [
                    self._level("battery_percent", percent, recv_ns, recv_ns, codec=codec, raw=raw)
                ]
            return self._take(uuid, raw, recv_ns)
        except DecodeError as error:
            return self._refuse(uuid, raw, recv_ns, error.reason, error.offset)

    def tick(self, now_ns: int) -> list[Record]:
        """A second has passed on an open link whose set-up is done."""
        records: list[Record] = [] if self._info_told else [self._device(now_ns)]
        self._info_told = True
        for presence in self._presence.values():
            records += presence.tick(now_ns)
        return records

    def slept(self, now_ns: int) -> list[Record]:
        """The machine slept up to now; whether the link has outlived that will show."""
        if self._heard_ns is not None:
            self._heard_ns = now_ns
        return [gap for p in self._presence.values() for gap in p.slept(now_ns)]

    def closed(self, now_ns: int, reason: GapReason) -> list[Record]:
        """The link is down (or was never up), because of ``reason``."""
        self._heard_ns = None
        return [gap for p in self._presence.values() for gap in p.missing(now_ns, reason)]

    def stalled(self, now_ns: int) -> bool:
        """True when an open link has been dead for so long that it should be made anew."""
        return self._heard_ns is not None and now_ns - self._heard_ns >= STALLED_NS

    @abstractmethod
    def _take(self, uuid: str, raw: bytes, recv_ns: int) -> list[Record]:
        """Decode and judge one value of the device's own; may raise DecodeError."""

    def _learn(self, uuid: str, raw: bytes) -> None:
        is_place = uuid == heart_rate.BODY_LOCATION_UUID
        text = heart_rate.decode_body_location(raw) if is_place else device_info.decode_text(raw)
        if self._info.get(uuid) != text:
            self._info[uuid] = text
            self._info_told = False

    def _device(self, now_ns: int) -> Device:
        return Device(
            wearer=self.wearer,
            source=self.source,
            t_ns=now_ns,
            recv_ns=now_ns,
            model_key=self._model_key,
            manufacturer=self._info.get(device_info.MANUFACTURER_UUID, ""),
            model=self._info.get(device_info.MODEL_UUID, ""),
            firmware=self._info.get(device_info.FIRMWARE_UUID, ""),
            body_location=self._info.get(heart_rate.BODY_LOCATION_UUID, ""),
        )

    def _worn(self, recv_ns: int, *, on_body: bool, codec: str, raw: bytes) -> list[Record]:
        """The device says whether it is worn: a record, and what follows, when that changes."""
        if on_body is self._on_body:
            return []
        self._on_body = on_body
        records: list[Record] = [
            Contact(
                wearer=self.wearer,
                source=self.source,
                t_ns=recv_ns,
                recv_ns=recv_ns,
                on_body=on_body,
                codec=codec,
                raw=raw,
            )
        ]
        for presence in self._presence.values():
            if not on_body:
                records += presence.missing(recv_ns, GapReason.OFF_BODY)
            elif presence.reason is GapReason.OFF_BODY:
                records += presence.excused(recv_ns)
        return records

    def _level(
        self,
        signal: Literal["battery_percent", "dne"],
        value: float,
        t_ns: int,
        recv_ns: int,
        *,
        codec: str,
        raw: bytes,
    ) -> Level:
        return Level(
            wearer=self.wearer,
            source=self.source,
            t_ns=t_ns,
            recv_ns=recv_ns,
            signal=signal,
            value=value,
            codec=codec,
            raw=raw,
        )

    def _refuse(
        self, uuid: str, raw: bytes, recv_ns: int, reason: str, offset: int
    ) -> list[Record]:
        return [
            Refused(
                wearer=self.wearer,
                source=self.source,
                t_ns=recv_ns,
                recv_ns=recv_ns,
                reason=reason,
                offset=offset,
                codec=self._codec(uuid),
                raw=raw,
            )
        ]

    def _codec(self, uuid: str) -> str:
        """The layout's name; for SIG characteristics their assigned number."""
        return self.codecs.get(uuid) or uuid[4:8].upper()
