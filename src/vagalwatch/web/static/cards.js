// From the last picture to a card: what one screen says and which answers it takes. Pure.
//
// A card: say, more, notice, lines, strong, progress, steps, quote: [title, text], call, answers
// and quiet: rows of [answer, label, what it is about], plain: the answers can wait,
// numbers: may they be shown, offline: the card itself says that the line is lost.

import { line, split, steps } from "./words.js";

// Up to the next full minute: who comes back at the time shown has had the whole break.
function clock(ms, state, round = Math.ceil) {
  const shown = new Date(round((ms + state.skewMs) / 60000) * 60000);
  return shown.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

const answers = (about, ...kinds) => kinds.map((kind) => [kind, line(`answer.${kind}`), about]);

export function card(state, done) {
  const { view, door } = state;
  const live = door === "open";
  if (!live && door !== "lost") return split(line(`page.${door}`));
  if (!view) return offline();
  switch (view.screen) {
    // What is an instruction stays when the line is lost; what is a measurement does not.
    case "safety": return safety(view.safety);
    case "break": return onBreak(view.break, state);
    case "time-up": return timeUp(view.break, state);
    case "prompt": return live ? prompt(view.prompt) : offline();
    case "after": if (live && done !== view.break.id) return after(view.break);
    // falls through
    default: return live ? measure(state) : offline();
  }
}

function offline() {
  return { ...split(line("page.offline")), offline: true, answers: answers("", "start-break") };
}

function measure(state) {
  const { measure: now, missing, notice } = state.view;
  const expired = notice?.say === "break.expired";
  const since = missing.map(({ stream, since_ms }) =>
    line(`page.since-${stream}`, { time: clock(since_ms, state, Math.floor) }));
  const also = now.also.filter((key) => key !== now.say).map((key) => line(key));
  return {
    ...split(line(now.say)),
    notice: notice ? line(notice.say) : "",
    lines: [...since, ...also],
    progress: now.progress,
    // Who wants the break after all says yes to the question that has passed.
    answers: expired ? [["yes", line("page.still-break"), notice.about]] : answers("", "start-break"),
    numbers: now.kind !== "not-measuring" || state.numbers,
  };
}

function prompt({ id, about, say, minutes }) {
  const { say: headline, more } = split(line(say));
  const thinking = [["later", line("answer.im-thinking"), id]]; // needing time is not withdrawal
  return {
    say: headline,
    more: `${more} ${line("prompt.offer", { minutes })}`.trim(),
    answers: [...answers(id, "yes", "not-now"), ...(about === "shutdown" ? thinking : [])],
    quiet: [["wrong", line("page.wrong"), id]],
  };
}

// No timer, no pacer, no break here.
function safety({ id }) {
  return {
    say: line("prompt.safety"),
    lines: [line("safety.then"), line("safety.call")],
    strong: true,
    call: line("answer.call-help"),
    answers: answers(id, "seen"),
  };
}

function onBreak(pause, state) {
  // Without a line the phone's own clock says when the time is up.
  if (state.door === "lost" && Date.now() - state.skewMs >= pause.until_ms) return timeUp(pause, state);
  const here = pause.about === "shutdown" ? ["im-here"] : [];
  return {
    say: line(pause.say, { time: clock(pause.until_ms, state) }),
    steps: steps(pause.about),
    quote: [line("page.leave-with"), line("say.leave", { minutes: pause.minutes })],
    answers: answers(pause.id, ...here, "im-back", "more-time"),
    plain: true,
  };
}

function timeUp(pause, state) {
  const known = state.door === "open";
  const due = line("break.return-due", { time: clock(pause.until_ms, state) });
  const here = pause.about === "shutdown" && pause.say !== "break.settled" ? ["im-here"] : [];
  return {
    ...split(known ? line(pause.say) : due),
    answers: answers(pause.id, "im-back", "more-time"),
    quiet: answers(pause.id, ...here, "not-today"),
  };
}

function after(pause) {
  const done = [["done", line("page.done"), pause.id]];
  const said = split(line(pause.say));
  if (pause.say !== "break.returned") {
    return { ...said, answers: answers("", "start-break"), quiet: done };
  }
  return { ...said, quote: [line("page.start-with"), line("say.repair")], answers: done };
}
