// From the last picture to a card: what one screen says and which answers it takes. Pure.
//
// A card: say, more, notice, lines, strong, show: in large letters for another to read, progress,
// steps, folded: rows of [title, [[small, text], ...]], call: rows of [label, number], answers, quiet
// and otherwise: rows of [answer, label, what it is about], plain: the answers can wait, numbers: may
// they be shown, offline: the card itself says that the line is lost, write: the answer is in one's
// own words.
//
// Answers that only this page knows: "done", "open", "further", "close", "go-on" and "take-back" (see
// page.js); "set-off" takes what was written along.

import { line, say, section, split, timeOfDay } from "./words.js";

// Up to the next full minute: who comes back at the time shown has had the whole break.
function clock(ms, state, round = Math.ceil) {
  return timeOfDay(new Date(round((ms + state.skewMs) / 60000) * 60000));
}

const answers = (about, ...kinds) => kinds.map((kind) => [kind, line(`answer.${kind}`), about]);

const open = (what) => ["open", line(`page.${what}`), what];
const close = () => ["close", line("page.back"), ""];

export function card(state, done, opened) {
  const { view, door } = state;
  const live = door === "open";
  // A fall goes before all else, also before what the person has opened.
  if (view?.screen === "safety" && (live || door === "lost")) return safety(view);
  if (opened === "followed") return danger(view);
  const waits = door === "connecting" && state.known;
  if (!live && door !== "lost" && !waits) return split(line(`page.${door}`));
  if (opened === "card") return { say: line("say.card"), show: true, answers: [close()] };
  if (state.alone && !(live && view.screen in { prompt: 1, steadying: 1 })) return alone(state.alone);
  if (!view) return offline(waits ? "page.connecting" : "page.offline");
  if (opened === "ask" && view.ask && view.screen in { measure: 1, after: 1 }) return ask(view.ask);
  switch (view.screen) {
    // What is an instruction stays when the line is lost; what is a measurement does not.
    case "steadying": return steadying(view.break);
    case "break": return onBreak(view, state);
    case "time-up": return timeUp(view, state);
    case "prompt": return live ? prompt(view.prompt) : offline();
    case "after": if (live && done !== view.break.id) return after(view);
    // falls through
    default: return live ? quiet(state) : offline();
  }
}

// As the person set it; 112 and 911 reach help from any mobile phone (3GPP TS 22.101, 10.1.1).
function calls(view) {
  const { help = "112", contact = "", name = "" } = view?.call ?? {};
  const other = contact ? [[line("answer.call-contact", { name: name || contact }), contact]] : [];
  return [[line("answer.call-help"), help], ...other];
}

// Being followed or blocked: help, not a pacer. Nothing of it is sent or kept.
function danger(view) {
  return {
    say: line("danger.title"),
    lines: section("danger.then-"),
    strong: true,
    call: calls(view),
    answers: [close()],
  };
}

function offline(why = "page.offline") {
  return { ...split(line(why)), offline: true, answers: answers("", "start-break") };
}

function quiet(state) {
  if (state.view.paused) return paused(state);
  return state.view.partner ? partner(state) : measure(state);
}

function measure(state) {
  const { measure: now, missing, notice, ask, why, first } = state.view;
  const because = why.map(({ say: key, ...values }) => ["", line(key, values)]);
  const expired = notice?.say === "break.expired";
  const since = missing.map(({ stream, since_ms }) =>
    line(`page.since-${stream}`, { time: clock(since_ms, state, Math.floor) }));
  const also = now.also.filter((key) => key !== now.say).map((key) => line(key));
  return {
    ...split(line(now.say)),
    notice: notice ? line(notice.say) : "",
    lines: [...since, ...also],
    progress: now.progress,
    folded: because.length ? [[line("page.why"), because]] : [],
    // Who wants the break after all says yes to the question that has passed.
    answers: expired ? [["yes", line("page.still-break"), notice.about]] : answers("", "start-break"),
    quiet: [
      ...(first ? [["further", line("own.first"), "/first.js"]] : []),
      ...(ask ? [["open", line("ask.open"), "ask"]] : []),
      open("card"),
    ],
    numbers: now.kind !== "not-measuring" || state.numbers,
  };
}

// Nothing is asked; what goes on all the same is said.
function paused(state) {
  return {
    ...split(line("page.paused")),
    lines: [line(state.view.paused), ...beside(state)],
    answers: [["go-on", line("page.go-on"), ""], ...answers("", "start-break")],
    quiet: [open("card")],
  };
}

// What the other lets be seen of a break, and what to do with the time.
function partner(state) {
  const { partner: { name, lines, steps, hears }, measure: now } = state.view;
  return {
    ...split(beside(state)[0]),
    lines: [...lines.map((key) => line(key, { name })), line(now.say)],
    steps: steps.map((say) => ({ say, name })),
    about: "partner",
    // Of what is over nobody is told that it was read.
    answers: [...(hears ? [["heard", line(lines.length ? "answer.heard" : "page.done"), ""]] : []), ...answers("", "start-break")],
    quiet: [open("card")],
    numbers: now.kind !== "not-measuring" || state.numbers,
  };
}

