// The line to the service: pictures come in over a WebSocket, answers go out by POST until they
// are confirmed, and what is old is never taken for live.

import { forget, keep, keepPicture, kept, lastAlone, lastPicture, RUNS } from "./kept.js";
import { line } from "./words.js";

const STALE_MS = 5000; // the service speaks each second; after five it is not live
const CONNECT_MS = 10000; // a connection that takes longer is tried anew
const TRY_FOR_MS = 120000; // an answer is offered this long: as long as a prompt is valid
const TRY_BREAK_FOR_MS = 590000; // "I need a break" holds longer; the service takes ten minutes
const PATIENCE_MS = 4000; // after this the person is told that it has not gone through
const SHOWS_MS = 1500; // what was heard shows in the picture by then
const SET_MS = 10000; // a clock that jumps this far was set; a slow message or a fast story do less
const UNPAIRED = 4401;
const RETRIED = ["unpaired", "unknown-code", "too-many", "pair-failed", "too-many-pages"];
const NOT_PAIRED = { 400: "unknown-code", 403: "unknown-code", 429: "too-many" };
const REFUSED = { [UNPAIRED]: "unpaired", 4429: "too-many-pages" };

export const state = {
  door: "connecting", // "open", "lost", or why this browser may not come in
  known: false, // whether this browser was let in before: then there is a button from the start
  view: null, // the last picture
  alone: null, // { until_ms, minutes, steps, trying }: a break that only this page knows of
  dizzy: null, // the break ("alone": that one) in which breathing did no good
  nowMs: 0, // the service's time in the last message
  skewMs: 0, // this phone's clock minus the service's, where they clearly differ
  numbers: false, // whether the person asked for them
  usual: null,
  points: [], // [ms, bpm] of the last ten minutes
};

const others = new BroadcastChannel("pause"); // other tabs of this browser
let show = () => {};
let socket = null;
let began = moment();
let tried = began;
let heard = began;
let lastSkew = 0;
let unsure = true; // a clock was set, or this page slept: only what is of now tells which
let fresh = true; // nothing was heard on this line yet: unless this page slept, what comes is of now
let mark = 0; // the last that was sent along; when it is back, the past has all been told
let tries = 0;
let retry = 0;
let sending = null; // what was tapped last: { body, since, seen, state: "sending" | "heard" | "gave-up" }
let asked = null; // the same of "I need a break" on its way: no other tap takes its place
let settled = began; // when it was on its way last

export function start(onChange) {
  show = onChange;
  began = moment();
  state.known ||= kept().ready !== undefined;
  state.view = lastPicture();
  state.skewMs = state.view?.break.skewMs ?? 0;
  resume();
  setInterval(watch, 1000);
  document.addEventListener("visibilitychange", awake);
  addEventListener("online", awake);
  addEventListener("storage", resume);
  others.onmessage = () => { // paired in another tab, maybe with somebody else
    sessionStorage.clear();
    location.reload();
  };
  if (state.door !== "connecting") return; // a code that opened nothing: that is said first
  connect();
}

// The picture that index.html has asked for ahead of all scripts: on a slow phone it is there well
// before the line. Not after pairing: who asked then was nobody, or somebody else.
export async function lookAhead() {
  try {
    const answer = await fetch("/picture", { signal: AbortSignal.timeout(8000) });
    const message = answer.status === 200 ? await answer.json() : null;
    if (message && state.door === "connecting") hear(message);
  } catch {
    // The line says what is the matter.
  }
}

// Two clocks, since the first stands still on some phones while they sleep.
function moment() {
  return { run: performance.now(), wall: Date.now() };
}

const asOf = (wall) => ({ run: performance.now() - (Date.now() - wall), wall });

function since(then) {
  return Math.max(performance.now() - then.run, Date.now() - then.wall);
}

// --- pictures in ------------------------------------------------------------------------------

function connect() {
  clearTimeout(retry);
  tried = moment();
  const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket = mine;
  mine.onopen = () => {
    state.points = [];
    fresh = true;
    if (state.numbers) mine.send(JSON.stringify({ numbers: true }));
  };
  mine.onmessage = (event) => {
    if (mine === socket) hear(JSON.parse(event.data));
  };
  mine.onclose = (event) => {
    if (mine === socket) closed(event.code);
  };
}

