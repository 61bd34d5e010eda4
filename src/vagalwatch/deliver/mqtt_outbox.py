"""What the mailbox has to send: a function of what is committed, without a connection.

Valid alerts go first, each again until somebody answers or its time is over, because a broker's
PUBACK is no delivery (mosquitto as installed lost 50 of 50 acknowledged messages on kill -9).
Then the latest state, row and break step of each wearer; what was superseded stays in the
journal. A late alert is history: it is not sent.

State and rows are sent only where the wearer's own ``consent-mqtt`` setting names them
(``"state"``, ``"estimate"``; nothing by default; :mod:`vagalwatch.alerts.consents`), since whoever
has the broker's password reads them. A withdrawn consent clears what the broker retains. While a
wearer has paused everything, no consent holds and no break step goes out; a rapid fall is still
told.

All times here are wall time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts import consents
from vagalwatch.alerts.policy import repeat_at_ns
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.deliver import mqtt_messages as messages
from vagalwatch.records import (
    ROW_HOLDS_NS,
    Alert,
    Answer,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Estimate,
    Setting,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from vagalwatch.alerts import words
    from vagalwatch.journal.port import Entry

KINDS: Final = ("alert", "answer", "break", "setting", "clock-step", "estimate")
EVENTS: Final = tuple(kind for kind in KINDS if kind != "estimate")

RESEND_NS: Final = 15_000_000_000
"""Seven more tries in the 120 s that a prompt is valid."""

ONLINE: Final = messages.Availability(online=True).payload()
OFFLINE: Final = messages.Availability(online=False).payload()


class Outgoing(NamedTuple):
    """A message ready to go. An empty ``payload`` clears what the broker retains."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class _OpenAlert:
    alert: Alert
    place: int
    break_id: str = ""
    next_ns: int = 0


