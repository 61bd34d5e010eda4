from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_strap import NS, START_NS, Strap
from helpers_strap import Heart as TrueHeart
from vagalwatch.records import (
    Contact,
    Device,
    Eda,
    Gap,
    GapReason,
    Heart,
    Level,
    Motion,
    Record,
    Refused,
    Stream,
)
from vagalwatch.sensors.decode import device_info, heart_rate, nuanic
from vagalwatch.sensors.decode.heart_rate import HeartRateMeasurement, encode
from vagalwatch.sensors.devices import (
    MODELS,
    UnknownDeviceError,
    driver_for,
    recognise,
)
from vagalwatch.settings import SensorSettings

if TYPE_CHECKING:
    from vagalwatch.sensors.driver import Driver

HRM = heart_rate.MEASUREMENT_UUID
T0 = START_NS
R = TypeVar("R")


def of(kind: type[R], records: list[Record]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]


def gaps(records: list[Record]) -> list[tuple[str, str, bool]]:
    """Stream, reason and whether it has ended."""
    return [(g.stream.value, g.reason.value, g.end_ns is not None) for g in of(Gap, records)]


def strap(manufacturer: str = "", model: str = "") -> Driver:
    driver = driver_for("heart-rate", wearer="anna", source="s")
    driver.opened(T0)
    driver.frame(device_info.MANUFACTURER_UUID, manufacturer.encode(), T0)
    driver.frame(device_info.MODEL_UUID, model.encode(), T0)
    return driver


def ring(mode: int = nuanic.MODE_RAW_EDA, rate_hz: int = 4) -> Driver:
    driver = driver_for("nuanic", wearer="anna", source="r", eda_rate_hz=rate_hz)
    driver.closed(T0, GapReason.NEVER_SEEN)
    driver.opened(T0)
    driver.frame(nuanic.TIME_UUID, nuanic.encode_time_ms(1_000_000), T0)
    driver.frame(nuanic.MODE_UUID, bytes([mode]), T0)
    driver.frame(nuanic.RATE_UUID, bytes([4]), T0)
    driver.frame(nuanic.STATE_UUID, nuanic.encode_state(on_finger=True), T0)
    return driver


def eda(t_ms: int, ohm: int = 500_000, boot: int = 3) -> bytes:
    return nuanic.encode_eda(nuanic.NuanicEda(boot, 1_000_000 + t_ms, ohm))


def beats(hr_bpm: int, *rr_1024: int, contact: bool | None = None) -> bytes:
    return encode(HeartRateMeasurement(hr_bpm, contact, None, rr_1024))


# --- the registry ---------------------------------------------------------------------------


def test_the_registry_knows_what_each_device_is() -> None:
    assert set(MODELS) == {"heart-rate", "nuanic"}
    assert recognise([heart_rate.SERVICE_UUID]) == "heart-rate"
    assert recognise(["0000180f-0000-1000-8000-00805f9b34fb", nuanic.SERVICE_UUID]) == "nuanic"
    assert recognise(["0000180f-0000-1000-8000-00805f9b34fb"]) is None
    assert MODELS["heart-rate"].silence_s(Stream.HEART) == 3
    assert Stream.EDA in MODELS["heart-rate"].cannot


def test_an_unknown_device_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownDeviceError, match=r"“fitbit”.*“heart-rate”, “nuanic”"):
        driver_for("fitbit", wearer="anna", source="s")


@pytest.mark.parametrize("key", MODELS)
def test_every_model_is_driven_by_what_its_entry_names(key: str) -> None:
    assert type(driver_for(key, wearer="anna", source="s")) is MODELS[key].driver


def test_a_source_is_short_and_hides_the_address() -> None:
    sensor = SensorSettings(device="heart-rate", address="C0:FF:EE:12:34:AB")
    assert sensor.source == "heart-rate-34ab"


