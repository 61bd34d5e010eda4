"""Stories of one person each, with a known truth: what is to be found, and what only looks so.

Sizes and time courses come from the sources that stand beside them, never from a detector. What
has no source (how deep a shutdown is) is graded, so that a report shows from where on it is found.
Each story begins with quiet sitting, from which a personal baseline can be taken; the same seed
is the same person in every story.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.person import LEANING, Person
from vagalwatch.sensors.simulated.script import Phase, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.sensors.simulated.script import Drive, Label

SIT_S: Final = 370.0
"""When the quiet sitting ends: a minute to settle and five of rest (Laborde 2017)."""
BASELINE_S: Final = (60.0, 360.0)

_ROOM: Final = 100  # stories that a seed has room for before its bodies would be the next one's

OffMode = Literal["silent", "says so", "noise", "strays"]


class Off(NamedTuple):
    """The sensors lie on a table: they fall silent, say so, or read noise as a heart.

    With ``strays`` the strap goes on telling its last rate, and now and then (``strays_per_s``)
    takes something for a beat.
    """

    from_s: float
    to_s: float
    mode: OffMode
    strays_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A story: what the body does, what is worn, and the person's own resting heart rate."""

    name: str
    seed: int
    script: Script
    duration_s: float
    resting_bpm: float
    has_eda: bool = True
    off: Off | None = None
    unsure_s: tuple[float, float] | None = None
    """Where nobody can say whether an alert would be false."""

    def body(self) -> Body:
        """A new body at the story's beginning."""
        return Body(self.seed * _ROOM + list(TRAPS).index(self.name), self.script)


class _Move(NamedTuple):
    """Go to ``drive`` within ``over_s`` and stay there for ``hold_s``."""

    drive: Drive
    over_s: float
    hold_s: float
    label: Label = "none"


def trap(name: str, seed: int) -> Trap:
    """The story ``name`` (one of :data:`TRAPS`) with a person drawn from ``seed`` (at least 0)."""
    person = Person(np.random.default_rng([seed, 2]))
    return TRAPS[name](name, seed, person)


def _told(name: str, seed: int, person: Person, *moves: _Move) -> Trap:
    phases = list(person.sits_down_and_rests())
    at_s = SIT_S
    for move in moves:
        phases.append(Phase(at_s, move.drive, over_s=move.over_s, label=move.label))
        at_s += move.over_s + move.hold_s
    return Trap(
        name=name,
        seed=seed,
        script=Script(*phases),
        duration_s=at_s,
        resting_bpm=person.hr_bpm,
    )


def _times(person: Person, factor: float) -> float:
    """How many bpm over rest ``factor`` times the resting rate is."""
    return (factor - 1) * person.hr_bpm


# --- what only looks so -----------------------------------------------------------------------


def _talks(person: Person, over_bpm: float = 4.0) -> Drive:
    """Talk: breathing broadband and the heart a little quicker (Bernardi 2000, Beda 2007)."""
    return person.drive(
        person.about(over_bpm, 1),
        scl=1.05,
        nsr_per_min=5,
        rsa=0.9,
        fidgets_per_min=3,
        speaking=True,
    )


def _lively(person: Person) -> Drive:
    """Talk in which somebody is engaged, not aroused."""
    return person.drive(
        person.about(7, 1), scl=1.12, nsr_per_min=11, rsa=0.8, fidgets_per_min=3, speaking=True
    )


def _conversation(name: str, seed: int, person: Person) -> Trap:
    """A calm talk with laughs and one change of posture."""
    chatting = _talks(person)
    leaning = chatting._replace(gravity_x=LEANING[0], gravity_y=LEANING[1], gravity_z=LEANING[2])
    moves = [_Move(chatting, 30, 30)]
    for turn in range(6):
        usual = leaning if turn > 2 else chatting  # noqa: PLR2004 - half of the talk
        laugh = usual._replace(
            hr_bpm=usual.hr_bpm + person.about(6, 2), nsr_per_min=9.0, fidgets_per_min=8.0
        )
        moves += [_Move(laugh, 8, person.about(6, 3)), _Move(usual, 20, person.about(60, 25))]
    return _told(name, seed, person, *moves)


def _speech(name: str, seed: int, person: Person) -> Trap:
    """Speaking at length: mean RR falls, LF rises, breathing is broadband (Bernardi 2000)."""
    return _told(
        name,
        seed,
        person,
        _Move(_talks(person, 8.0), 20, 400),
        _Move(person.drive(1), 60, 90),
    )