function hear(message) {
  // A message in which time stands still (a new line to a service whose engine hangs) is no
  // sign of life: without this, trying again would make an old picture look live.
  if (message.now_ms !== state.nowMs) {
    tries = 0;
    heard = moment();
    state.door = "open";
  }
  // Only where one of the clocks was set: a promised time does not crawl with the difference. A page
  // that wakes is told first what waited for it; that looks like a clock that was set, and is not.
  const skew = Date.now() - message.now_ms;
  const jumps = Math.abs(skew - lastSkew) > SET_MS;
  lastSkew = skew;
  unsure ||= jumps;
  // An answer that waited itself, since the page slept again, is of the past: it jumps.
  const now = fresh ? since(tried) < SET_MS : !jumps && message.mark === mark;
  if (unsure && now) {
    // In whole minutes, as times are shown: so a couple's two pages promise the same one.
    state.skewMs = Math.abs(skew) > 60000 ? Math.round(skew / 60000) * 60000 : 0;
    unsure = false;
    if (state.known && state.view && !message.view) keepPicture(state.view, state.skewMs);
  } else if (jumps || (unsure && fresh)) {
    mark += 1;
    socket?.send(JSON.stringify({ numbers: state.numbers, mark }));
  }
  fresh = false;
  state.nowMs = message.now_ms;
  if (message.view) {
    state.view = message.view;
    state.known = true;
    keepPicture(state.view, state.skewMs);
    // Where the time of the last one is up, it is asked for anew.
    if (RUNS.includes(state.view.screen) && !(asked && state.view.screen === "time-up")) {
      if (state.dizzy === "alone") noBreath(state.view.break.id); // the same break, by its name
      noLongerAlone();
    }
    settle();
  }
  // What was heard, and is no break, was answered already: one was begun and ended since elsewhere.
  if (state.alone?.trying && !asked && !kept().pending && since(settled) > SHOWS_MS) noLongerAlone();
  if (message.pulse && state.numbers) {
    state.usual = message.pulse.usual_bpm;
    const oldest = message.now_ms - 600000;
    state.points = [...state.points, ...message.pulse.points].filter(([ms]) => ms > oldest);
  }
  show();
}

function closed(code) {
  socket = null;
  if (REFUSED[code]) {
    shut(REFUSED[code]);
    return;
  }
  if (state.door === "open") state.door = "lost"; // at once: what stands there may be old
  // Soon at first, since the service is back within seconds after a restart; then at ease,
  // with some chance in it so that several pages do not come all at once.
  retry = setTimeout(connect, Math.min(500 * 2 ** tries, 10000) * (0.75 + Math.random() / 2));
  tries += 1;
  goAlone();
  show();
}

export function shut(door) {
  Object.assign(state, { door, view: null, alone: null, dizzy: null, points: [], usual: null });
  sending = asked = null;
  if (door === "unpaired") {
    state.known = false;
    forget();
  }
  show();
}

// A line that died without a word (the phone left the Wi-Fi) is found here.
function watch() {
  const open = state.door === "open";
  const quiet = Math.min(since(heard), since(tried));
  if (socket && quiet > (open ? STALE_MS : CONNECT_MS)) {
    const old = socket;
    closed(0);
    old.close();
  }
  if (state.door === "connecting" && since(began) > STALE_MS) state.door = "lost";
  goAlone();
  show();
}

// Whoever looks at the page again does not wait for the back-off.
function awake() {
  if (document.hidden) return;
  resume(); // a page that was frozen has heard of nothing
  watch();
  if (!socket && ["connecting", "lost"].includes(state.door)) connect();
  comeIn();
}

// Perhaps this browser may come in by now; until that is known, what is said stands.
function comeIn() {
  if (!socket && RETRIED.includes(state.door)) connect();
}

export function askForNumbers(wanted) {
  if (state.numbers === wanted) return;
  Object.assign(state, { numbers: wanted, points: [], usual: null });
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ numbers: wanted }));
}

// --- answers out ------------------------------------------------------------------------------

// The id makes retries one answer. (crypto.randomUUID is missing on plain http.)
export const say = (answer, about, text) =>
  send("/answer", { id: randomId(), answer, about, minutes: answer === "more-time" ? 20 : null, text });

export const pauseAll = (paused) => send("/wish", { key: "paused", value: paused });

// Another tap takes the place of one still on its way, but never of "I need a break"; and that twice
// is one break, from the first tap.
async function send(path, body) {
  const starts = body.answer === "start-break";
  if (resting() || (starts && asked)) return;
  const mine = { path, body, since: moment() };
  if (starts) keep({ pending: { body, at: mine.since.wall } });
  await deliver(mine);
}

