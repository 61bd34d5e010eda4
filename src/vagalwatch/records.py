"""Ground floor: everything that can be journalled, as frozen values.

Conventions that hold for every record:

* ``wearer`` is a pseudonym ``[a-z0-9-]{1,32}``; the empty string means the whole site.
* ``t_ns`` is when it happened (for a chunk of samples: the time of the last one), ``recv_ns``
  when it came. Both are UTC nanoseconds of one run: the run's anchor plus CLOCK_BOOTTIME, so a
  stepping wall clock never bends a duration (see :class:`ClockStep`).
* Values stand in the field's natural units and the unit is in the name. RR intervals in ms are
  exact as floats: the SIG tick of 1/1024 s is 125/128 ms.
* Tuples of samples are ordered by time, and no two samples of one stream share a time.
* A record never holds NaN or infinity; what is not known is ``None``.

Nothing here computes; the only behaviour is :func:`span`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

SITE: Final = ""
"""The ``wearer`` of records that concern everybody (ticks, clock steps, runs)."""


class Stream(StrEnum):
    """A kind of series that a source delivers."""

    HEART = "heart"
    EDA = "eda"
    MOTION = "motion"


class GapReason(StrEnum):
    """Why a stretch of a stream is missing, or why an RR chain was broken."""

    NEVER_SEEN = "never-seen"  # the sensor has not been found since the start
    LINK_LOST = "link-lost"  # the radio link dropped
    SILENT = "silent"  # the link is up and nothing comes
    MODE_CHANGE = "mode-change"  # the device is silent by design after a command
    OFF_BODY = "off-body"  # the device says it is not worn
    FROZEN = "frozen"  # the device repeats one value
    MISSING_BEATS = "missing-beats"  # the chain fell behind the clock
    SURPLUS_BEATS = "surplus-beats"  # the chain ran ahead of the clock
    BACKLOG = "backlog"  # beats from before the link was up, which cannot be timed
    UNDECODABLE = "undecodable"  # a frame was refused
    DEVICE_RESET = "device-reset"  # the device's clock or counter started anew
    RESTART = "restart"  # the service was not running
    SUSPEND = "suspend"  # the machine slept
    STOPPED = "stopped"  # a person stopped or paused it
    NOT_RECORDED = "not-recorded"  # the disk refused for longer than memory could hold
    RECORDING = "recording"  # a recording has nothing here


class State(StrEnum):
    """What the estimate says. ``unknown`` is never calm and never shutdown."""

    UNKNOWN = "unknown"
    CALIBRATING = "calibrating"
    SETTLED = "settled"
    RISING = "rising"
    FLOODING = "flooding"
    SHUTDOWN = "shutdown"
    RECOVERING = "recovering"

    @property
    def judged(self) -> bool:
        """Whether a row of it says anything of the body."""
        return self not in {State.UNKNOWN, State.CALIBRATING}


class EpisodeKind(StrEnum):
    """What an alert can be about."""

    FLOODING = "flooding"
    SHUTDOWN = "shutdown"
    SAFETY = "safety"  # a rapid fall of the heart: never a break prompt


class BreakPhase(StrEnum):
    """Where a break stands. The last six are final (see ``docs/break.md``)."""

    OFFERED = "offered"
    STEADYING = "steadying"  # "I feel far away": small steps first, the offer stays open
    ON = "on"
    SETTLED = "settled"  # the time is up and the heart has settled
    NOT_SETTLED = "not-settled"  # the time is up; the person decides all the same
    RETURNED = "returned"
    NOT_RESUMED = "not-resumed"
    DECLINED = "declined"
    THINKING = "thinking"  # the person needs time and no break: neither declined nor wrong
    WRONG = "wrong"
    EXPIRED = "expired"


class AnswerKind(StrEnum):
    """What a person can say to a prompt or in a break."""

    YES = "yes"
    NOT_NOW = "not-now"
    LATER = "later"
    WRONG = "wrong"
    START_BREAK = "start-break"
    IM_BACK = "im-back"
    MORE_TIME = "more-time"
    NOT_TODAY = "not-today"  # put off, until therapy or another day
    LET_IT_DROP = "let-it-drop"
    NO_BREAK = "no-break"  # back without a break; says nothing of the prompt
    IM_HERE = "im-here"
    IM_THINKING = "im-thinking"
    FAR_AWAY = "far-away"
    DIZZY = "dizzy"  # ends any breathing
    PACE = "pace"  # follows the breathing shape from now on ...
    PACE_OVER = "pace-over"  # ... and no longer
    SEEN = "seen"  # acknowledges an alert that asks for no decision: "I'm fine"
    HEARD = "heard"  # of the partner's break: "I heard"
    SHOWN = "shown"  # a machine's word, and no person's: it is not sent again, and nothing else
    # Afterwards; each question can be skipped.
    RIGHT = "right"  # the prompt was; if it was not: WRONG
    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    MADE_WORSE = "made-worse"  # "this made it worse": kept as an adverse event
    NOT_FROM_THIS = "not-from-this"
    MENDED = "mended"
    NOT_MENDED = "not-mended"
    SET_OFF = "set-off"  # what set it off, in the person's own words (Answer.text)
    FEWER = "fewer"  # once a week: too many prompts
    NOT_TOO_MANY = "not-too-many"
    SKIP = "skip"
    SKIP_ALL = "skip-all"


# --- what sensors deliver -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """One heart-rate notification and the beats it carried.

    ``t_ns`` is when ``hr_bpm`` held, and ``hr_quality`` how far it can be trusted, 0 to 1 (of an
    optical sensor the share of its signal that is pulse; ``None``: the sensor does not say).
    Each beat's time is that of the beat that ends its interval. ``chained`` says that
    ``rr_ms[0]`` starts at the last beat of the record before; when false, the pair across the
    border does not exist.
    """

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    epoch: int = 0
    hr_bpm: float | None = None
    hr_quality: float | None = None
    contact: bool | None = None
    energy_kj: int | None = None
    beat_t_ns: tuple[int, ...] = ()
    rr_ms: tuple[float, ...] = ()
    chained: bool = False
    codec: str = ""
    raw: bytes = b""
    kind: Literal["heart"] = "heart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eda:
    """Skin conductance, one value a sample."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    epoch: int = 0
    sample_t_ns: tuple[int, ...] = ()
    eda_us: tuple[float, ...] = ()
    codec: str = ""
    raw: bytes = b""
    kind: Literal["eda"] = "eda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Acceleration in milli-g, one triple a sample."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    epoch: int = 0
    sample_t_ns: tuple[int, ...] = ()
    acc_x_mg: tuple[float, ...] = ()
    acc_y_mg: tuple[float, ...] = ()
    acc_z_mg: tuple[float, ...] = ()
    codec: str = ""
    raw: bytes = b""
    kind: Literal["motion"] = "motion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A slow reading of a device: an arousal index, a temperature, a battery."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    signal: Literal["battery_percent", "temp_c", "dne"]
    value: float
    epoch: int = 0
    codec: str = ""
    raw: bytes = b""
    kind: Literal["level"] = "level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The device says whether it is worn (a state of its own, not a flag of a sample)."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    on_body: bool
    epoch: int = 0
    codec: str = ""
    raw: bytes = b""
    kind: Literal["contact"] = "contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a source is: the answers of its Device Information service and its place."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    model_key: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    body_location: str = ""
    kind: Literal["device"] = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A frame that could not be decoded; its bytes are kept."""

    wearer: str
    source: str
    t_ns: int
    recv_ns: int
    reason: str
    offset: int
    codec: str = ""
    raw: bytes = b""
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stream has nothing from ``t_ns`` to ``end_ns`` (``None``: it still lasts).

    A gap is written when it is noticed and, if it was open, once more with its end: the later
    record with the same (wearer, source, stream, t_ns) replaces the earlier.
    """

    wearer: str
    source: str
    stream: Stream
    t_ns: int
    recv_ns: int
    reason: GapReason
    end_ns: int | None = None
    kind: Literal["gap"] = "gap"