def _posture(name: str, seed: int, person: Person) -> Trap:
    """Stands up and sits down three times (Heidelbach et al. 2026).

    Standing: 62.4 to 78.4 bpm at 8 s, 68.0 at 18 s; sitting down: 70.2 to 60.7 at 14 s; both over
    in about 30 s. As factors of the sitting rate.
    """
    up = partial(person.drive, gravity=LEANING, fidgets_per_min=2.0)
    moves = []
    for _ in range(3):
        peak = person.about(1.26, 0.03)
        moves += [
            _Move(up(_times(person, peak)), 8, 0),
            _Move(up(_times(person, 1.09)), 10, 0),
            _Move(up(_times(person, 1.12)), 10, person.about(80, 20)),
            _Move(person.drive(_times(person, 0.97)), 14, 0),
            _Move(person.drive(), 16, person.about(60, 20)),
        ]
    return _told(name, seed, person, *moves)


def _stairs(name: str, seed: int, person: Person) -> Trap:
    """A minute and a half of stairs, twice.

    Stair climbing is vigorous: some 80 % of the highest rate if it goes on (Teh & Aziz 2002), of
    which 90 s reach two thirds. Recovery in a minute well over 12 bpm (Cole et al. 1999).
    """
    moves = []
    for _ in range(2):
        peak_bpm = person.about(50, 8)
        climbing = person.drive(peak_bpm, scl=1.25, nsr_per_min=8, rsa=0.4)._replace(walking=1.0)
        moves += [
            _Move(
                person.drive(5, rsa=0.8)._replace(walking=1.0), 3, 0
            ),  # legs first, then the heart
            _Move(climbing, 80, 10),
            _Move(person.drive(0.45 * peak_bpm, scl=1.2, nsr_per_min=6, rsa=0.6), 50, 0),
            _Move(person.drive(0.12 * peak_bpm, scl=1.1, nsr_per_min=4, rsa=0.8), 80, 0),
            _Move(person.drive(1, scl=1.05), 60, 40),
        ]
    return _told(name, seed, person, *moves)


def _recovery(name: str, seed: int, person: Person) -> Trap:
    """Five minutes of brisk exercise, then sitting: a fast fall first (Cole 1999), then a slow one.

    The heart stays some 10 % up for many minutes, and sweat goes on after the effort.
    """
    peak_bpm = person.about(65, 10)
    effort = person.drive(peak_bpm, scl=1.5, nsr_per_min=10, rsa=0.2, fidgets_per_min=4)
    return _told(
        name,
        seed,
        person,
        _Move(person.drive(5, rsa=0.8)._replace(walking=1.0), 3, 0),
        _Move(effort._replace(walking=1.0), 90, 210),
        _Move(person.drive(0.5 * peak_bpm, scl=1.6, nsr_per_min=8, rsa=0.4), 60, 0),
        _Move(person.drive(0.22 * peak_bpm, scl=1.4, nsr_per_min=5, rsa=0.6), 90, 0),
        _Move(person.drive(0.1 * peak_bpm, scl=1.2, nsr_per_min=4, rsa=0.8), 240, 100),
    )


def _breathing(name: str, seed: int, person: Person) -> Trap:
    """Six breaths a minute: the respiratory swing grows to some 2.5 times (Lehrer & Gevirtz 2014).

    The mean rate stays (Marchant 2025).
    """
    slow = person.drive(rsa=person.about(2.5, 0.4), nsr_per_min=2)
    paced = slow._replace(breath_hz=0.1, breath_spread=0.02)
    return _told(name, seed, person, _Move(paced, 20, 480), _Move(person.drive(), 20, 60))


def _valsalva(name: str, seed: int, person: Person) -> Trap:
    """Three strains of 15 s.

    Phase I: a little slower; II: quicker to the end of the strain; III: once more for 2 s; IV: the
    overshoot slows the heart under rest within some 10 s and it is back in about 40 (Low 1997).
    Longest over shortest interval about 1.7 (normal: over 1.2 to 1.5 by age, Ewing et al. 1985).
    """
    strain = partial(person.drive, nsr_per_min=12.0, scl=1.1)
    moves = [_Move(person.drive(), 5, 10)]
    for _ in range(3):
        peak, trough = person.about(1.38, 0.08), person.about(0.82, 0.03)
        moves += [
            _Move(strain(_times(person, 0.97)), 2, 0),
            _Move(strain(_times(person, peak - 0.05), rsa=0.3), 13, 0),
            _Move(person.drive(_times(person, peak), rsa=0.3), 2, 0),
            _Move(person.drive(_times(person, trough), rsa=0.6), 9, 3),
            _Move(person.drive(), 30, person.about(100, 20)),
        ]
    return _told(name, seed, person, *moves)


