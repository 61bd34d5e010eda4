// The person's last weeks, as they stand in the record: what happened, and where nothing is known.

import { element, fetched, seenBy } from "./form.js";
import * as link from "./link.js";
import { line, timeOfDay } from "./words.js";

export async function weeks() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = await fetched(`/history?zone=${encodeURIComponent(zone)}`);
  if (told === null) return [element("p", line("own.unreadable"))];
  const { days, seen_by } = told;
  const empty = days.every(({ measured_min, events }) => measured_min === 0 && !events.length);
  const seen = element("details");
  seen.append(element("summary", line("own.seen-by")), seenBy(seen_by));
  return [
    seen,
    ...(empty ? [element("p", line("weeks.empty"))] : runs(days).map(day)),
  ];
}

// Days of which nothing is known, one after the other, are one gap.
function runs(days) {
  const out = [];
  for (const each of days) {
    const nothing = each.measured_min === 0 && !each.events.length;
    if (nothing && out.at(-1)?.nothing) out.at(-1).count += 1;
    else out.push({ ...each, nothing, count: 1 });
  }
  return out;
}

function day({ date, measured_min, events, nothing, count }) {
  if (nothing && count > 1) return element("p", line("weeks.nothing-days", { n: count }), { className: "gap" });
  const [year, month, number] = date.split("-").map(Number);
  const name = new Date(year, month - 1, number).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
  const hours = Math.round(measured_min / 60);
  const time = measured_min < 90 ? line("weeks.minutes", { n: measured_min }) : line("weeks.hours", { n: hours });
  const measured = measured_min === null ? line("weeks.unknown") : measured_min ? line("weeks.measured", { time }) : line("weeks.nothing");
  const made = element("section");
  made.append(
    element("h2", name),
    element("p", measured, { className: measured_min ? "soft" : "gap" }),
    ...events.map(event),
  );
  return made;
}

const RUNS = ["on", "settled", "not-settled", "offered", "steadying"];
const TAKEN = ["returned", "not-resumed"];
const ENDS = [...TAKEN, "declined", "thinking", "wrong", "expired", "seen"];

function event({ kind, at_ms, by, end, minutes, more, answers, words }) {
  const at = timeOfDay(new Date(at_ms + link.state.skewMs));
  const asked = minutes === null && !TAKEN.includes(end) && !RUNS.includes(end);
  const what = kind === "safety" ? "safety" : by === "self" ? "self" : asked ? "asked" : "prompt";
  const made = element("details");
  made.append(
    element("summary", `${at} ${line(`weeks.${what}`)}`),
    ...[
      minutes === null ? "" : line(minutes ? "weeks.lasted" : "weeks.lasted-short", { n: minutes }),
      more ? line("weeks.more") : "",
      RUNS.includes(end) ? line("weeks.on") : ENDS.includes(end) ? line(`weeks.${end}`) : "",
      ...answers.map((said) => line("weeks.said", { what: said === "wrong" ? line("ask.prompt-wrong") : line(`answer.${said}`) })),
      words ? line("weeks.set-off", { what: words }) : "",
    ].filter(Boolean).map((text) => element("p", text)),
  );
  return made;
}