# --- time and the run -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A second has passed: silence is data."""

    t_ns: int
    recv_ns: int
    wearer: str = SITE
    kind: Literal["tick"] = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """The wall clock jumped by ``delta_ns`` against the run's clock."""

    t_ns: int
    recv_ns: int
    delta_ns: int
    wearer: str = SITE
    kind: Literal["clock-step"] = "clock-step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The service started (or, with ``ended``, stopped cleanly)."""

    t_ns: int
    recv_ns: int
    version: str
    engine_version: int
    parameters_hash: str
    ended: bool = False
    wearer: str = SITE
    kind: Literal["run"] = "run"


# --- what people say ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person answered; ``about`` is the id of the alert or break, empty for a start.

    ``via`` "home": a press that anybody who lives there can have made.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    answer: AnswerKind
    about: str = ""
    minutes: int | None = None
    via: Literal["page", "mqtt", "home", "story"] = "page"
    id: str = ""
    text: str | None = None
    """The person's own words (``set-off``), for them and their therapist: never in a log, over
    MQTT or to InfluxDB."""
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that steers behaviour. ``value`` is JSON text; the last one stands."""

    wearer: str
    t_ns: int
    recv_ns: int
    key: str
    value: str
    kind: Literal["setting"] = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Both of a couple are on a break: this one is to last until ``until_ns`` at the least.

    The shell puts it here, by both consents (see ``alerts/couple.py``); it names nobody.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    until_ns: int
    kind: Literal["together"] = "together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session starts or stops for those who take part."""

    t_ns: int
    recv_ns: int
    session: str
    started: bool
    wearers: tuple[str, ...] = ()
    wearer: str = SITE
    kind: Literal["session"] = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A note in time, by a person or from a recording.

    ``wearers``: of a session of two, both, since a note may speak of either and is erased with
    either.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    text: str
    wearers: tuple[str, ...] | None = None
    kind: Literal["marker"] = "marker"