@pytest.mark.parametrize("rate_hz", [0, 1, 5, 15, 32])
def test_the_ring_is_asked_only_for_rates_it_has(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="samples at"):
        driver_for("nuanic", wearer="anna", source="r", eda_rate_hz=rate_hz)


# --- heart rate -----------------------------------------------------------------------------


def test_one_notification_is_one_record_with_its_bytes() -> None:
    driver = strap(manufacturer="Polar Electro Oy", model="H10")
    raw = beats(72, 850, 840)
    (heart,) = of(Heart, driver.frame(HRM, raw, T0 + NS))
    assert heart.raw == raw
    assert heart.codec == "2A37"
    assert heart.hr_bpm == 72.0
    assert heart.rr_ms == (850 / 1.024, 840 / 1.024)
    assert heart.t_ns == T0 + NS - round(2.3 * NS)  # KTH 2025: heart rate of a Polar H10
    assert heart.chained is False
    assert heart.beat_t_ns[1] - heart.beat_t_ns[0] == 840 * NS // 1024 + (840 * NS % 1024 > 0)


def test_beats_are_placed_by_the_models_own_latency() -> None:
    def first_beat(model: str) -> int:
        (heart,) = of(Heart, strap(model=model).frame(HRM, beats(72, 850), T0 + NS))
        return heart.beat_t_ns[0]

    assert first_beat("Movesense HR2") - first_beat("H10") == round(2.1 * NS)  # 2.6 - max(.4, .5)


def test_a_band_without_intervals_gives_its_rate() -> None:
    driver = strap()
    records = driver.frame(HRM, beats(64), T0)
    (heart,) = of(Heart, records)
    assert (heart.hr_bpm, heart.rr_ms, heart.contact) == (64.0, (), None)
    assert of(Gap, driver.tick(T0 + 2 * NS)) == []


@pytest.mark.parametrize("nothing", [0, 255, 300])
def test_a_rate_that_no_heart_has_is_unknown_and_becomes_silence(nothing: int) -> None:
    driver = strap()
    driver.frame(HRM, beats(64), T0)
    for second in range(1, 4):
        (heart,) = of(Heart, driver.frame(HRM, beats(nothing), T0 + second * NS))
        assert heart.hr_bpm is None
    assert gaps(driver.tick(T0 + 4 * NS)) == [("heart", "silent", False)]


def test_off_the_body_there_is_neither_rate_nor_beat_and_a_gap_says_so() -> None:
    driver = strap()
    driver.frame(HRM, beats(64, 900, contact=True), T0)
    records = driver.frame(HRM, beats(64, 900, contact=False), T0 + NS)
    assert [c.on_body for c in of(Contact, records)] == [False]
    assert gaps(records) == [("heart", "off-body", False)]
    (heart,) = of(Heart, records)
    assert (heart.hr_bpm, heart.rr_ms, heart.contact) == (None, (), False)
    assert heart.raw
    again = driver.frame(HRM, beats(64, 900, contact=False), T0 + 2 * NS)
    assert of(Contact, again) == []
    assert of(Gap, again) == []
    back = driver.frame(HRM, beats(64, 900, contact=True), T0 + 9 * NS)
    assert [c.on_body for c in of(Contact, back)] == [True]
    assert gaps(back) == [("heart", "off-body", True)]
    (heart,) = of(Heart, back)
    assert heart.hr_bpm == 64.0
    assert not heart.chained


def test_an_undecodable_frame_is_kept_and_ends_the_chain() -> None:
    driver = strap()
    driver.frame(HRM, beats(70, 850), T0)
    (refused,) = driver.frame(HRM, b"\x10\x46\x01", T0 + NS)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset, refused.raw) == ("truncated", 2, b"\x10\x46\x01")
    assert refused.codec == "2A37"
    records = driver.frame(HRM, beats(70, 860), T0 + 2 * NS)
    assert gaps(records) == [("heart", "undecodable", True)]
    assert not of(Heart, records)[0].chained


