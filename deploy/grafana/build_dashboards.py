"""Builds the dashboard *Live session* into ``dashboards/``; the generated JSON is committed.

    python deploy/grafana/build_dashboards.py [--check]

``--check`` writes nothing and fails when the committed JSON is not what this file builds.

Rules of every panel: InfluxQL only (InfluxDB 1.x, 2.x with a DBRP mapping and 3.x answer it);
rows of 5 s are never smoothed below 5 s; a gap is drawn as a gap; no red, and colours that stay
apart for colour-blind eyes (Okabe & Ito 2008); words that claim no more than the evidence.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import (
    dashboard,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

OUT: Final = Path(__file__).parent / "dashboards" / "live-session.json"
DATASOURCE: Final = common.DataSourceRef(type_val="influxdb", uid="vagalwatch-influxdb")

ROW_MS: Final = 5_000
DISCONNECT_MS: Final = 3 * ROW_MS
"""Three rows missing are a gap (a stream is silent after three of its intervals)."""

GREY, PALE, SKY, YELLOW, ORANGE, PURPLE, GREEN, BLUE = (
    "#8E8E8E",
    "#C9C9C9",
    "#56B4E9",
    "#F0E442",
    "#E69F00",
    "#CC79A7",
    "#009E73",
    "#0072B2",
)

STATES: Final = {
    "unknown": ("Not known", GREY),
    "calibrating": ("Learning what is usual", PALE),
    "settled": ("Near own usual", SKY),
    "rising": ("Rising above usual", YELLOW),
    "flooding": ("Possible flooding", ORANGE),
    "shutdown": ("Possible shutdown", PURPLE),
    "recovering": ("Coming back to usual", GREEN),
}

REASONS: Final = {
    "heart-missing": "No heart sensor seen",
    "heart-silent": "Heart sensor silent",
    "heart-gap": "Heart sensor not connected",
    "heart-off-body": "Heart sensor not worn",
    "heart-frozen": "Heart sensor stuck",
    "heart-disagrees": "Beats and rate disagree",
    "heart-thin": "Too few usable beats",
    "moving": "Moving",
    "after-exercise": "After exercise",
    "posture": "Posture changed",
    "eda-missing": "No skin sensor seen",
    "eda-silent": "Skin sensor silent",
    "eda-gap": "Skin sensor not connected",
    "eda-off-body": "Skin sensor not worn",
    "eda-open": "Skin sensor has no contact",
    "eda-saturated": "Skin sensor too wet",
    "eda-artefact": "Skin sensor slips",
    "eda-temperature": "Skin sensor cools, off the skin?",
    "eda-stuck": "Skin sensor stuck",
    "eda-unusual": "Skin sensor is a new one",
    "motion-missing": "Movement not known",
    "no-baseline": "Usual not learned yet",
    "baseline-expired": "Usual values too old",
}
"""What ``Estimate.reason`` can say; a code without words here is shown as it is."""

HOW_TO_READ: Final = """\
Everything here is measured against **this person's own usual** values.
*Possible flooding* is high arousal; *possible shutdown* is a low-arousal pattern. Neither is a
diagnosis or an emotion, and both are often wrong: ask, and look at the chart together.
**Grey means not known.** It never means calm. Times are when it happened at the sensor.\
"""


class InfluxQL(variants.Dataquery):
    """One InfluxQL query, as Grafana's InfluxDB data source stores it."""

    def __init__(self, query: str, ref_id: str = "A", **more: object) -> None:
        """``more`` holds the keys that only annotations have."""
        self.query = query
        self.ref_id = ref_id
        self.more = more

    def to_json(self) -> dict[str, object]:
        """The target as it stands in the dashboard's JSON."""
        return {
            "alias": "$col",
            "refId": self.ref_id,
            "datasource": DATASOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "time_series",
        } | self.more


class _Query(Builder[variants.Dataquery]):
    def __init__(self, query: InfluxQL) -> None:
        self._query = query

    def build(self) -> variants.Dataquery:
        return self._query


def _each_row(columns: str, measurement: str, ref_id: str = "A") -> _Query:
    """Raw rows, so that no state is hidden between two of them."""
    return _Query(
        InfluxQL(
            f'SELECT {columns} FROM "{measurement}" '  # noqa: S608 - names of this file
            "WHERE \"wearer\" = '$wearer' AND $timeFilter",
            ref_id,
        )
    )


