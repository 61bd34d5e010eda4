"""One contestant, timed in a process and an environment of its own (see peers.py).

    python contestants.py NAME SERIES.npz WINDOWS

Prints one JSON object. Needs numpy and the contestant only. All times are processor time of one
thread: the machine may have other work.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Series = dict[str, NDArray[Any]]
    Figures = dict[str, float]

EDA_HZ = 4
RING_HZ = 16
MOTION_HZ = 14
ROW_S = 5
NS = 1_000_000_000


def main() -> None:
    """Import, measure, print."""
    name, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.simplefilter("ignore")  # theirs, on short windows
    began, used = time.perf_counter(), time.process_time()
    contestant = CONTESTANTS[name]()
    figures: dict[str, Any] = {
        "import_s": time.perf_counter() - began,
        "import_cpu_s": time.process_time() - used,
        "import_mb": _peak_mb(),
    }
    import numpy as np  # noqa: PLC0415 - after the import that is timed

    with np.load(path) as file:
        series = {key: file[key] for key in file.files}
    figures |= contestant(series, count)
    figures["peak_mb"] = _peak_mb()
    print(json.dumps(figures))


def _peak_mb() -> float:
    """Of this program alone: what ``getrusage`` tells begins with that of the process before it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_s(work: Callable[[], object], *, repeats: int = 1) -> float:
    """The median of some repeats, after one that only warms up."""
    work()
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return sorted(took)[repeats // 2]


def vagalwatch() -> Callable[[Series, int], Figures]:
    """This project: the day at once, and a live row with all that belongs to it."""
    from vagalwatch.engine import Engine  # noqa: PLC0415 - what is timed
    from vagalwatch.hrv.beats import classify  # noqa: PLC0415
    from vagalwatch.hrv.windows import Beats, windows  # noqa: PLC0415
    from vagalwatch.records import Eda, Heart, Motion, Record, Tick  # noqa: PLC0415

    def measure(series: Series, _: int) -> Figures:
        t_ns, rr_ms, linked = series["t_ns"], series["rr_ms"], series["linked"]
        believed = classify(t_ns, rr_ms, linked)
        beats = Beats(t_ns=t_ns, rr_ms=rr_ms, linked=linked, believed=believed)
        with_eda, without = (updates(series, eda=eda) for eda in (True, False))
        whole = updates(series, eda=True, ring=True)
        return {
            "day_s": cpu_s(lambda: windows(beats, 60, as_live=False), repeats=5),
            "day_as_live_s": cpu_s(lambda: windows(beats, 60), repeats=3),
            "day_beats_s": cpu_s(lambda: classify(t_ns, rr_ms, linked), repeats=3),
            "update_s": with_eda,
            "update_without_eda_s": without,
            "update_whole_s": whole,
            "windows": float(windows(beats, 60).t_ns.size),
        }

    def updates(series: Series, *, eda: bool, ring: bool = False) -> float:
        """Five seconds of one wearer, records and row, in the steady state: the median.

        ``ring``: the whole of a wearer, EDA at 16 Hz in a record a sample, and motion.
        """
        start_ns = int(series["t_ns"][0]) // NS * NS
        engine = Engine("bench")
        took: list[float] = []
        used = 0.0
        minutes, warm = 15, 400
        for second in range(1, minutes * 60):
            now_ns = start_ns + second * NS
            arrived: list[Record] = [Tick(wearer="bench", t_ns=now_ns, recv_ns=now_ns)]
            here = (series["t_ns"] > now_ns - NS) & (series["t_ns"] <= now_ns)
            arrived.append(
                Heart(
                    wearer="bench",
                    source="strap",
                    t_ns=now_ns,
                    recv_ns=now_ns,
                    hr_bpm=70.0,
                    beat_t_ns=tuple(series["t_ns"][here].tolist()),
                    rr_ms=tuple(series["rr_ms"][here].tolist()),
                    chained=second > 1,
                )
            )
            if ring:
                arrived += worn(series, second, now_ns)
            elif eda:
                some = series["eda_us"][(second - 1) * EDA_HZ : second * EDA_HZ].tolist()
                times = tuple(now_ns - (EDA_HZ - 1 - k) * NS // EDA_HZ for k in range(EDA_HZ))
                arrived.append(
                    Eda(
                        wearer="bench",
                        source="ring",
                        t_ns=now_ns,
                        recv_ns=now_ns,
                        sample_t_ns=times,
                        eda_us=tuple(some),
                    )
                )
            began = time.process_time()
            said = [output for record in arrived for output in engine.push(record)]
            used += time.process_time() - began
            if said:
                if second > warm:
                    took.append(used)
                used = 0.0
        return sorted(took)[len(took) // 2]

    def worn(series: Series, second: int, now_ns: int) -> list[Record]:
        """A second of a ring."""
        import numpy as np  # noqa: PLC0415 - after the import that is timed

        rng = np.random.default_rng(second)
        at = np.arange(1, RING_HZ + 1) / RING_HZ + second - 1
        eda_us = np.interp(at * EDA_HZ, np.arange(series["eda_us"].size), series["eda_us"])
        eda_us += rng.normal(0, 0.002, RING_HZ)
        mg = rng.normal((0.0, 0.0, 1000.0), 3.0, (MOTION_HZ, 3))
        times = [now_ns - NS + k * NS // MOTION_HZ for k in range(1, MOTION_HZ + 1)]
        eda_ns = [now_ns - NS + k * NS // RING_HZ for k in range(1, RING_HZ + 1)]
        named: Any = {"wearer": "bench", "source": "ring", "recv_ns": now_ns}
        return [
            *(
                Eda(**named, t_ns=t, sample_t_ns=(t,), eda_us=(us,))
                for t, us in zip(eda_ns, eda_us.tolist(), strict=True)
            ),
            Motion(
                **named,
                t_ns=now_ns,
                sample_t_ns=tuple(times),
                acc_x_mg=tuple(mg[:, 0].tolist()),
                acc_y_mg=tuple(mg[:, 1].tolist()),
                acc_z_mg=tuple(mg[:, 2].tolist()),
            ),
        ]

    return measure


def neurokit2() -> Callable[[Series, int], Figures]:
    """hrv_time and hrv_frequency a window; Kubios-style correction; highpass EDA."""
    import neurokit2 as nk  # noqa: PLC0415 - what is timed
    import numpy as np  # noqa: PLC0415

    def peaks(rr_ms: Floats) -> NDArray[np.int64]:
        return np.cumsum(np.concatenate(([0], np.round(rr_ms)))).astype(np.int64)

    def window(rr_ms: Floats) -> None:
        found = peaks(rr_ms)
        nk.hrv_time(found, sampling_rate=1000)
        nk.hrv_frequency(found, sampling_rate=1000)

    def skin(eda_us: Floats) -> None:
        parts = nk.eda_phasic(eda_us, sampling_rate=EDA_HZ, method="highpass")
        nk.eda_peaks(parts["EDA_Phasic"].to_numpy(), sampling_rate=EDA_HZ)

    def measure(series: Series, count: int) -> Figures:
        minutes, whole = cut(series, count), peaks(series["rr_ms"])
        five = peaks(series["rr_ms"][series["t_ns"] <= series["t_ns"][0] + 300 * NS])
        eda_us = series["eda_us"][: 60 * EDA_HZ]

        def update() -> None:  # lean: one pass of correction, two HRV functions, one EDA method
            nk.signal_fixpeaks(five, sampling_rate=1000, iterative=False, method="Kubios")
            window(minutes[0])
            skin(eda_us)

        return {
            **each(window, minutes),
            "day_beats_s": cpu_s(
                lambda: nk.signal_fixpeaks(
                    whole, sampling_rate=1000, iterative=False, method="Kubios"
                )
            ),
            "update_s": cpu_s(update, repeats=20),
            "eda_window_s": cpu_s(lambda: skin(eda_us), repeats=20),
        }

    return measure


def hrv_analysis() -> Callable[[Series, int], Figures]:
    """Time and frequency domain features."""
    from hrvanalysis import (  # type: ignore[import-not-found] # noqa: PLC0415 - what is timed
        get_frequency_domain_features,
        get_time_domain_features,
    )

    def window(rr_ms: list[float]) -> None:
        get_time_domain_features(rr_ms)
        get_frequency_domain_features(rr_ms)

    return lambda series, count: each(window, [rr.tolist() for rr in cut(series, count)])


def pyhrv() -> Callable[[Series, int], Figures]:
    """SDNN, RMSSD, pNN50 and Welch, without its plots."""
    from pyhrv import frequency_domain, time_domain  # type: ignore[import-not-found] # noqa: PLC0415

    def window(rr_ms: Floats) -> None:
        time_domain.sdnn(nni=rr_ms)
        time_domain.rmssd(nni=rr_ms)
        time_domain.nn50(nni=rr_ms)
        frequency_domain.welch_psd(nni=rr_ms, mode="dev")

    return lambda series, count: each(window, cut(series, count))


def heartpy() -> Callable[[Series, int], Figures]:
    """Its own measures of a series of intervals, and Welch."""
    import numpy as np  # noqa: PLC0415
    from heartpy.analysis import (  # type: ignore[import-not-found] # noqa: PLC0415 - what is timed
        calc_fd_measures,
        calc_ts_measures,
    )

    def window(rr_ms: Floats) -> None:
        steps = np.diff(rr_ms)
        calc_ts_measures(rr_ms, np.abs(steps), steps**2, measures={}, working_data={})
        calc_fd_measures(method="welch", measures={}, working_data={"RR_list_cor": rr_ms})

    return lambda series, count: each(window, cut(series, count))


def each(window: Callable[[Any], None], minutes: list[Any]) -> Figures:
    """Seconds a window: the median, each taken once, after one that only warms up."""
    window(minutes[0])
    took = []
    for rr_ms in minutes:
        began = time.process_time()
        window(rr_ms)
        took.append(time.process_time() - began)
    return {"window_s": sorted(took)[len(took) // 2]}


def cut(series: Series, count: int) -> list[Floats]:
    """The intervals of some windows of 60 s, spread over the day."""
    t_ns = series["t_ns"]
    step = (int(t_ns[-1] - t_ns[0]) - 60 * NS) // count
    starts = [int(t_ns[0]) + k * step for k in range(count)]
    return [series["rr_ms"][(t_ns > s) & (t_ns <= s + 60 * NS)] for s in starts]


CONTESTANTS: dict[str, Callable[[], Callable[[Series, int], Figures]]] = {
    "vagalwatch": vagalwatch,
    "neurokit2": neurokit2,
    "hrv-analysis": hrv_analysis,
    "pyhrv": pyhrv,
    "heartpy": heartpy,
}

if __name__ == "__main__":
    main()
