"""From where on a wearer agrees to something: what came before is not part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.alerts import consents
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.journal.recording import entries
from vagalwatch.records import Setting

if TYPE_CHECKING:
    from vagalwatch.journal.reader import Reader


def agreed_at(reader: Reader, wearer: str, key: str, purpose: str) -> int | None:
    """At which place of the journal the agreement that stands now began; ``None``: there is none.

    By place, as a machine's clock may have been a day behind when it was given. While everything
    is paused nothing is shared, whatever was agreed to.
    """
    said = [
        (place, setting)
        for place, setting in entries(reader, wearer, ("setting",))
        if isinstance(setting, Setting) and setting.wearer == wearer
    ]
    if [setting.value for _, setting in said if setting.key == PAUSED][-1:] == ["true"]:
        return None
    began = consents.began((setting for _, setting in said), key, purpose)
    return next((place for place, setting in said if setting is began), None)
