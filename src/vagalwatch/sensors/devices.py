"""The registry: which device speaks what, how often, how late, and what it cannot tell.

A new device is a decoder in ``decode/``, a driver, and one entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vagalwatch.records import Stream
from vagalwatch.sensors.decode import heart_rate, nuanic
from vagalwatch.sensors.driver_heart_rate import HeartRateDriver
from vagalwatch.sensors.driver_nuanic import NuanicDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vagalwatch.sensors.driver import Driver

_SILENT_INTERVALS: Final = 3
_SILENT_AT_MOST_S: Final = 60.0


class UnknownDeviceError(ValueError):
    """No such model in the registry; the message names those there are."""


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """A kind of device.

    Attributes:
        key: its name in the configuration.
        name: its name for people.
        service_uuid: the GATT service that it advertises.
        interval_s: how long a healthy device leaves a stream without a notification. EDA samples
            come more often, but radios bunch them and the clock that watches ticks each second.
        cannot: streams that a person may miss and that this device does not have.
        note: what to know about its timing.
        driver: what is asked of it, and what its notifications become; one of skin conductance is
            also told the rate that is wanted (``eda_rate_hz``).
    """

    key: str
    name: str
    service_uuid: str
    interval_s: Mapping[Stream, float]
    cannot: tuple[Stream, ...]
    note: str
    driver: Callable[..., Driver]

    def silence_s(self, stream: Stream) -> float:
        """After this long without anything a stream counts as silent."""
        return min(_SILENT_AT_MOST_S, _SILENT_INTERVALS * self.interval_s[stream])


MODELS: Final = {
    model.key: model
    for model in (
        DeviceModel(
            key="heart-rate",
            name="Heart rate strap or band (Bluetooth Heart Rate Service)",
            service_uuid=heart_rate.SERVICE_UUID,
            interval_s={Stream.HEART: 1.0},
            cannot=(Stream.EDA, Stream.MOTION),
            note="Late by 0.4 to 2.6 s depending on the model; see vagalwatch.sensors.latency.",
            driver=HeartRateDriver,
        ),
        DeviceModel(
            key="nuanic",
            name="Nuanic (Moodmetric) ring",
            service_uuid=nuanic.SERVICE_UUID,
            interval_s={Stream.EDA: 1.0, Stream.MOTION: 1.0},
            cannot=(Stream.HEART,),
            note="Samples carry the ring's own clock; its latency has not been measured.",
            driver=NuanicDriver,
        ),
    )
}


def model_of(key: str) -> DeviceModel:
    """The model with this key.

    Raises:
        UnknownDeviceError: there is none.
    """
    try:
        return MODELS[key]
    except KeyError:
        known = ", ".join(f"“{known}”" for known in MODELS)
        raise UnknownDeviceError(f"Unknown device “{key}”. Known devices: {known}.") from None


def recognise(service_uuids: Collection[str]) -> str | None:
    """The key of the model that advertises one of these services."""
    return next((m.key for m in MODELS.values() if m.service_uuid in service_uuids), None)


def driver_for(model_key: str, *, wearer: str, source: str, eda_rate_hz: int = 4) -> Driver:
    """The driver of one device of one wearer.

    Raises:
        UnknownDeviceError: no such model.
        ValueError: an EDA rate that the device does not have.
    """
    model = model_of(model_key)
    silence_s = {stream: model.silence_s(stream) for stream in model.interval_s}
    rate = {"eda_rate_hz": eda_rate_hz} if Stream.EDA in model.interval_s else {}
    return model.driver(
        wearer=wearer, source=source, model_key=model.key, silence_s=silence_s, **rate
    )