def test_silence_opens_a_gap_and_ends_the_chain() -> None:
    driver = strap()
    driver.frame(HRM, beats(70, 850), T0)
    driver.frame(HRM, beats(70, 850), T0 + NS)
    opened = driver.tick(T0 + 4 * NS)
    assert gaps(opened) == [("heart", "silent", False)]
    records = driver.frame(HRM, beats(70, 850), T0 + 8 * NS)
    assert gaps(records)[0] == ("heart", "silent", True)
    assert of(Gap, records)[0].t_ns == of(Gap, opened)[0].t_ns
    assert not of(Heart, records)[0].chained


def test_a_lost_link_is_a_gap_and_nothing_is_chained_over_it() -> None:
    driver = strap()
    driver.frame(HRM, beats(70, 850), T0)
    assert gaps(driver.closed(T0 + NS, GapReason.LINK_LOST)) == [("heart", "link-lost", False)]
    driver.opened(T0 + 2 * NS)
    records = driver.frame(HRM, beats(70, 850), T0 + 3 * NS)
    assert gaps(records) == [("heart", "link-lost", True)]
    assert not of(Heart, records)[0].chained


def test_nothing_is_chained_over_a_sleep_and_the_sleep_is_no_stall() -> None:
    driver = strap()
    driver.opened(T0)
    driver.frame(HRM, beats(70, 850), T0)
    assert gaps(driver.slept(T0 + 8 * 3600 * NS)) == [("heart", "suspend", False)]
    assert not driver.stalled(T0 + 8 * 3600 * NS)
    records = driver.frame(HRM, beats(70, 850), T0 + (8 * 3600 + 1) * NS)
    assert gaps(records) == [("heart", "suspend", True)]
    assert not of(Heart, records)[0].chained


def test_an_artefact_in_the_middle_splits_the_beats_not_the_bytes() -> None:
    driver = strap()
    raw = beats(70, 850, 20, 840)
    first, second = of(Heart, driver.frame(HRM, raw, T0))
    assert (first.raw, first.rr_ms) == (raw, (850 / 1.024,))
    assert (second.raw, second.rr_ms, second.chained) == (b"", (840 / 1.024,), False)
    assert second.hr_bpm is None


def test_what_the_device_says_of_itself_is_told_once() -> None:
    driver = strap(manufacturer="Polar", model="H10\x1b[31m")
    driver.frame(heart_rate.BODY_LOCATION_UUID, b"\x01", T0)
    (level,) = driver.frame(device_info.BATTERY_UUID, b"\x2c", T0)
    assert isinstance(level, Level)
    assert (level.signal, level.value, level.codec) == ("battery_percent", 44.0, "2A19")
    (device,) = of(Device, driver.tick(T0 + NS))
    assert (device.manufacturer, device.model, device.body_location) == (
        "Polar",
        "H10[31m",
        "chest",
    )
    assert of(Device, driver.tick(T0 + 2 * NS)) == []


def test_a_link_that_brings_nothing_is_called_dead_after_ten_seconds() -> None:
    driver = strap()
    assert not driver.stalled(T0 + 9 * NS)
    assert driver.stalled(T0 + 10 * NS)
    driver.frame(HRM, b"", T0 + 10 * NS)
    assert not driver.stalled(T0 + 11 * NS)
    driver.closed(T0 + 12 * NS, GapReason.LINK_LOST)
    assert not driver.stalled(T0 + 99 * NS)


@given(st.lists(st.tuples(st.binary(max_size=24), st.integers(0, 3 * NS)), max_size=40))
@settings(max_examples=60)
def test_whatever_a_strap_sends_records_stay_sane(frames: list[tuple[bytes, int]]) -> None:
    driver = strap()
    now_ns = T0
    told: list[int] = []
    kept: list[bytes] = []
    for raw, waited_ns in frames:
        now_ns += waited_ns
        records = driver.frame(HRM, raw, now_ns) + driver.tick(now_ns)
        for heart in of(Heart, records):
            assert len(heart.beat_t_ns) == len(heart.rr_ms)
            told += heart.beat_t_ns
        kept += [r.raw for r in records if isinstance(r, Heart | Refused) and r.raw]
        assert all(g.end_ns is None or g.end_ns >= g.t_ns for g in of(Gap, records))
    assert told == sorted(set(told))
    assert kept == [raw for raw, _ in frames if raw]


