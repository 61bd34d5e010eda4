from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from helpers_house import WEARER, house, journalled
from helpers_real import shared_data
from vagalwatch.records import Eda, Heart
from vagalwatch.sensors.recording import read, sequence
from vagalwatch.sensors.simulated.playback import Playback

if TYPE_CHECKING:
    from pathlib import Path

TICKS_PER_MS = 1024 / 1000


@pytest.mark.real
@pytest.mark.slow
async def test_a_real_hour_crosses_the_radio_without_losing_or_doubling_a_beat(
    tmp_path: Path,
) -> None:
    recording = read(shared_data("stress_predict", "S05"), WEARER)
    records = list(sequence(recording))
    recorded = [rr_ms for record in records if isinstance(record, Heart) for rr_ms in record.rr_ms]
    body = Playback(records, recording.start_ns)
    async with house(tmp_path, body) as home:
        await home.live(recording.duration_s + 5)
        sent = home.stage.beats, home.stage.eda_samples
    kept = [record for record in journalled(tmp_path) if isinstance(record, Heart)]
    rr_ms = [value for record in kept for value in record.rr_ms]
    times = [t_ns for record in kept for t_ns in record.beat_t_ns]
    skin = [
        value
        for record in journalled(tmp_path)
        if isinstance(record, Eda)
        for value in record.eda_us
    ]
    assert (len(rr_ms), len(skin)) == sent
    assert len(times) == len(set(times)) == len(rr_ms)
    assert times == sorted(times)
    # The strap speaks in ticks of 1/1024 s and carries the rest over, so each interval may be
    # one tick off, and their sum is not.
    assert len(rr_ms) == len(recorded)
    assert all(abs(a - b) * TICKS_PER_MS <= 1 for a, b in zip(rr_ms, recorded, strict=True))
    assert sum(rr_ms) == pytest.approx(sum(recorded), abs=1)
    assert Counter(round(value * TICKS_PER_MS, 6) % 1 for value in rr_ms).keys() == {0.0}
