"""Everything around a gateway, as a process of its own: bodies, wearables, radio and phones.

    python -m benchmarks.outside BUS_ADDRESS

Two wearers live in real time; their wearables notify over the fake ``org.bluez`` on the bus.
Once a line ``{"pages": {wearer: pairing address}, "mqtt": {...}}`` comes in on stdin, each
wearer's page is opened with its numbers shown, and every heart-rate notification is timed from
just before it is handed to D-Bus to its arrival in the page's WebSocket client. When stdin ends,
one JSON object with the times goes to stdout.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import aiomqtt
from benchmarks.bluez import WearableBluez
from websockets.asyncio.client import connect
from websockets.typing import Origin

from vagalwatch.sensors.decode import heart_rate
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stories import WEARERS, story
from vagalwatch.sensors.simulated.strap import Strap

EDA_HZ: Final = 16
STEP_S: Final = 1 / 64
"""How long a frame may wait for its turn; before its time is taken, so it is in no figure."""

FIRST_BPM: Final = 40
NUMBERS: Final = 100
"""A notification is known again by its heart rate, which counts 40 to 139 and begins anew; no
notification is under way for 100 s. The estimate uses the RR intervals, which stay as they are."""

STRAPS: Final = {wearer: f"C0:FF:EE:00:00:0{n}" for n, wearer in enumerate(WEARERS, start=1)}
RINGS: Final = {wearer: f"C0:FF:EE:00:01:0{n}" for n, wearer in enumerate(WEARERS, start=1)}


@dataclass
class Timing:
    """One wearer's notifications under way and their times."""

    sent_ns: dict[int, int] = field(default_factory=dict)
    latency_ms: list[float] = field(default_factory=list)
    count: int = 0
    lost: int = 0


class Outside:
    """Two wearers, the radio and their phones."""

    def __init__(self) -> None:
        """Everybody sits at second 0 of a hard evening, in which every part has work."""
        evening = story("hard", 1)
        self._bodies = {wearer: evening.body(wearer, eda_hz=EDA_HZ) for wearer in WEARERS}
        self._worn = {
            wearer: (
                # No two people's hearts or sensors are in step.
                Strap(f"{wearer} strap", STRAPS[wearer], offset_s=0.37 + 0.23 * n),
                Ring(f"{wearer} ring", RINGS[wearer]),
            )
            for n, wearer in enumerate(WEARERS)
        }
        self._radio = WearableBluez([one for worn in self._worn.values() for one in worn])
        self._timing = {wearer: Timing() for wearer in WEARERS}
        self._showing: set[str] = set()
        self._notifications = 0
        self._mqtt_messages = 0

    async def run(self, bus_address: str) -> dict[str, Any]:
        """Live until stdin ends; return what was seen."""
        await self._radio.start(bus_address)
        print("up", flush=True)
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._live())]
        order = await loop.run_in_executor(None, sys.stdin.readline)
        if order:
            wanted = json.loads(order)
            tasks += [
                asyncio.create_task(self._phone(wearer, url))
                for wearer, url in wanted["pages"].items()
            ]
            tasks.append(asyncio.create_task(self._subscriber(**wanted["mqtt"])))
        end = loop.run_in_executor(None, sys.stdin.read)
        await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # it never ends but by an error
            task.cancel()
        return {
            "notifications": self._notifications,
            "mqtt_messages": self._mqtt_messages,
            "lost": sum(timing.lost for timing in self._timing.values()),
            "latency_ms": [ms for timing in self._timing.values() for ms in timing.latency_ms],
        }

    async def _live(self) -> None:
        began = time.monotonic()
        while True:
            now_s = time.monotonic() - began
            for n, wearer in enumerate(WEARERS):
                # Nor are their rings' clocks in step.
                own_s = max(now_s - 0.03 * n, 0.0)
                signals = self._bodies[wearer].advance(own_s)
                for wearable in self._worn[wearer]:
                    for frame in wearable.advance(signals, own_s):
                        value = frame.value
                        if frame.uuid == heart_rate.MEASUREMENT_UUID:
                            value = self._marked(wearer, value)
                        self._radio.notify(wearable, frame.uuid, value)
                        self._notifications += 1
            await asyncio.sleep(STEP_S)

    def _marked(self, wearer: str, value: bytes) -> bytes:
        timing = self._timing[wearer]
        number = FIRST_BPM + timing.count % NUMBERS
        timing.count += 1
        if number in timing.sent_ns:
            timing.lost += 1
        marked = heart_rate.encode(replace(heart_rate.decode(value), hr_bpm=number))
        timing.sent_ns.pop(number, None)
        if wearer in self._showing:
            timing.sent_ns[number] = time.monotonic_ns()
        return marked

    async def _phone(self, wearer: str, pairing_url: str) -> None:
        """What a browser does with a pairing address; then time what comes."""
        url = urlsplit(pairing_url)
        origin = f"http://{url.netloc}"
        cookie = await asyncio.to_thread(_pair, origin, url.fragment)
        timing = self._timing[wearer]
        async with connect(
            f"ws://{url.netloc}/live", origin=Origin(origin), additional_headers={"Cookie": cookie}
        ) as page:
            await page.send(json.dumps({"numbers": True}))
            await page.recv()  # what was before
            self._showing.add(wearer)
            async for message in page:
                came_ns = time.monotonic_ns()
                for _, bpm in json.loads(message).get("pulse", {}).get("points", ()):
                    sent_ns = timing.sent_ns.pop(bpm, None)
                    if sent_ns is not None:
                        timing.latency_ms.append((came_ns - sent_ns) / 1e6)

    async def _subscriber(self, port: int, username: str, password: str) -> None:
        async with aiomqtt.Client(
            "127.0.0.1", port, username=username, password=password
        ) as client:
            await client.subscribe("vagalwatch/#", qos=1)
            async for _ in client.messages:
                self._mqtt_messages += 1


def _pair(origin: str, code: str) -> str:
    request = urllib.request.Request(  # noqa: S310 - our own http address
        f"{origin}/pair",
        json.dumps({"code": code}).encode(),
        {"Origin": origin, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(answer.headers["Set-Cookie"]).split(";", 1)[0]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Outside().run(sys.argv[1]))))
