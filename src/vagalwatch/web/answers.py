"""What a browser says, taken once however often it is sent, and confirmed when it is on disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vagalwatch.alerts.afterwards import LONGEST_WORDS
from vagalwatch.alerts.policy import LATE_NS
from vagalwatch.alerts.steps import one_line
from vagalwatch.clock import NS
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.records import Answer, AnswerKind

if TYPE_CHECKING:
    from typing import Self

    from vagalwatch.deliver.port import Inbox


def _own_words(text: str) -> str:
    return one_line(text, LONGEST_WORDS)


KEPT: Final = 1024
"""Answers of one wearer remembered against retries; a retry comes within minutes."""


class Said(BaseModel):
    """The body of ``POST /answer``; ``id`` is the browser's, the same in every retry."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    answer: AnswerKind
    about: Annotated[str, Field(max_length=128)] = ""
    minutes: Annotated[int | None, Field(ge=1, le=24 * 60)] = None
    age_ms: Annotated[int, Field(ge=0, le=LATE_NS // 1_000_000)] = 0
    """How long ago the person tapped."""
    text: Annotated[str, AfterValidator(_own_words), Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _words_only_where_asked_for(self) -> Self:
        if (self.text is not None) != (self.answer is AnswerKind.SET_OFF):
            raise ValueError("words belong to the question that asks for them")
        return self

    def record(self, wearer: str, now_ns: int) -> Answer:
        """The answer as it is journalled: when it was given and when it came."""
        return Answer(
            wearer=wearer,
            t_ns=now_ns - self.age_ms * (NS // 1000),
            recv_ns=now_ns,
            answer=self.answer,
            about=self.about,
            minutes=self.minutes,
            id=self.id,
            text=self.text,
        )


class Answers:
    """Answers by wearer and id: on their way to the disk (a task), or known to have come."""

    def __init__(self, inbox: Inbox) -> None:
        """Hand answers on to ``inbox``."""
        self._inbox = inbox
        self._known: dict[tuple[str, str], asyncio.Task[bool] | None] = {}

    async def take(self, answer: Answer) -> bool:
        """Whether ``answer`` is on disk; if not, it was heard all the same.

        An answer that came before is not handed on again. Cancelling does not take it back:
        a browser may hang up before it is confirmed.
        """
        key = answer.wearer, answer.id
        if key not in self._known:
            self._remember(key, asyncio.create_task(self._submit(key, answer)))
        task = self._known[key]
        return True if task is None else await asyncio.shield(task)

    def came(self, answer: Answer) -> None:
        """Recognise retries of an answer read from the journal, or come by another way."""
        if answer.id and (answer.wearer, answer.id) not in self._known:
            self._remember((answer.wearer, answer.id), None)

    def forget(self, wearer: str) -> None:
        """Keep nothing of ``wearer``."""
        self._known = {key: task for key, task in self._known.items() if key[0] != wearer}

    def _remember(self, key: tuple[str, str], task: asyncio.Task[bool] | None) -> None:
        self._known[key] = task
        own = [known for known in self._known if known[0] == key[0]]
        if len(own) > KEPT:
            del self._known[own[0]]

    async def _submit(self, key: tuple[str, str], answer: Answer) -> bool:
        try:
            await self._inbox.submit(answer)
        except NotRecordingError:
            return False
        except BaseException:
            self._known.pop(key, None)  # not taken: a retry may try again
            raise
        return True