def _means(columns: dict[str, str], measurement: str, by_tag: str = "") -> _Query:
    """Means of an interval of at least 5 s; an interval without a value stays empty.

    ``by_tag`` draws a line a tag value, which also names it.
    """
    means = ", ".join(f'mean("{field}") AS "{name}"' for field, name in columns.items())
    group, alias = (f', "{by_tag}"', f"$tag_{by_tag}") if by_tag else ("", "$col")
    return _Query(
        InfluxQL(
            f'SELECT {means} FROM "{measurement}" '  # noqa: S608 - names of this file
            f"WHERE \"wearer\" = '$wearer' AND $timeFilter "
            f"GROUP BY time($__interval){group} fill(null)",
            alias=alias,
        )
    )


def _states() -> statetimeline.Panel:
    named = {
        state: model.ValueMappingResult(text=words, color=colour, index=index)
        for index, (state, (words, colour)) in enumerate(STATES.items())
    }
    named |= {
        code: model.ValueMappingResult(text=words, color=GREY, index=len(STATES) + index)
        for index, (code, words) in enumerate(REASONS.items())
    }
    grey = model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=GREY)
    return (
        statetimeline.Panel()
        .title("What the measurements suggest")
        .description(
            "One row every 5 seconds, as it was said at the time and never corrected afterwards. "
            "“Possible” means possible: the pattern has other causes, such as movement, pain, "
            "coffee or illness. Grey is not known, with the reason below; a blank stretch means "
            "that vagalwatch was not running."
        )
        .datasource(DATASOURCE)
        .with_target(_each_row('"state" AS "State"', "estimate"))
        .with_target(_each_row('"reason" AS "Why not known"', "estimate", "B"))
        .mappings([model.ValueMap(options=named)])
        .override_by_name("Why not known", [model.DynamicConfigValue("color", grey)])
        .insert_nulls(DISCONNECT_MS)
        .span_nulls(False)  # noqa: FBT003 - the builder takes it by position
        .merge_values(True)  # noqa: FBT003
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.85)
        .fill_opacity(85)
        .legend(_legend())
        .height(7)
        .span(24)
    )


def _chart(
    title: str, description: str, query: _Query, unit: str, *, decimals: int
) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .with_target(query)
        .interval(f"{ROW_MS // 1000}s")
        .unit(f"suffix: {unit}")
        .decimals(decimals)
        .span_nulls(False)  # noqa: FBT003 - the builder takes it by position
        .line_width(2)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.AUTO)  # a single row between two gaps is still seen
        .color_scheme(_fixed(BLUE))
        .thresholds(_no_thresholds())
        .legend(_legend())
        .height(8)
        .span(12)
    )


def _charts() -> list[timeseries.Panel]:
    usual = [
        model.DynamicConfigValue(
            "color", model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=GREY)
        ),
        model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
    ]
    return [
        _chart(
            "Heart rate and own usual",
            "Heart rate over the last 30 seconds and the personal baseline that it was judged "
            "against (dashed; it moves only while the person is settled). A fast heart alone says "
            "little: walking and talking raise it too. Empty where too few beats could be used.",
            _means({"hr_bpm": "Heart rate", "usual_hr_bpm": "Own usual"}, "estimate"),
            "/min",
            decimals=0,
        ).override_by_name("Own usual", usual),
        _chart(
            "Arousal against own usual",
            "One signed number in units of the person's own spread: above 0 towards flooding, "
            "below 0 towards shutdown. It has no meaning across people. Empty while the state is "
            "not known or the usual is still being learned.",
            _means({"arousal": "Arousal"}, "estimate"),
            "own spreads",
            decimals=1,
        ).axis_centered_zero(True),  # noqa: FBT003 - the builder takes it by position
        _chart(
            "Heart rate variability (RMSSD)",
            "Beat-to-beat variation over the last 60 seconds, without flagged beats. It falls "
            "with arousal and also with faster breathing, speech and age; compare it only with "
            "the same person at rest. Empty below the needed share of usable beats.",
            _means({"rmssd_ms": "RMSSD"}, "estimate"),
            "ms",
            decimals=0,
        ),
        _chart(
            "Skin conductance",
            "The level as the ring or wristband measures it. It rises with arousal, and with "
            "warmth and a tighter fit. Its height differs between people and days; look at "
            "changes. One line a sensor.",
            _means({"eda_us": "Skin conductance"}, "eda", by_tag="source"),
            "µS",
            decimals=2,
        ),
    ]


