"""What Home Assistant shows of a wearer to everybody in the home: a function of what is committed.

Nothing by default. The wearer's own ``consent-home-assistant`` names what may be there, each by
itself (:mod:`vagalwatch.alerts.consents`): ``break``, whether there is a break and when it is to
end; ``button``, an "I need a break" that everybody in the home can press; ``state``, what the
body shows. One device a wearer, by MQTT device discovery (Home Assistant 2024.11 and later;
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). A consent taken back
removes its entities and clears what the broker retains, also when the broker was away meanwhile.

An offered, declined, wrong or expired prompt, a pause of everything, a missing sensor and a quiet
evening are all the same here, byte for byte and message for message: ``{"on_break": false}``. A
message goes out only when what it says has changed, so that nothing is told by its coming either.
``state``, where that was agreed to, tells that nothing is known, and not whether it was paused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts import consents, words
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.alerts.table import RUNNING
from vagalwatch.clock import NS
from vagalwatch.deliver import mqtt_messages as messages
from vagalwatch.deliver.mqtt_outbox import Outgoing
from vagalwatch.records import ROW_HOLDS_NS, BreakStep, Estimate, Setting, State

if TYPE_CHECKING:
    from collections.abc import Collection

    from vagalwatch.records import Record

DISCOVERY: Final = "homeassistant/device/vagalwatch"
PRESS: Final = (
    '{"id": "ha-{{ utcnow().timestamp() }}", "issued_at": "{{ utcnow().isoformat() }}", '
    '"command": "start-break"}'
)
"""What the button sends: Home Assistant fills in the time, which is the message's own id too."""


class _Entity(NamedTuple):
    """A part of the device, and the purpose that it needs."""

    key: str
    purpose: str
    platform: str
    topics: dict[str, str]
    options: dict[str, object]


ENTITIES: Final = (
    _Entity(
        "on-break",
        "break",
        "binary_sensor",
        {"state_topic": "home"},
        {"value_template": "{{ 'ON' if value_json.on_break else 'OFF' }}"},
    ),
    _Entity(
        "back-at",
        "break",
        "sensor",
        {"state_topic": "home"},
        {"device_class": "timestamp", "value_template": "{{ value_json.return_at }}"},
    ),
    _Entity(
        "need",
        "button",
        "button",
        {"command_topic": "home-command"},
        {"command_template": PRESS, "qos": 1, "retain": False},
    ),
    _Entity(
        "state",
        "state",
        "sensor",
        {"state_topic": "home-state"},
        {
            "device_class": "enum",
            "options": [state.value for state in State if state != State.UNKNOWN],
            "value_template": "{{ value_json.state if value_json.state != 'unknown' else None }}",
            "expire_after": ROW_HOLDS_NS // NS,
        },
    ),
)


def discovery_topic(site: str, wearer: str) -> str:
    """Where the device is announced; no pseudonym has an underscore, so no two are the same."""
    return f"{DISCOVERY}/{site}_{wearer}/config"


@dataclass(slots=True)
class _Person:
    to: frozenset[str] | None = None
    """What is agreed to; ``None``: there was never anything."""
    paused: bool = False
    step: BreakStep | None = None
    """The newest of a break that may be seen."""
    unseen: str = ""
    """The break of which something happened while everything was paused: it stays so."""
    row: Estimate | None = None
    """The newest, until it was sent."""
    sent: dict[str, bytes] = field(default_factory=dict)
    """The newest retained payload of each topic on this connection."""


