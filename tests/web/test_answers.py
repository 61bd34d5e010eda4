from __future__ import annotations

import asyncio
import json

import pytest

from vagalwatch.records import Answer, AnswerKind, Marker, Setting
from vagalwatch.web.answers import KEPT, Answers, Said


class Inbox:
    def __init__(self, *troubles: Exception) -> None:
        self.said: list[Answer | Setting | Marker] = []
        self.troubles = list(troubles)

    async def submit(self, record: Answer | Setting | Marker) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.said.append(record)


def answer(key: str, wearer: str = "ada") -> Answer:
    return Answer(wearer=wearer, t_ns=1, recv_ns=1, answer=AnswerKind.YES, id=key)


async def test_an_answer_that_was_not_taken_may_be_tried_again() -> None:
    inbox = Inbox(OSError("the socket broke"))
    answers = Answers(inbox)
    with pytest.raises(OSError, match="broke"):
        await answers.take(answer("a"))
    assert await answers.take(answer("a"))
    assert await answers.take(answer("a"))
    assert inbox.said == [answer("a")]


async def test_answers_that_come_together_are_taken_once() -> None:
    inbox = Inbox()
    answers = Answers(inbox)
    assert all(await asyncio.gather(*(answers.take(answer("a")) for _ in range(5))))
    assert inbox.said == [answer("a")]


async def test_what_came_by_another_way_is_not_taken_again() -> None:
    inbox = Inbox()
    answers = Answers(inbox)
    answers.came(answer("a"))
    answers.came(answer(""))
    assert await answers.take(answer("a"))
    assert inbox.said == []
    assert await answers.take(answer("a", "sam"))
    assert inbox.said == [answer("a", "sam")]


async def test_memory_is_bounded_and_forgets_whom_it_must() -> None:
    inbox = Inbox()
    answers = Answers(inbox)
    for n in range(KEPT + 10):
        answers.came(answer(str(n)))
    assert await answers.take(answer("0"))
    assert inbox.said == [answer("0")], "the oldest was let go"
    answers.forget("ada")
    assert await answers.take(answer("500"))
    assert inbox.said == [answer("0"), answer("500")]


def test_own_words_come_trimmed_and_without_them_nothing_is_added() -> None:
    body = {"id": "a" * 32, "answer": "set-off", "about": "b", "text": " the bins, again "}
    assert Said.model_validate_json(json.dumps(body)).record("ada", 5).text == "the bins, again"
    plain = {"id": "a" * 32, "answer": "better", "about": "b", "text": None}
    assert Said.model_validate_json(json.dumps(plain)).record("ada", 5).text is None


async def test_answers_of_one_wearer_make_nobody_elses_be_forgotten() -> None:
    inbox = Inbox()
    answers = Answers(inbox)
    assert await answers.take(answer("more-time"))
    for n in range(KEPT + 10):
        answers.came(answer(str(n), "sam"))
    assert await answers.take(answer("more-time")), "a retry"
    assert inbox.said == [answer("more-time")]
