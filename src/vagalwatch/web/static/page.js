// The client's page: draws the card of the moment, and leaves at once when asked to.
// link.js talks to the service, cards.js decides what a screen says, words.js has the lines.

import { card } from "./cards.js";
import * as further from "./further.js";
import { forgetAndLeave } from "./kept.js";
import * as link from "./link.js";
import * as pacer from "./pacer.js";
import * as pulse from "./pulse.js";
import { darken, senses } from "./senses.js";
import { line, load } from "./words.js";


const byId = (id) => document.getElementById(id);
let done = sessionStorage.getItem("done"); // the break whose last screen was read
let opened = ""; // what the person opened on this page alone: "card", "followed" or "ask"
let step = { about: null, n: 0 };
let welcomed = false; // whether the first run was opened here

// --- drawing ----------------------------------------------------------------------------------

const drawn = {};

// The page is touched only where something changed: a screen reader speaks what changes, and
// nobody's focus or finger loses its button.
function changed(name, value) {
  const text = JSON.stringify(value ?? null);
  if (drawn[name] === text) return false;
  drawn[name] = text;
  return true;
}

function put(id, text = "") {
  if (!changed(id, text)) return;
  byId(id).textContent = text;
  byId(id).classList.toggle("empty", !text);
}

function draw() {
  const { view, door } = link.state;
  if (opened === "ask" && !view?.ask) opened = ""; // the last one was answered
  const now = card(link.state, done, opened);
  put("mark", mark(link.state, now.offline));
  put("notice", now.notice);
  put("say", now.say.replace(/([.?!])\s+/g, "$1\n")); // a sentence a line
  put("more", now.more);
  drawLines(now.lines ?? [], now.strong === true);
  drawProgress(now.progress ?? null);
  document.body.classList.toggle("show", now.show === true);
  drawStep(now.steps, now.about);
  drawFolded(now.folded ?? []);
  drawWritten(now);
  put("sending", link.sendingLine());
  drawAnswers("answers", now.answers ?? [], now.call);
  byId("answers").classList.toggle("plain", now.plain === true);
  drawAnswers("quiet", now.quiet ?? []);
  drawAnswers("otherwise", now.otherwise ?? []);
  byId("else").hidden = !now.otherwise;
  pulse.draw(now.numbers === true && door === "open");
  further.draw(view, door === "open" || door === "lost");
  byId("pause-all").hidden = door !== "open" || !["measure", "after"].includes(view?.screen) || view.paused !== null;
  firstRun(view, door);
  darken();
}

// Once, to who has not said yet whether to be measured; whatever asks something goes first.
function firstRun(view, door) {
  if (!view?.first || view.screen !== "measure" || door !== "open" || welcomed) return;
  welcomed = true;
  if (!sessionStorage.getItem("later")) further.open("/first.js");
}

function mark({ view, alone, door }, said) {
  if (said || !(view || alone)) return "";
  if (door === "lost") return line("page.offline-mark");
  if (!view) return "";
  if (!view.recording) return line("page.not-recording");
  if (view.paused && view.screen !== "measure") return line("page.paused-mark");
  return view.anew ? line("page.journal-anew") : "";
}

function drawLines(lines, strong) {
  if (!changed("lines", [lines, strong])) return;
  byId("lines").hidden = lines.length === 0;
  byId("lines").classList.toggle("strong", strong);
  byId("lines").replaceChildren(...lines.map((text) => element("li", text)));
}

function drawProgress(progress) {
  if (!changed("progress", progress)) return;
  byId("progress").hidden = progress === null;
  byId("progress").value = progress ?? 0;
}

function drawStep(steps, about) {
  if (step.about !== about) step = { about, n: 0 };
  const left = link.state.dizzy === about ? withoutBreath(steps) : steps;
  const now = left?.[step.n % left.length];
  pacer.draw(now?.pace ?? null);
  if (!changed("step", [now, about])) return;
  byId("step").hidden = !now;
  byId("step-text").textContent = now ? line(now.say, now) : "";
  byId("dizzy").hidden = !now?.pace;
}

// As the service has it once it has heard that breathing makes dizzy.
function withoutBreath(steps) {
  const left = steps?.filter(({ pace }) => !pace);
  return left?.length === steps?.length ? left : [{ say: "step.usual-breath" }, ...left];
}

function drawFolded(folded) {
  if (!changed("folded", folded)) return;
  const open = [...byId("folded").querySelectorAll("details[open] > summary")].map((each) => each.textContent);
  const focused = byId("folded").contains(document.activeElement) ? document.activeElement.textContent : null;
  byId("folded").replaceChildren(...folded.map(([title, rows]) => {
    const made = document.createElement("details");
    made.open = open.includes(title); // what is read goes on while its numbers change
    made.append(element("summary", title), ...rows.map(([small, text]) => {
      const said = element("p", text);
      if (small) said.prepend(element("small", small));
      return said;
    }));
    return made;
  }));
  [...byId("folded").querySelectorAll("summary")].find((each) => each.textContent === focused)?.focus();
}