class Outbox:
    """Takes committed entries in wall time and says what is due."""

    def __init__(
        self,
        site: str,
        wearers: Collection[str],
        known: words.Lines | None = None,
        *,
        tells: bool = True,
    ) -> None:
        """Nothing to send yet; what there is to read is said in the lines ``known`` (English).

        Who no longer ``tells`` (others read along at this broker now) only clears what may still
        be retained there from before.
        """
        self._known = known
        self._tells = tells
        self._site = site
        self._wearers = frozenset(wearers)
        self._open: dict[str, _OpenAlert] = {}
        self._rows: dict[str, Estimate] = {}
        self._steps: dict[str, BreakStep] = {}
        self._consent: dict[str, frozenset[str]] = {}
        self._paused: set[str] = set()
        self._withheld: dict[str, str] = {}
        """The break of which something happened while everything was paused: it stays untold."""
        self._due: dict[str, None] = {}
        """Topics to send, in the order in which they came to be due."""

    def take(self, entry: Entry) -> None:
        """Take a committed record; other kinds and other people's change nothing."""
        record = entry.record
        if record.wearer not in self._wearers:
            return
        match record:
            case Setting():
                self._setting(record)
            case _ if not self._tells:
                pass
            case Alert():
                self._open[record.id] = _OpenAlert(record, entry.place)
            case Answer():
                self._close(record.wearer, record.about)
            case BreakStep():
                self._break(record)
                if record.phase != BreakPhase.OFFERED:
                    self._close(record.wearer, record.alert_id)
                elif record.alert_id in self._open:
                    self._open[record.alert_id].break_id = record.id
            case Estimate():
                self._row(record)

    def due(self, now_ns: int) -> list[Outgoing]:
        """Everything to send at ``now_ns``; it counts as sent (see :meth:`connected`)."""
        for key in [k for k, o in self._open.items() if now_ns >= o.alert.valid_until_ns]:
            del self._open[key]
        ready = [o for o in self._open.values() if now_ns >= o.next_ns]
        ready.sort(key=lambda o: (o.alert.alert != EpisodeKind.SAFETY, o.place))
        said = [self._send(opened, now_ns) for opened in ready]
        topics, self._due = list(self._due), {}
        return said + [message for name in topics if (message := self._latest(name, now_ns))]

    def hello(self) -> list[Outgoing]:
        """What is said first on a connection."""
        return [self._availability(ONLINE)]

    def goodbye(self) -> list[Outgoing]:
        """What is said last: from here on nothing is measured."""
        return [self._availability(OFFLINE)]

    def connected(self) -> None:
        """A new connection: the broker may have lost everything, so everything valid goes again."""
        for opened in self._open.values():
            opened.next_ns = 0
        for wearer in self._wearers:
            if wearer in self._steps:
                self._want(wearer, "break")
            if wearer in self._consent:  # given now, or once: then what is retained is cleared
                for name in sorted({"state"} | self._shared(wearer)):
                    self._want(wearer, name)

    def forget(self, wearer: str) -> None:
        """Erased: send nothing more of ``wearer`` (``mqtt_erase.py`` clears what is retained)."""
        self._open = {k: o for k, o in self._open.items() if o.alert.wearer != wearer}
        self._rows.pop(wearer, None)
        self._steps.pop(wearer, None)
        self._consent.pop(wearer, None)
        self._paused.discard(wearer)
        self._withheld.pop(wearer, None)
        self._wearers -= {wearer}  # what is committed and was not read yet is not taken
        mine = messages.topic(self._site, wearer, "")
        self._due = {name: None for name in self._due if not name.startswith(f"{mine}/")}

    # --- inside -------------------------------------------------------------------------------

    def _want(self, wearer: str, name: str) -> None:
        self._due[messages.topic(self._site, wearer, name)] = None

    def _close(self, wearer: str, about: str) -> None:
        """Nobody answers for another: ids can be guessed."""
        for key, opened in list(self._open.items()):
            if about and opened.alert.wearer == wearer and about in {key, opened.break_id}:
                del self._open[key]

    def _break(self, step: BreakStep) -> None:
        if step.wearer in self._paused:
            self._withheld[step.wearer] = step.id
        elif step.id != self._withheld.get(step.wearer):
            self._steps[step.wearer] = step
            self._want(step.wearer, "break")

    def _setting(self, setting: Setting) -> None:
        if setting.key == consents.MQTT:
            self._consents(setting)
        elif setting.key == PAUSED:
            self._pauses(setting)

    def _consents(self, setting: Setting) -> None:
        to = consents.given(setting.key, setting.value).to
        if not to and setting.wearer not in self._consent:
            return  # a "no" leaves no trace: there is nothing to clear
        self._consent[setting.wearer] = to
        self._want(setting.wearer, "state")

    def _pauses(self, setting: Setting) -> None:
        if setting.value == "true":
            self._paused.add(setting.wearer)
            self._steps.pop(setting.wearer, None)  # or it would be told anew, and by then be old
        else:
            self._paused.discard(setting.wearer)
        if setting.wearer in self._consent:
            self._want(setting.wearer, "state")

    def _shared(self, wearer: str) -> frozenset[str]:
        """What may go out of ``wearer`` now."""
        none: frozenset[str] = frozenset()
        silent = wearer in self._paused or not self._tells
        return none if silent else self._consent.get(wearer, none)

    def _row(self, row: Estimate) -> None:
        self._rows[row.wearer] = row
        for name in sorted(self._shared(row.wearer)):
            self._want(row.wearer, name)

    def _send(self, opened: _OpenAlert, now_ns: int) -> Outgoing:
        repeat_ns = repeat_at_ns(opened.alert)
        opened.next_ns = now_ns + RESEND_NS
        if now_ns < repeat_ns:
            opened.next_ns = min(opened.next_ns, repeat_ns)
        numbers = "estimate" in self._shared(opened.alert.wearer)
        message = messages.alert_message(opened.alert, now_ns, self._known, numbers=numbers)
        name = messages.topic(self._site, opened.alert.wearer, "alert")
        return Outgoing(name, message.payload(), qos=1, retain=False)

    def _availability(self, payload: bytes) -> Outgoing:
        # Of the site alone: a connection has one last will, and after a crash no other would go.
        name = messages.topic(self._site, "", "availability")
        return Outgoing(name, payload, qos=1, retain=True)

    def _latest(self, topic: str, now_ns: int) -> Outgoing | None:
        """The topic's latest message; nothing if what there is has run out."""
        wearer, name = topic.split("/")[-2:]
        row = self._rows.get(wearer)
        fresh = row is not None and now_ns < row.t_ns + ROW_HOLDS_NS
        if name == "break":
            step = self._steps.get(wearer)
            payload = messages.break_message(step, self._known).payload() if step else None
            return Outgoing(topic, payload, qos=1, retain=False) if payload else None
        if name == "estimate":
            payload = messages.estimate_message(row).payload() if row and fresh else None
            return Outgoing(topic, payload, qos=0, retain=False) if payload else None
        if "state" not in self._shared(wearer):
            return Outgoing(topic, b"", qos=1, retain=True)
        payload = messages.state_message(row, self._known).payload() if row and fresh else None
        return Outgoing(topic, payload, qos=1, retain=True) if payload else None