Relatedness = Literal["unrelated", "unlikely", "possible", "probable", "definite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEvent:
    """What a therapist or investigator judged of an event (``alerts/adverse.py``).

    ``wall_ns``: the minute in which it happened, UTC ns of the wall clock, which no clock step
    moves; it names the event, and the last record of it stands.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    wall_ns: int
    serious: bool
    related: Relatedness
    expected: bool
    note: str = ""
    """In their own words, for the report: never over MQTT, to InfluxDB or to a study."""
    kind: Literal["adverse-event"] = "adverse-event"


# --- what the engines say -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The figures of one row. A figure whose evidence is too thin is ``None``.

    Windows are (t - w, t]: ``hr_bpm`` 30 s; ``rmssd_ms`` to ``sd2_ms``, ``coverage`` and
    ``nsr_per_min`` 60 s; ``lf_ms2`` and ``hf_ms2`` 300 s; ``breaths_per_min`` and
    ``coherence`` 64 s.
    """

    hr_bpm: float | None = None
    rmssd_ms: float | None = None
    sdnn_ms: float | None = None
    pnn50: float | None = None
    sd1_ms: float | None = None
    sd2_ms: float | None = None
    lf_ms2: float | None = None
    hf_ms2: float | None = None
    breaths_per_min: float | None = None
    coherence: float | None = None
    coverage: float | None = None
    scl_us: float | None = None
    nsr_per_min: float | None = None
    motion_mg: float | None = None
    z_hr: float | None = None
    z_scl: float | None = None
    z_nsr: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One line of the explanation. Codes and numbers; words are made on reading."""

    code: str
    value: float | None = None
    usual: float | None = None
    z: float | None = None
    threshold: float | None = None
    held_s: float | None = None
    contribution: float | None = None


ROW_HOLDS_NS: Final = 15_000_000_000
"""Rows come every 5 s and up to 3 s late; after three missed rows the last one says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The row for ``t_ns``, a UTC multiple of 5 s; emitted once and never revised.

    ``reason`` names why the state is ``unknown`` or ``calibrating``, else it is empty.
    ``arousal`` is above 0 towards flooding and below 0 towards shutdown, in units of the
    person's own spread; ``None`` only while ``unknown`` or ``calibrating``.
    ``usual_hr_bpm`` is the personal baseline the row was judged against.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    state: State
    reason: str = ""
    arousal: float | None = None
    usual_hr_bpm: float | None = None
    metrics: Metrics = Metrics()
    reasons: tuple[Reason, ...] = ()
    gates: tuple[str, ...] = ()
    kind: Literal["estimate"] = "estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode was recognised (``end_ns`` is ``None``) or has ended.

    ``onset_ns`` is the start of the dwell, ``t_ns`` the row in which it was recognised; both
    stand unchanged in the closing record, so (wearer, episode, onset_ns) names the episode.
    """

    wearer: str
    t_ns: int
    recv_ns: int
    episode: EpisodeKind
    onset_ns: int
    end_ns: int | None = None
    peak_hr_bpm: float | None = None
    reasons: tuple[Reason, ...] = ()
    kind: Literal["episode"] = "episode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A prompt for the wearer. The same alert has the same ``id`` however often it is sent."""

    wearer: str
    t_ns: int
    recv_ns: int
    id: str
    alert: EpisodeKind
    onset_ns: int
    valid_until_ns: int
    reasons: tuple[Reason, ...] = ()
    kind: Literal["alert"] = "alert"


LONGER: Final = "longer"
"""``BreakStep.reason``: both share it, and the partner's time counts for both; nobody's own word.
The other reasons stand in the break's table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakStep:
    """A break moved to ``phase``. ``until_ns`` is the agreed time of return."""

    wearer: str
    t_ns: int
    recv_ns: int
    id: str
    phase: BreakPhase
    began_ns: int
    until_ns: int
    origin: Literal["prompt", "self"]
    about: EpisodeKind | None = None
    alert_id: str = ""
    reason: str = ""
    """Why it is so (not settled yet, extended, not resumed); a code, see ``alerts/table.py``."""
    steps: tuple[str, ...] = ()
    """The small steps on offer, as codes, in their order (``alerts/steps.py``)."""
    asks: tuple[str, ...] = ()
    """What is asked afterwards, as codes, in their order (``alerts/afterwards.py``)."""
    breathed: str = ""
    """What the heart did while a breathing shape was followed; a code, see ``alerts/breath.py``."""
    breathed_bpm: tuple[float, ...] = ()
    """The heart before it and at its end, if known. Both stand only in the end of a break."""
    kind: Literal["break"] = "break"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One attempt to tell the wearer of an alert beyond the page, from ``t_ns`` to ``recv_ns``."""

    wearer: str
    t_ns: int
    recv_ns: int
    alert_id: str
    way: str
    """Which one of the person's chain: its kind and its place there, as ``apprise-2``."""
    repeat: bool
    """Whether it is the one gentle repeat."""
    outcome: Literal["taken", "failed", "too-slow"]
    """``taken`` by the other side: that it was seen, only an answer tells."""
    kind: Literal["notice"] = "notice"


Record = (
    Heart
    | Eda
    | Motion
    | Level
    | Contact
    | Device
    | Refused
    | Gap
    | Tick
    | ClockStep
    | Run
    | Answer
    | Setting
    | Together
    | Session
    | Marker
    | AdverseEvent
    | Estimate
    | Episode
    | Alert
    | BreakStep
    | Notice
)


def span(record: Record) -> tuple[int, int]:
    """First and last time (ns) that a record speaks of; an open gap ends where it starts."""
    match record:
        case Heart(beat_t_ns=times) if times:
            return min(times[0], record.t_ns), max(times[-1], record.t_ns)
        case Eda(sample_t_ns=times) | Motion(sample_t_ns=times) if times:
            return times[0], times[-1]
        case Gap():
            return record.t_ns, record.t_ns if record.end_ns is None else record.end_ns
        case _:
            return record.t_ns, record.t_ns