// What a person writes is theirs: it is in no picture, and gone from here once it is on its way.
function drawWritten({ write = false, say }) {
  if (!changed("written", [write, say])) return;
  byId("written").hidden = !write;
  byId("written").value = "";
  byId("written").setAttribute("aria-label", say);
}

function drawAnswers(id, rows, call) {
  const box = byId(id);
  if (changed(id, [rows, call])) {
    const hadFocus = box.contains(document.activeElement);
    box.replaceChildren(...(call ?? []).map(callLink), ...rows.map(button));
    // Focus that lost its button goes to the sentence that says what is now.
    if (hadFocus) byId("say").focus({ preventScroll: true });
  }
  for (const each of box.querySelectorAll("button")) each.setAttribute("aria-disabled", String(link.resting()));
}

function button([answer, label, about]) {
  const made = element("button", label);
  made.type = "button";
  made.dataset.answer = answer;
  made.onclick = () => (local[answer] ?? ((what) => link.say(answer, what)))(about);
  return made;
}

// What a tap does on this page alone; everything else is said to the service.
const local = {
  done: read,
  open: (what) => {
    opened = what;
    further.close();
    draw();
    byId("say").focus({ preventScroll: false });
  },
  close: () => {
    opened = "";
    draw();
  },
  "go-on": () => link.pauseAll(false),
  "take-back": link.takeBack,
  further: further.open,
  "set-off": (about) => {
    const words = byId("written").value.replace(/\s+/g, " ").trim();
    if (words) link.say("set-off", about, words);
    else link.say("skip", about);
  },
};

function callLink([label, number]) {
  const made = element("a", label);
  made.href = `tel:${number}`;
  made.className = "button";
  return made;
}

function read(id) {
  done = id;
  sessionStorage.setItem("done", id);
  draw();
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// --- seen -------------------------------------------------------------------------------------

// Who does something at the page while it asks has seen that it asks: then nothing needs to go on to
// a lock screen (docs/reach.md). That the question stands there tells nothing: a page lies open.
let seen = "";
function see(event) {
  const asked = link.state.view?.screen === "prompt" ? link.state.view.prompt.id : "";
  const answers = event.target.closest?.("button, a");
  if (!asked || asked === seen || answers || document.hidden || link.state.door !== "open") return;
  seen = asked;
  link.tell("shown", asked);
}
for (const act of ["pointerdown", "keydown", "visibilitychange"]) addEventListener(act, see);

// --- leaving ----------------------------------------------------------------------------------

// A link as well (neutral, quick, and in everybody's history): it leads away also before this runs.
function leave(event) {
  event.preventDefault();
  const away = byId("leave").href;
  document.body.remove(); // blank at once, also where the next page is slow to come
  pacer.hush();
  if (senses.forget) forgetAndLeave();
  document.title = "";
  location.replace(away);
}

// Shift three times, not Escape, which stops the next page from loading (GOV.UK, exit this page).
let shifts = [];
addEventListener("keydown", (event) => {
  if (event.repeat) return;
  const recent = shifts.filter((at) => event.timeStamp - at < 3000);
  shifts = event.key === "Shift" ? [...recent, event.timeStamp] : [];
  if (shifts.length === 3) leave(event);
});

// --- starting ---------------------------------------------------------------------------------

async function start() {
  darken();
  byId("leave").onclick = leave;
  byId("leave").onkeydown = (event) => { if (event.key === " ") leave(event); }; // it looks like a button
  const code = location.pathname === "/pair" ? location.hash.slice(1) : "";
  if (location.pathname === "/pair") history.replaceState(null, "", "/"); // out of the history
  await load();
  byId("step-title").textContent = line("page.step");
  byId("another").textContent = line("page.another");
  byId("another").onclick = () => { step.n += 1; draw(); };
  byId("dizzy").textContent = line("answer.dizzy");
  byId("dizzy").onclick = () => {
    step.n = 0; // what comes first then is to breathe as always
    link.noBreath(step.about);
  };
  byId("else-title").textContent = line("page.else");
  byId("followed").textContent = line("page.followed");
  byId("followed").hidden = false;
  byId("followed").onclick = () => local.open("followed");
  byId("progress").setAttribute("aria-label", line("page.how-far"));
  for (const [path, key] of [["/own.js", "own.title"], ["/device.js", "page.device"], ["/limits.js", "limits.title"]])
    document.querySelector(`[data-further='${path}']`).textContent = line(key);
  byId("further-back").textContent = line("page.back");
  byId("pause-all").textContent = line("page.pause-all");
  byId("pause-all").onclick = () => {
    further.close();
    link.pauseAll(true);
  };
  byId("further-break").textContent = line("answer.start-break");
  further.start(draw, () => link.say("start-break", ""));
  let followed = null; // the break: where it is over, the screen has no name for it any more
  pacer.start((on) => {
    if (on) followed = step.about;
    link.tell(on ? "pace" : "pace-over", followed);
  });
  pulse.start(draw);
  if (code) {
    put("say", line("page.pairing"));
    await link.pair(code);
  }
  link.start(draw);
  draw();
  byId("stuck").remove();
  if (!code) await link.lookAhead();
  const { install } = await import("./install.js"); // last: what is seen goes first
  install(() => opened !== "" || further.isOpen());
}

start();