def _drowsing(name: str, seed: int, person: Person) -> Trap:
    """Talk, then slowly falling asleep in the chair over ten minutes.

    The heart slows by some 5 bpm into sleep (Burgess, Kleiman & Trinder 1999), skin goes quiet and
    its level sinks (Boucsein 2012).
    """
    asleep = person.drive(
        -person.about(0.085, 0.02) * person.hr_bpm,
        scl=0.75,
        nsr_per_min=0.2,
        rsa=1.15,
        fidgets_per_min=0.05,
    )
    half = person.drive(-1.5, scl=0.95, nsr_per_min=1.5, fidgets_per_min=0.3)
    return _told(
        name,
        seed,
        person,
        _Move(_talks(person), 30, 90),
        _Move(half, 120, 60),
        _Move(asleep._replace(breath_hz=0.85 * person.breath_hz), 420, 180),
    )


def _drift(name: str, seed: int, person: Person) -> Trap:
    """After a meal the heart is some 5 to 10 bpm quicker for an hour (Sidery & Macdonald 1994).

    Meanwhile skin conductance drifts, to either side by person (own finding on wrist recordings).
    """
    full = person.drive(
        person.about(7.5, 2.5), scl=person.about(1.1, 0.3), rsa=0.85, fidgets_per_min=1
    )
    return _told(name, seed, person, _Move(full, 720, 120))


def _sensor_off(name: str, seed: int, person: Person) -> Trap:
    """The sensors are taken off for five minutes and put on again; the person sits all along."""
    modes: tuple[OffMode, ...] = ("silent", "says so", "noise")
    story = _told(name, seed, person, _Move(_talks(person), 30, 700))
    from_s = 520 + person.about(0, 30)
    return replace(story, off=Off(from_s, from_s + 300, modes[seed % len(modes)]))


def _strays(name: str, seed: int, person: Person) -> Trap:
    """The same for 15 minutes with a strap that tells no contact and holds its last rate."""
    story = _told(name, seed, person, _Move(_talks(person), 30, 1300))
    from_s = 520 + person.about(0, 30)
    per_s = (0.05, 0.15, 0.3, 0.5, 0.8)[seed % 5]
    return replace(story, off=Off(from_s, from_s + 900, "strays", per_s))


def _athlete(name: str, seed: int, person: Person) -> Trap:
    """45 bpm and large respiratory swings at rest (Jensen-Urstad 1997), in a calm talk."""
    _is_athlete(person)
    return _conversation(name, seed, person)


def _beta_blocker(name: str, seed: int, person: Person) -> Trap:
    """A calm talk with a slowed heart (as in "flooding-beta-blocker")."""
    person.hr_bpm = person.about(57, 4)
    return _conversation(name, seed, person)


def _settling(name: str, seed: int, person: Person) -> Trap:
    """A lively talk, and then nothing but leaning back: quieter than the baseline, not shut down.

    A baseline is taken while things are attached and new; later rest is a little deeper. How much
    is a guess: within the 2 to 3 bpm by which resting medians differ anyway.
    """
    content = person.drive(
        -person.about(0.03, 0.015) * person.hr_bpm,
        scl=0.92,
        nsr_per_min=0.7,
        rsa=1.1,
        fidgets_per_min=0.1,
    )
    return _told(
        name,
        seed,
        person,
        _Move(_lively(person), 40, person.about(200, 30)),
        _Move(content, person.about(90, 30), 400),
    )


def _is_athlete(person: Person) -> None:
    person.hr_bpm = person.about(45, 3)
    person.rsa_ms = person.about(65, 15)


# --- what is to be found ----------------------------------------------------------------------


def _flooding(name: str, seed: int, person: Person) -> Trap:
    """A talk that floods: by 25, 40 or 55 % of the resting rate, with the skin accordingly.

    Gottman 1994: over 100, up to 165, and about twenty minutes back (of which the first part is
    played). Over 20 responses a minute in high arousal (Boucsein 2012).
    """
    strength = {"flooding-mild": 0.25, "flooding-strong": 0.55}.get(name, 0.4)
    return _floods(name, seed, person, strength * person.hr_bpm, strength)


def _floods(name: str, seed: int, person: Person, over_bpm: float, strength: float) -> Trap:
    high = person.drive(
        over_bpm,
        scl=1 + 1.2 * strength,
        nsr_per_min=6 + 30 * strength,
        rsa=max(0.3, 1 - 1.5 * strength),
        fidgets_per_min=2,
        speaking=True,
    )
    return _told(
        name,
        seed,
        person,
        _Move(_talks(person), 30, person.about(90, 20)),
        _Move(high, person.about(75, 25), person.about(260, 40), "flooding"),
        _Move(person.drive(0.25 * over_bpm, scl=1.2, nsr_per_min=5, rsa=0.8), 150, 0, "recovering"),
        _Move(person.drive(2, scl=1.1, nsr_per_min=3.5), 60, 140),
    )