// The same as one line of another card; nothing where there is nothing to see. It may have been
// taken back since, so it does not stay when the line is lost.
function beside(state) {
  const other = state.door === "open" && state.view.partner;
  return other ? [line(other.say, { name: other.name, time: clock(other.until_ms, state) })] : [];
}

function prompt({ id, about, say, minutes }) {
  const { say: headline, more } = split(line(say));
  // Needing time is not withdrawal, and there is a word for being far away.
  const low = about === "shutdown" ? ["im-thinking", "far-away"] : [];
  return {
    say: headline,
    more: `${more} ${line("prompt.offer", { minutes })}`.trim(),
    answers: answers(id, "yes", "not-now", ...low),
    quiet: [...answers(id, "later"), ["wrong", line("page.wrong"), id]],
  };
}

// No timer, no pacer, no break here.
function safety(view) {
  return {
    say: line("prompt.safety"),
    lines: [line("safety.drive"), line("safety.then"), line("safety.call")],
    strong: true,
    call: calls(view),
    answers: answers(view.safety.id, "seen"),
  };
}

// Small steps before anything is decided.
function steadying(pause) {
  return {
    ...split(line(pause.say)),
    steps: pause.steps,
    about: pause.id,
    answers: [["yes", line("answer.start-break"), pause.id], ...answers(pause.id, "im-here")],
    quiet: [open("followed")],
    otherwise: otherwise(pause),
  };
}

function onBreak({ break: pause, notice }, state) {
  // Without a line the phone's own clock says when the time is up.
  if (state.door !== "open" && Date.now() - state.skewMs >= pause.until_ms) return timeUp(state.view, state);
  const here = pause.about === "shutdown" ? ["im-here"] : [];
  const time = clock(pause.until_ms, state);
  const values = { minutes: pause.minutes, time };
  const later = pause.say === "break.on-extended" ? ["not-ready"] : [];
  const agreed = pause.agreed.map(({ say: key, what }) => ["", line(key, { what })]);
  return {
    say: line(pause.say, { time }),
    notice: notice ? line(notice.say) : "",
    lines: [...(pause.heard ? [line("partner.heard")] : []), ...beside(state)],
    steps: pause.steps,
    about: pause.id,
    folded: [
      ...leaving(values, ...later),
      ...(agreed.length ? [[line("page.agreed"), agreed]] : []),
    ],
    answers: answers(pause.id, ...here, "im-back", "more-time"),
    quiet: [open("followed")], // a matter of safety: never folded away here
    otherwise: otherwise(pause, ...answers(pause.id, "no-break")),
    plain: true,
  };
}

const leaving = (values, ...later) => [
  [line("purpose.leave"), [
    ["", line("say.leave", values)],
    ...say(values, ...later, "quiet-name", "quiet-value", "quiet-offer", "after-see", "after-turn", "after-soothe"),
  ]],
];

// A break that only this page knows of. Who comes back, or takes another way, ends it here.
function alone({ until_ms, minutes, steps, trying }) {
  const time = clock(until_ms, { skewMs: 0 });
  const over = Date.now() >= until_ms;
  const back = ["take-back", line("answer.im-back"), ""];
  const again = trying ? [] : answers("", "start-break");
  return {
    ...(over ? split(line("break.return-due", { time })) : { say: line("break.on", { time }) }),
    notice: line(trying ? "page.alone" : "page.gave-up"),
    steps: over ? [] : steps,
    about: "alone",
    folded: over ? [] : leaving({ minutes, time }),
    answers: [back, ...again],
    quiet: [open("followed"), open("card")],
    plain: !over,
  };
}

function timeUp({ break: pause, notice }, state) {
  const known = state.door === "open";
  const due = line("break.return-due", { time: clock(pause.until_ms, state) });
  const here = pause.about === "shutdown" && pause.say !== "break.settled" ? ["im-here"] : [];
  return {
    ...split(known ? line(pause.say) : due),
    notice: notice ? line(notice.say) : "",
    lines: beside(state),
    answers: answers(pause.id, "im-back", "more-time"),
    quiet: answers(pause.id, ...here, "not-today", "let-it-drop"),
    otherwise: otherwise(pause, open("followed")),
  };
}

function otherwise(pause, ...more) {
  return [open("card"), ...answers(pause.id, "made-worse"), ...more];
}

function after({ break: pause, notice, ask, breathed }) {
  const back = pause.say === "break.returned";
  return {
    ...split(line(pause.say)),
    notice: notice ? line(notice.say) : "",
    lines: breathed ? [line(breathed.say, breathed)] : [],
    folded: back ? [[line("page.words"), say({}, "back", "pattern", "repair", "repair-after", "repair-both")]] : [],
    answers: [["done", line("page.done"), pause.id], ...answers("", "start-break")],
    quiet: ask ? [["open", line("ask.open"), "ask"]] : [],
    numbers: Boolean(breathed),
  };
}

function ask({ about, ask: question, answers: kinds }) {
  const label = (kind) => (kind === "wrong" ? line("ask.prompt-wrong") : line(`answer.${kind}`));
  return {
    ...split(line(`ask.${question}`)),
    answers: [
      ...kinds.map((kind) => [kind, label(kind), about]),
      ...answers(about, "skip"),
      ...answers("", "start-break"),
    ],
    quiet: [...answers(about, "skip-all"), close()],
    plain: true,
    write: question === "set-off",
  };
}