async function deliver({ path, body, since: said }) {
  const mine = { path, body, since: said, seen: JSON.stringify(state.view), state: "sending" };
  const starts = body.answer === "start-break";
  const tryFor = starts ? TRY_BREAK_FOR_MS : TRY_FOR_MS;
  sending = mine;
  if (starts) {
    asked = mine;
    mine.kept = isKept(mine); // not where this browser keeps nothing
  }
  goAlone();
  show();
  for (let n = 0; mine.state === "sending" && isWanted(mine); n += 1) {
    const ageMs = Math.round(since(mine.since));
    const aged = path === "/answer" ? { ...body, age_ms: ageMs } : body;
    const status = ageMs > tryFor ? 400 : await post(path, aged);
    if (status === 200 || status === 202) mine.state = "heard";
    else if (status === 400) mine.state = "gave-up";
    else if (status === 401) shut("unpaired");
    else await pauseFor(Math.min(500 * 2 ** n, 5000));
  }
  if (asked === mine) {
    letGo();
    keep({ pending: null });
    if (mine.state === "gave-up") keepAlone({ trying: false });
  }
  settle();
  show();
  if (mine.state === "heard") setTimeout(settle, SHOWS_MS);
}

const isKept = ({ body }) => kept().pending?.body.id === body.id;

// Looked up before each try: another tab may have taken it back, or been paired with somebody else.
function isWanted(mine) {
  if (asked?.kept && !isKept(asked)) forgo();
  return mine === asked || mine === sending;
}

function letGo() {
  asked = null;
  settled = moment();
}

function forgo() {
  if (sending === asked) sending = null;
  letGo();
  state.alone = null;
}

// What is kept is what holds, in every tab of this browser, and at the next start.
function resume() {
  if (asked?.kept && !isKept(asked)) forgo();
  const { ready, pending, dizzy = null } = kept();
  if (ready) {
    Object.assign(state, { alone: lastAlone(), dizzy });
    if (pending && !asked && !sending) deliver({ path: "/answer", body: pending.body, since: asOf(pending.at) });
  }
  show();
}

// Where nobody hears "I need a break", the time runs on this page, from the tap.
function goAlone() {
  const here = state.door === "lost" || (state.door === "connecting" && !resting());
  if (!here || !asked) return;
  const { ready } = kept();
  const { minutes, steps } = ready ?? { minutes: 20, steps: [] };
  state.alone = { until_ms: asked.since.wall + minutes * 60000, minutes, steps };
  keepAlone({ trying: true });
}

function keepAlone(change) {
  if (!state.alone) return;
  Object.assign(state.alone, change);
  const { steps, ...alone } = state.alone;
  keep({ alone });
}

// The service has a break, or the person came back: nothing of "I need a break" goes out any more.
function noLongerAlone() {
  forgo();
  keep({ alone: null, pending: null });
  if (state.dizzy !== "alone") return;
  state.dizzy = null;
  keep({ dizzy: null });
}

export function takeBack() {
  noLongerAlone();
  show();
}

// Whom breathing made dizzy sees no more of it in that break, whoever has heard so yet.
export function noBreath(about) {
  state.dizzy = about;
  keep({ dizzy: about });
  show();
  if (about !== "alone") tell("dizzy", about, TRY_BREAK_FOR_MS);
}

// What is told in passing: no button rests for it, and what comes later waits its turn.
let telling = Promise.resolve();
export function tell(answer, about, tryFor = TRY_FOR_MS) {
  const body = { id: randomId(), answer, about };
  const at = moment();
  telling = telling.then(async () => {
    for (let n = 0; since(at) < tryFor; n += 1) {
      const status = await post("/answer", { ...body, age_ms: Math.round(since(at)) });
      if (status !== 0 && status !== 429 && status < 500) return;
      await pauseFor(Math.min(500 * 2 ** n, 5000));
    }
  });
}

// Buttons rest until what was said shows in the picture, or a moment has passed.
function settle() {
  if (sending?.state !== "heard") return;
  if (JSON.stringify(state.view) === sending.seen && since(sending.since) < SHOWS_MS) return;
  sending = null;
  show();
}

export const resting = () =>
  sending !== null && sending.state !== "gave-up" && since(sending.since) < PATIENCE_MS;

export function sendingLine() {
  if (sending === null || sending.state === "heard" || state.alone) return "";
  if (sending.state === "gave-up") return line("page.gave-up");
  if (since(sending.since) < 1000) return "";
  return line(resting() ? "page.sending" : "page.not-sent");
}

export async function pair(code) {
  const status = await post("/pair", { code });
  // It may have been somebody else's; so too where the reply was lost, since its cookie may have come.
  if (!NOT_PAIRED[status]) forget();
  if (status === 200) {
    state.known = true;
    others.postMessage("paired");
    return;
  }
  shut(NOT_PAIRED[status] ?? "pair-failed");
}

export async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
    return response.status;
  } catch {
    return 0;
  }
}

const pauseFor = (ms) => new Promise((wake) => setTimeout(wake, ms));

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
