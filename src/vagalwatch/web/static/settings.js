// What a person sets about prompts, breaks and steps. Bounds and choices come from the service.

import { button, check, element, group, radios, say, select, text, wish } from "./form.js";
import * as link from "./link.js";
import { line } from "./words.js";

const HOUR_MS = 3600000;
const BREAKS = [20, 30, 45, 60, 90, 120, 240, 480, 720, 1440]; // minutes

const time = (ms) => new Date(ms + link.state.skewMs)
  .toLocaleString([], { weekday: "short", hour: "numeric", minute: "2-digit" });

export function ask(own, go) {
  const { numbers, flags } = own.settings;
  const { value, low, high } = numbers["prompts-per-day"];
  const counts = Array.from({ length: high - low + 1 }, (_, n) => low + n);
  return [
    select(line("own.prompts"), value, counts.map((n) => [n, n || line("own.prompts-none")]),
      (n) => wish("prompts-per-day", Number(n))),
    muting(own, go),
    quietHours(own),
    check(line("own.safety"), flags["safety-alerts"], (on) => wish("safety-alerts", on)),
    body(own)[0],
  ];
}

function muting({ settings: { muted_until_ms: until } }, go) {
  const set = async (value) => {
    if (await wish("mute-until", value)) go("ask");
  };
  if (until && until > link.state.nowMs) {
    return group(line("own.mute"), element("p", line("own.muted", { time: time(until) })),
      button(line("own.unmute"), () => set(null)));
  }
  const end = (hours) => new Date(link.state.nowMs + hours * HOUR_MS).toISOString();
  return group(line("own.mute"), ...[2, 12].map((hours) =>
    button(line(`own.mute-${hours}`), () => set(end(hours)))));
}

function quietHours({ settings: { quiet } }) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  let holds = quiet ?? ["", ""];
  const shown = [...holds];
  const send = (n) => async (at) => {
    shown[n] = at ?? "";
    const [from, to] = shown;
    if (from && to) {
      if (await wish("quiet-hours", { from, to, zone })) {
        holds = [from, to];
        return true;
      }
    } else {
      say(line("own.quiet-both"));
      if (!holds[n]) return true; // the first of two is set
    }
    shown[n] = holds[n];
    return false;
  };
  const made = group(line("own.quiet"),
    text(line("own.quiet-from"), { value: holds[0] }, send(0), "time"),
    text(line("own.quiet-to"), { value: holds[1] }, send(1), "time"),
    button(line("own.quiet-none"), async () => {
      if (!(await wish("quiet-hours", null))) return;
      holds = ["", ""];
      for (const [n, input] of made.querySelectorAll("input").entries()) input.value = shown[n] = "";
    }, "quiet"));
  return made;
}

// Two questions of health. What is kept of them is what changes, and no more.
export function body({ settings: { flags } }) {
  const options = ["yes", "no", "rather-not"].map((said) => [said, line(`agree.holds-${said}`)]);
  const beta = { true: "yes", false: "no" }[flags["beta-blocker"]];
  return [
    radios(line("own.beta"), "beta-blocker", beta, options, (said, before) => {
      if (said !== "rather-not") return wish("beta-blocker", said === "yes");
      if (before) say(line("own.stays"));
      return !before; // silence takes nothing back
    }),
    radios(line("agree.holds"), "holds", flags["holds-ok"] ? "no" : "", options, (said) => wish("holds-ok", said === "no")),
    element("p", line("agree.holds-kept"), { className: "soft" }),
  ];
}

export function agree({ settings: { numbers, texts, choices } }) {
  const part = (key) => key.replace("agreed-", "");
  const written = ["agreed-sign", "agreed-place", "agreed-other-place"];
  const minutes = numbers["break-minutes"].value;
  const lengths = [...new Set([...BREAKS, minutes])].sort((a, b) => a - b);
  const line_of = (key) => text(line(`agree.${part(key)}`), texts[key], (value) => wish(key, value));
  return [
    ...written.map(line_of),
    select(line("agree.minutes"), minutes, lengths.map((n) => [n, length(n)]),
      (n) => wish("break-minutes", Number(n))),
    line_of("agreed-children"),
    ...Object.entries(choices).map(([key, { value, of }]) =>
      select(line(`agree.${part(key)}`), value,
        [["", "–"], ...of.map((each) => [each, line(`agreed.${part(key)}-${each}`)])],
        (each) => wish(key, each || null))),
    element("p", line("agree.rules"), { className: "soft" }),
  ];
}

function length(minutes) {
  const [unit, n] = minutes < 60 || minutes % 60 ? ["minute", minutes] : ["hour", minutes / 60];
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(n);
}

export function steps(own) {
  const { steps: all, texts } = own.settings;
  const state = new Map(all.map((each) => [each.step, each.left_out ? "never" : each.chosen ? "wanted" : "usual"]));
  const named = (what) => [...state.keys()].filter((step) => state.get(step) === what);
  const send = (step) => async (now) => {
    const before = state.get(step);
    state.set(step, now);
    const touched = new Set([before, now]);
    const left = !touched.has("never") || (await wish("steps-left-out", named("never")));
    const kept = left && (!touched.has("wanted") || (await wish("steps-chosen", named("wanted"))));
    if (!kept) state.set(step, before);
    return kept;
  };
  const options = (by_choice) => ["usual", ...(by_choice ? ["wanted"] : []), "never"]
    .map((each) => [each, line(`own.step-${each}`)]);
  return [
    element("p", line("agree.steps")),
    element("p", line("own.steps-why"), { className: "soft" }),
    element("p", line("agree.breath"), { className: "soft" }),
    text(line("agree.own-step"), texts["own-step"], (value) => wish("own-step", value)),
    ...all.map(({ step, by_choice }) =>
      select(line(`step.${step}`), state.get(step), options(by_choice), send(step))),
    ...body(own).slice(1),
  ];
}

export const call = ({ settings: { texts } }) => [
  ...["help-number", "contact-name", "contact-number"].map((key) =>
    text(line(`own.${key}`), texts[key], (value) => wish(key, value), key.endsWith("number") ? "tel" : "text")),
];