def _flooding_heart_only(name: str, seed: int, person: Person) -> Trap:
    """The same with nothing but a strap."""
    return replace(_flooding(name, seed, person), has_eda=False)


def _flooding_beta_blocker(name: str, seed: int, person: Person) -> Trap:
    """The heart answers stress by half (blunted: Mills & Dimsdale 1991), the skin as ever."""
    person.hr_bpm = person.about(57, 4)
    return _floods(name, seed, person, 0.5 * 0.5 * person.hr_bpm, 0.5)


def _immobile(name: str, seed: int, person: Person) -> Trap:
    """Frozen in high arousal: still and silent, the heart up and its variability down.

    So it was in 18 people with PTSD and 15 without (Volchan et al. 2011). It is flooding; to read
    it as a shutdown because nobody moves would be to ask the wrong question.
    """
    high = person.drive(0.35 * person.hr_bpm, scl=1.4, nsr_per_min=16, rsa=0.35, fidgets_per_min=0)
    return _told(
        name,
        seed,
        person,
        _Move(_talks(person), 30, person.about(90, 20)),
        _Move(high, person.about(60, 20), person.about(260, 40), "flooding"),
        _Move(
            person.drive(3, scl=1.1, nsr_per_min=2, rsa=0.8, fidgets_per_min=0),
            240,
            120,
            "recovering",
        ),
    )


def _flooding_athlete(name: str, seed: int, person: Person) -> Trap:
    """From 45 to about 75 bpm: never near 100."""
    _is_athlete(person)
    return _floods(name, seed, person, person.about(30, 4), 0.45)


def _shutdown(name: str, seed: int, person: Person) -> Trap:
    """After an engaged talk the heart slows, the skin goes quiet and the hand stays still.

    Freezing slows the heart and stills the body (Roelofs 2010, Azevedo 2005); how far outside of a
    laboratory, nobody has measured, so 8, 11 and 14 % of the resting rate are played. Less is
    within what breathing and posture do all day.
    """
    depth = {"shutdown-mild": 0.08, "shutdown-deep": 0.14}.get(name, 0.11)
    frozen = person.drive(
        -depth * person.hr_bpm, scl=1 - 3 * depth, nsr_per_min=0, rsa=0.8, fidgets_per_min=0
    )
    return _told(
        name,
        seed,
        person,
        _Move(_lively(person), 40, person.about(200, 30)),
        _Move(frozen, person.about(75, 20), person.about(260, 30), "shutdown"),
        _Move(person.drive(-1, scl=0.9, nsr_per_min=2, fidgets_per_min=2), 100, 60, "recovering"),
    )


def _faint(name: str, seed: int, person: Person) -> Trap:
    """A vasovagal faint: quick for some minutes, then from 95-130 to 40-65 bpm in 1 to 5 minutes.

    As on the tilt table (Virag et al. 2018). Worn is a strap alone: nothing but the heart tells.
    """
    quick = person.drive(rsa=0.4, fidgets_per_min=1)._replace(hr_bpm=person.about(112, 17))
    slow = person.drive(rsa=0.6, fidgets_per_min=0)._replace(hr_bpm=person.about(52, 12))
    quick_s = person.about(180, 60)
    story = _told(
        name,
        seed,
        person,
        _Move(quick, 60, quick_s),
        _Move(slow, person.about(180, 120), person.about(100, 20), "fainting"),
        _Move(person.drive(-2), 120, 60, "recovering"),
    )
    # A heart over 100 for minutes at rest is flooding by Gottman's word, if not in truth.
    return replace(story, has_eda=False, unsure_s=(SIT_S, SIT_S + 60 + quick_s))


TRAPS: Final[dict[str, Callable[[str, int, Person], Trap]]] = {
    "conversation": _conversation,
    "speech": _speech,
    "posture": _posture,
    "stairs": _stairs,
    "recovery": _recovery,
    "paced-breathing": _breathing,
    "valsalva": _valsalva,
    "drowsing": _drowsing,
    "slow-drift": _drift,
    "sensor-off": _sensor_off,
    "athlete": _athlete,
    "flooding-mild": _flooding,
    "flooding-moderate": _flooding,
    "flooding-strong": _flooding,
    "flooding-heart-only": _flooding_heart_only,
    "flooding-beta-blocker": _flooding_beta_blocker,
    "flooding-athlete": _flooding_athlete,
    "shutdown-mild": _shutdown,
    "shutdown-moderate": _shutdown,
    "shutdown-deep": _shutdown,
    "faint": _faint,
    "beta-blocker": _beta_blocker,
    "settling": _settling,
    "flooding-immobile": _immobile,
    "sensor-off-strays": _strays,
}
"""Every story by name; new ones go to the end, so that the others' bodies stay the same."""