def _happenings() -> table.Panel:
    return (
        table.Panel()
        .title("What happened")
        .description(
            "Prompts, breaks, the person's own answers, sessions and notes, in order. Answers "
            "are the client's: talk about them with the client first."
        )
        .datasource(DATASOURCE)
        .with_target(
            _Query(
                InfluxQL(
                    'SELECT "text" AS "What" FROM "event" WHERE "wearer" = \'$wearer\' AND '
                    '$timeFilter AND "kind" =~ /^(alert|answer|break|marker|session)$/ '
                    "ORDER BY time DESC LIMIT 500",
                    resultFormat="table",
                )
            )
        )
        .no_value("Nothing in this time")
        .height(8)
        .span(16)
    )


def _reading() -> text.Panel:
    return text.Panel().title("How to read this").content(HOW_TO_READ).height(8).span(8)


def _annotation(
    name: str, colour: str, where: str, end: str | None = None
) -> dashboard.AnnotationQuery:
    until = f', "{end}" / 1000000 AS "end_ms"' if end else ""
    query = (
        f'SELECT "text"{until} FROM "event" '  # noqa: S608 - names of this file
        f"WHERE {where} AND \"wearer\" = '$wearer' AND $timeFilter"
    )
    columns = {"textColumn": "text", "timeEndColumn": "end_ms" if end else ""}
    target = InfluxQL(query, "Anno", fromAnnotations=True, **columns)
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)  # noqa: FBT003 - the builder takes it by position
        .icon_color(colour)
        .target(_Query(target))
    )


def live_session() -> dashboard.Dashboard:
    """The dashboard that a therapist has open during a session."""
    board = (
        dashboard.Dashboard("Live session")
        .uid("vagalwatch-live-session")
        .description("One person's state, and what it rests on, during a session.")
        .tags(["vagalwatch"])
        .timezone("browser")
        .time("now-90m", "now")
        .refresh("10s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(
            dashboard.QueryVariable("wearer")
            .label("Person")
            .description("One person at a time: each record belongs to the one who wears it.")
            .datasource(DATASOURCE)
            .query('SHOW TAG VALUES FROM "estimate" WITH KEY = "wearer"')
            .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
            .allow_custom_value(False)  # noqa: FBT003 - the builder takes it by position
            .sort(model.VariableSort.ALPHABETICAL_ASC)
        )
        .annotation(_annotation("Prompts", ORANGE, "\"kind\" = 'alert'"))
        .annotation(_annotation("Breaks", GREEN, "\"kind\" = 'break'"))
        .annotation(
            _annotation(
                "Agreed time away", GREEN, "\"kind\" = 'break' AND \"what\" = 'on'", "until_ns"
            )
        )
        .annotation(_annotation("No signal", GREY, "\"kind\" = 'gap'", "end_ns"))
        .annotation(_annotation("Notes", BLUE, '"kind" =~ /^(marker|session)$/'))
        .with_panel(_states())
    )
    for chart in _charts():
        board.with_panel(chart)
    return board.with_panel(_happenings()).with_panel(_reading())


def _legend() -> build_common.VizLegendOptions:
    return (
        build_common.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)  # noqa: FBT003 - the builder takes it by position
    )


def _fixed(colour: str) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(colour)


def _no_thresholds() -> dashboard.ThresholdsConfig:
    """Grafana's own default would paint 80 and above red."""
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=None, color=BLUE)])
    )


def built() -> str:
    """The JSON file's text: classic model, stable ``uid``, no ``id``, numbered panels."""
    board = json.loads(JSONEncoder(sort_keys=True).encode(live_session().build()))
    board.pop("id", None)
    for number, panel in enumerate(board["panels"], start=1):
        panel["id"] = number
    return json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the dashboard, or check that the committed one is current."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="write nothing, only compare")
    if arguments.parse_args().check:
        if OUT.exists() and OUT.read_text(encoding="utf-8") == built():
            return 0
        print(f"{OUT} is not current: run {Path(__file__).name}.", file=sys.stderr)  # noqa: T201
        return 1
    OUT.write_text(built(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