class Home:
    """Takes committed records in wall time and says what is due towards Home Assistant."""

    def __init__(
        self, site: str, wearers: Collection[str], known: words.Lines | None = None
    ) -> None:
        """Nobody has agreed to anything; names of entities are in the lines ``known`` (English)."""
        self._site, self._known = site, known
        self._people = {wearer: _Person() for wearer in wearers}

    def take(self, record: Record) -> None:
        """Take a committed record; other kinds and other people's change nothing."""
        person = self._people.get(record.wearer)
        if person is None:
            return
        match record:
            case BreakStep():
                if person.paused:
                    person.unseen = record.id
                if record.id != person.unseen:
                    person.step = record
            case Estimate():
                person.row = record
            case Setting(key=consents.HOME_ASSISTANT):
                to = consents.given(record.key, record.value).to
                if to or person.to is not None:  # a "no" leaves no trace: nothing is to be cleared
                    person.to = to
            case Setting(key=key) if key == PAUSED:
                person.paused = record.value == "true"
                if person.paused and person.step is not None:
                    person.unseen, person.step = person.step.id, None
            case _:
                pass

    def takes_presses(self, wearer: str) -> bool:
        """Whether everybody in the home may press "I need a break" for ``wearer``."""
        person = self._people.get(wearer)
        if person is None or person.to is None or person.paused:
            return False
        return "button" in person.to

    def due(self, now_ns: int) -> list[Outgoing]:
        """Everything that has changed; it counts as sent (see :meth:`connected`)."""
        return [
            message
            for wearer, person in self._people.items()
            if person.to is not None
            for message in self._due(wearer, person, person.to, now_ns)
        ]

    def connected(self) -> None:
        """A new connection: the broker may have lost everything, so what stands goes again."""
        for person in self._people.values():
            person.sent.clear()

    def forget(self, wearer: str) -> None:
        """Erased: send nothing more of ``wearer`` (``mqtt_erase.py`` clears what is retained)."""
        self._people.pop(wearer, None)

    # --- inside -------------------------------------------------------------------------------

    def _due(self, wearer: str, person: _Person, to: frozenset[str], now_ns: int) -> list[Outgoing]:
        said: list[Outgoing] = []
        topic = discovery_topic(self._site, wearer)
        device = self._device(wearer, to)
        if to and person.sent.get(topic) != device:
            # An entity goes when its part comes empty; then the device as it is (Home Assistant's
            # documentation, as above).
            said.append(Outgoing(topic, self._device(wearer, to, removing=True), 1, retain=True))
        said += _changed(person, topic, device)
        shown = b"" if "break" not in to else _break(person.step).payload()
        said += _changed(person, messages.topic(self._site, wearer, "home"), shown)
        if "state" in to and person.row is not None:
            said += self._state(wearer, person.row, now_ns, paused=person.paused)
        person.row = None
        return said

    def _state(self, wearer: str, row: Estimate, now_ns: int, *, paused: bool) -> list[Outgoing]:
        if now_ns >= row.t_ns + ROW_HOLDS_NS:
            return []
        shown = State.UNKNOWN if paused else row.state
        payload = messages.HomeState(state=shown, at=messages.utc(row.t_ns)).payload()
        name = messages.topic(self._site, wearer, "home-state")
        return [Outgoing(name, payload, qos=0, retain=False)]

    def _device(self, wearer: str, to: frozenset[str], *, removing: bool = False) -> bytes:
        """The discovery payload; empty where nothing was agreed to."""
        if not to:
            return b""
        shown = {one.key: self._entity(wearer, one) for one in ENTITIES if one.purpose in to}
        gone: dict[str, dict[str, object]] = {
            one.key: {"platform": one.platform} for one in ENTITIES if one.purpose not in to
        }
        device = {
            "device": {
                "identifiers": [f"vagalwatch_{self._site}_{wearer}"],
                "name": self._word("device", wearer=wearer),
            },
            "origin": {"name": "vagalwatch"},
            "availability": [
                {
                    "topic": messages.topic(self._site, "", "availability"),
                    "value_template": "{{ 'online' if value_json.online else 'offline' }}",
                }
            ],
            "components": gone | shown if removing else shown,
        }
        return json.dumps(device).encode()

    def _entity(self, wearer: str, entity: _Entity) -> dict[str, object]:
        """One part of the device, with its topics, its name, and an id that stays."""
        topics = {
            option: messages.topic(self._site, wearer, name)
            for option, name in entity.topics.items()
        }
        return {
            "platform": entity.platform,
            "unique_id": f"vagalwatch_{self._site}_{wearer}_{entity.key}",
            "name": self._word(entity.key),
            **topics,
            **entity.options,
        }

    def _word(self, key: str, **values: object) -> str:
        return words.sentence(f"home.{key}", self._known, **values)


def _break(step: BreakStep | None) -> messages.HomeBreak:
    """Whether there is a break, and its end: nothing of why, or of how it goes."""
    if step is None or step.phase not in RUNNING:
        return messages.HomeBreak(on_break=False, return_at=None)
    return messages.HomeBreak(on_break=True, return_at=messages.utc(step.until_ns))


def _changed(person: _Person, topic: str, payload: bytes) -> list[Outgoing]:
    if person.sent.get(topic) == payload:
        return []
    person.sent[topic] = payload
    return [Outgoing(topic, payload, qos=1, retain=True)]
