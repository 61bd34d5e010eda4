"""What may be said to a person, and how hard it may be to read."""

from __future__ import annotations

import re
from string import Formatter

FORBIDDEN = re.compile(
    r"""
    dissociat | vagal | vagus | dorsal | ventral | nervous | freeze | trauma | stonewall
    | diagnos | disorder | symptom | patient | abnormal | stress | anxi | panic | angry | emotion
    | \bflood | shut\s?down | you\ are\ calm | \bcalm | \bsafe | signal\ ok | relax
    | \bmust\b | \berror | \bwarning | \balarm | not\ allowed | bad\ data | \blate[.!] | broke
    | promise | apologi | \bscore | deep\ breath | listen | \bhear\b | !
    """,
    re.IGNORECASE | re.VERBOSE,
)
GERMAN_FORBIDDEN = re.compile(
    r"dissozi|vagal|vagus|nerv|trauma|diagnos|störung|symptom|patient|krank|stress|angst"
    r"|panik|wütend|gefühl|erstarr|überflut|ruhig\b|du bist ruhig|sicher\b|entspann|\bmuss"
    r"|fehler|warnung|alarm|verboten|zu spät|entschuldig|tief ein|höre|!",
    re.IGNORECASE,
)
SHORT = 5  # words; under this a reading grade means nothing and the longest word counts


def syllables(word: str) -> int:
    """A rule of thumb that counts a vowel group as a syllable; rather one too many."""
    word = re.sub(r"[^a-z]", "", word.lower())
    count = len(re.findall(r"[aeiouy]+", word))
    if word.endswith("e") and not word.endswith("le") and count > 1:
        count -= 1
    return max(count, 1)


def grade(text: str) -> float:
    """Flesch-Kincaid grade (Kincaid et al. 1975)."""
    said = re.findall(r"[A-Za-z']+|\d+", text)
    sentences = max(len(re.findall(r"[.!?:]+(?:\s|$)", text)), 1)
    return 0.39 * len(said) / sentences + 11.8 * sum(map(syllables, said)) / len(said) - 15.59


def filled(text: str) -> str:
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    return text.format(**dict.fromkeys(names, "20"))


def easy(text: str) -> bool:
    """Grade 6 at most; of a few words none may be long."""
    text = filled(text)
    if len(text.split()) < SHORT:
        return max(map(syllables, text.split())) <= 3
    return grade(text) <= 6