def test_a_quiet_hour_is_told_without_a_gap() -> None:
    model = Strap(latency_s=2.1, jitter_s=0.2)
    driver = strap(model="H10")
    records: list[Record] = []
    for one in model.notifications(TrueHeart(bpm=62, rsa_ms=60).rr_1024(3700)):
        raw = beats(62, *one.rr_1024, contact=True)
        records += driver.frame(HRM, raw, one.recv_ns)
        records += driver.tick(one.recv_ns)
    assert of(Gap, records) == []
    assert sum(len(heart.rr_ms) for heart in of(Heart, records)) == 3700


# --- the ring -------------------------------------------------------------------------------


def test_the_ring_is_told_only_what_it_does_not_do_already() -> None:
    assert ring().setup == ()
    assert ring(mode=2).setup == ((nuanic.MODE_UUID, b"\x01"),)
    assert ring(rate_hz=16).setup == ((nuanic.RATE_UUID, b"\x10"),)
    blind = driver_for("nuanic", wearer="anna", source="r", eda_rate_hz=8)
    blind.opened(T0)
    assert blind.setup == ((nuanic.RATE_UUID, b"\x08"), (nuanic.MODE_UUID, b"\x01"))


def test_conductance_at_the_rings_own_time() -> None:
    driver = ring()
    records = driver.frame(nuanic.EDA_UUID, eda(250), T0 + 300_000_000)
    assert gaps(records) == [("eda", "never-seen", True)]
    (sample,) = of(Eda, records)
    assert sample.eda_us == (2.0,)
    assert sample.sample_t_ns == (sample.t_ns,)
    assert abs(sample.t_ns - T0 - 250_000_000) <= 200_000
    assert (sample.codec, sample.raw, sample.epoch) == ("nuanic-eda", eda(250), 0)


