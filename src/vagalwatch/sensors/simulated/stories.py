"""The demo's evenings, as scripts for two people: a hard talk, the same swapped, a calm one.

All three last 40 minutes and begin with quiet sitting, from which a personal baseline can be
taken. In the hard talk one person floods and the other, after some minutes of engaged talk,
shows a low-arousal pattern; then both rest. Who is who, and how their bodies are made, comes
from the seed.

Sizes follow the literature where it has them: flooding is a heart rate well over 100 or a fifth
over one's own (Gottman 1994), calm returns within about 20 minutes (the same), freezing is a
slower heart and less movement (Roelofs et al. 2010, Azevedo et al. 2005), spontaneous skin
responses are 1 to 3 a minute at rest and over 20 in high arousal (Boucsein 2012), talk makes
breathing broadband and lifts the heart rate a little (Bernardi et al. 2000, Beda et al. 2007).
A shutdown with a falling heart is one reading among others (Volchan et al. 2011 saw it rise);
the story plays the pattern that the detector names and claims no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.person import LEANING, Person
from vagalwatch.sensors.simulated.script import Phase, Script

StoryName = Literal["hard", "swapped", "calm"]

WEARERS: Final = ("alex", "sam")
DURATION_S: Final = 2400.0
TALK_S: Final = 510.0
"""When the quiet sitting ends: past the five minutes that a baseline takes, with a margin."""


@dataclass(frozen=True, slots=True)
class Story:
    """An evening of two people: what each body does, and so what is true of it."""

    name: StoryName
    seed: int
    scripts: dict[str, Script]
    duration_s: float = DURATION_S

    def body(self, wearer: str, *, eda_hz: int = 4) -> Body:
        """A new body of ``wearer`` at the story's beginning."""
        return Body(
            self.seed * len(WEARERS) + WEARERS.index(wearer), self.scripts[wearer], eda_hz=eda_hz
        )


def story(name: StoryName, seed: int) -> Story:
    """The evening ``name`` with people drawn from ``seed`` (at least 0)."""
    people = {
        wearer: Person(np.random.default_rng([seed, index])) for index, wearer in enumerate(WEARERS)
    }
    alex, sam = WEARERS
    if name == "calm":
        scripts = {wearer: _chats(person) for wearer, person in people.items()}
    elif name == "hard":
        scripts = {alex: _floods(people[alex]), sam: _shuts_down(people[sam])}
    else:
        scripts = {alex: _shuts_down(people[alex]), sam: _floods(people[sam])}
    return Story(name, seed, scripts)


def _floods(person: Person) -> Script:
    start_s = person.about(690, 15)
    calming_s = person.about(1000, 15)
    return Script(
        *person.sits_down_and_rests(),
        Phase(
            TALK_S,
            person.drive(
                person.about(6, 1),
                scl=1.1,
                nsr_per_min=7,
                rsa=0.8,
                fidgets_per_min=3,
                speaking=True,
            ),
            over_s=40,
        ),
        Phase(
            start_s,
            person.drive(
                person.about(36, 3),
                scl=1.6,
                nsr_per_min=18,
                rsa=0.35,
                fidgets_per_min=2,
                speaking=True,
            ),
            over_s=90,
            label="flooding",
        ),
        # Gottman 1994: the way back takes about 20 minutes; most of it in the first ones.
        Phase(
            calming_s,
            person.drive(5, scl=1.35, nsr_per_min=5, rsa=0.75, fidgets_per_min=1),
            over_s=240,
            label="recovering",
        ),
        Phase(
            calming_s + 260,
            person.drive(1.5, scl=1.15, nsr_per_min=3.5, fidgets_per_min=1),
            over_s=300,
            label="none",
        ),
    )


def _shuts_down(person: Person) -> Script:
    start_s = person.about(790, 15)
    waking_s = start_s + 310
    # Below one's own level by more than the larger of 5 bpm and 7 %, yet all in all less than
    # 15 bpm under the minutes before and over two minutes: a faint falls by 15 and within
    # seconds (Virag et al. 2018), and that is another matter.
    low_bpm = -max(5.0, 0.07 * person.hr_bpm) - person.about(3.2, 0.3)
    frozen = person.drive(low_bpm, scl=0.68, nsr_per_min=0, rsa=0.7, fidgets_per_min=0)
    return Script(
        *person.sits_down_and_rests(),
        Phase(
            TALK_S,
            person.drive(
                person.about(7, 0.5),
                scl=1.12,
                nsr_per_min=12,
                rsa=0.8,
                fidgets_per_min=3,
                speaking=True,
            ),
            over_s=40,
        ),
        Phase(
            start_s - 150,
            person.drive(4, scl=1.08, nsr_per_min=10, rsa=0.8, fidgets_per_min=2, speaking=True),
            over_s=60,
        ),
        Phase(
            start_s,
            person.drive(2, scl=0.95, nsr_per_min=0, rsa=0.8, fidgets_per_min=0),
            over_s=20,
        ),
        Phase(start_s + 20, frozen, over_s=75, label="shutdown"),
        Phase(
            waking_s,
            person.drive(-1, scl=0.85, nsr_per_min=2, fidgets_per_min=2),
            over_s=120,
            label="recovering",
        ),
        Phase(waking_s + 200, person.drive(scl=0.95, fidgets_per_min=1), over_s=200, label="none"),
    )


def _chats(person: Person) -> Script:
    """Talk with laughs, small rises and one change of posture."""
    chatting = person.drive(
        person.about(3, 1), scl=1.05, nsr_per_min=5, rsa=0.9, fidgets_per_min=3, speaking=True
    )
    leaning = chatting._replace(gravity_x=LEANING[0], gravity_y=LEANING[1], gravity_z=LEANING[2])
    phases = [*person.sits_down_and_rests(), Phase(TALK_S, chatting, over_s=40)]
    turns_s = person.about(1300, 200)
    at_s = TALK_S + 60
    while at_s < DURATION_S - 120:
        usual = leaning if at_s > turns_s else chatting
        rise_bpm = person.about(5, 2)
        phases += [
            Phase(
                at_s,
                usual._replace(hr_bpm=usual.hr_bpm + rise_bpm, nsr_per_min=9, fidgets_per_min=8),
                over_s=8,
            ),
            Phase(at_s + person.about(14, 4), usual, over_s=20),
        ]
        at_s += person.about(150, 60)
    return Script(*phases)