def test_zero_ohm_is_refused_and_soon_silent() -> None:
    driver = ring()
    driver.frame(nuanic.EDA_UUID, eda(0), T0)
    (refused,) = driver.frame(nuanic.EDA_UUID, eda(250, ohm=0), T0 + NS // 4)
    assert isinstance(refused, Refused)
    assert refused.reason == "open-circuit"
    assert ("eda", "silent", False) in gaps(driver.tick(T0 + 3 * NS))


def test_a_mode_change_is_announced_and_ends_in_silence_if_nothing_comes() -> None:
    driver = ring(mode=2)
    assert gaps(driver.tick(T0 + NS)) == [
        ("eda", "never-seen", True),
        ("eda", "mode-change", False),
    ]
    assert not driver.stalled(T0 + 60 * NS)
    quiet = [gap for s in range(2, 80) for gap in gaps(driver.tick(T0 + s * NS)) if gap[0] == "eda"]
    assert quiet == [("eda", "mode-change", True), ("eda", "silent", False)]
    assert driver.stalled(T0 + 80 * NS)


def test_no_mode_change_is_announced_where_none_is_needed() -> None:
    assert of(Gap, ring().tick(T0 + NS)) == []


def test_off_the_finger_nothing_is_measured() -> None:
    driver = ring()
    driver.frame(nuanic.EDA_UUID, eda(0), T0)
    records = driver.frame(nuanic.STATE_UUID, nuanic.encode_state(on_finger=False), T0 + NS)
    assert [c.on_body for c in of(Contact, records)] == [False]
    assert ("eda", "off-body", False) in gaps(records)
    assert ("motion", "off-body", False) in gaps(records)
    (late,) = of(Eda, driver.frame(nuanic.EDA_UUID, eda(1200), T0 + 2 * NS))
    assert late.eda_us == ()
    assert late.raw
    assert not driver.stalled(T0 + 300 * NS)  # silent by design
    assert driver.stalled(T0 + 700 * NS)  # but asked again now and then
    back = driver.frame(nuanic.STATE_UUID, nuanic.encode_state(on_finger=True), T0 + 300 * NS)
    assert ("eda", "off-body", True) in gaps(back)
    assert ("eda", "silent", False) in gaps(driver.tick(T0 + 303 * NS))


@pytest.mark.parametrize("code", [0, 3])
def test_other_states_claim_nothing(code: int) -> None:
    assert ring().frame(nuanic.STATE_UUID, bytes([code]), T0 + NS) == []


def test_a_reboot_is_a_new_epoch_and_a_gap() -> None:
    driver = ring()
    driver.frame(nuanic.EDA_UUID, eda(0), T0)
    raw = nuanic.encode_eda(nuanic.NuanicEda(4, 500, 500_000))
    records = driver.frame(nuanic.EDA_UUID, raw, T0 + 2 * NS)
    assert gaps(records) == [("eda", "device-reset", False), ("eda", "device-reset", True)]
    (sample,) = of(Eda, records)
    assert sample.epoch == 1
    assert sample.t_ns == T0 + 2 * NS


def test_motion_is_spread_evenly_and_follows_on() -> None:
    driver = ring()
    flat = (0,) * 14
    times: list[int] = []
    for second in range(1, 5):
        imu = nuanic.NuanicImu(1_000_000 + second * 991, flat, flat, (1000,) * 14)
        records = driver.frame(nuanic.IMU_UUID, nuanic.encode_imu(imu), T0 + second * 991_000_000)
        (motion,) = of(Motion, records)
        assert motion.acc_z_mg == (1000.0,) * 14
        times += motion.sample_t_ns
    steps = [b - a for a, b in pairwise(times)]
    assert min(steps) > 60_000_000
    assert max(steps) < 80_000_000


def test_the_vendors_index_is_a_level() -> None:
    raw = nuanic.encode_dne(nuanic.NuanicDne(1_000_100, 500_000, 45))
    (level,) = of(Level, ring().frame(nuanic.DNE_UUID, raw, T0 + NS // 10))
    assert (level.signal, level.value, level.codec) == ("dne", 45.0, "nuanic-dne")


def test_the_same_sample_again_is_kept_but_not_told() -> None:
    driver = ring()
    driver.frame(nuanic.EDA_UUID, eda(250), T0 + NS)
    (refused,) = driver.frame(nuanic.EDA_UUID, eda(250), T0 + NS + 1)
    assert isinstance(refused, Refused)
    assert refused.reason == "not-later"


ring_frames = st.tuples(
    st.sampled_from([nuanic.EDA_UUID, nuanic.IMU_UUID, nuanic.DNE_UUID, nuanic.STATE_UUID]),
    st.sampled_from([0, 1, 14, 16, 92]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    st.integers(0, 2 * NS),
)


@given(st.lists(ring_frames, max_size=40))
@settings(max_examples=60)
def test_whatever_a_ring_sends_records_stay_sane(frames: list[tuple[str, bytes, int]]) -> None:
    driver = ring()
    now_ns = T0
    last: dict[tuple[str, int], int] = {}
    for uuid, raw, waited_ns in frames:
        now_ns += waited_ns
        records = driver.frame(uuid, raw, now_ns) + driver.tick(now_ns)
        for sample in records:
            if not isinstance(sample, Eda | Motion):
                continue
            for t_ns in sample.sample_t_ns:
                key = (sample.kind, sample.epoch)
                assert t_ns > last.get(key, 0)
                last[key] = t_ns
        assert all(g.end_ns is None or g.end_ns >= g.t_ns for g in of(Gap, records))
