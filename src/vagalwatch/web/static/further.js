// A further screen: what a footer button opens in the place of the card. Its module is fetched
// when it is first wanted, so that the page itself stays small.
//
// Such a module exports show(box, close): it fills the empty `box`, and may call `close` when the
// person is done. It may export renew(), called when what is shared was set anew. It keeps nothing that is half written: whoever needs the screen takes it.

import { line } from "./words.js";

const byId = (id) => document.getElementById(id);
const buttons = () => document.querySelectorAll("[data-further]");

const NEVER = ["prompt", "safety"]; // screens that are one question and nothing else
const TAKES = [...NEVER, "steadying", "break", "time-up"]; // screens that close it when they come

let change = () => {};
let opened = ""; // the module's address
let renew = () => {};
let sharing = null; // how often what is shared had been set
let screen = ""; // the picture that it was opened on, or came since

// `onBreak` is called for "I need a break", which is on every screen.
export function start(onChange, onBreak) {
  change = onChange;
  byId("further-break").onclick = () => {
    close();
    onBreak();
  };
  for (const button of buttons()) button.onclick = () => open(button.dataset.further);
  byId("further-back").onclick = close;
}

export async function open(path) {
  opened = path;
  renew = () => {};
  const box = document.createElement("div"); // of its own: a late one draws into nothing
  byId("further-box").replaceChildren(box);
  byId("further").hidden = false;
  byId("now").hidden = true;
  change();
  byId("further-back").focus();
  const module = await import(path).catch(() => null); // no line, and not kept on this phone
  if (opened === path && module?.renew) renew = module.renew;
  if (module === null) box.textContent = line("page.offline");
  else await module.show(box, () => { if (box.isConnected) close(); });
}

export const isOpen = () => opened !== "";

export function close() {
  if (!opened) return;
  opened = "";
  byId("further-box").replaceChildren();
  byId("further").hidden = true;
  byId("now").hidden = false;
  change();
  byId("say").focus({ preventScroll: false });
}

// Called with each picture: who is asked something, or on a break since, has the screen back.
export function draw(view, paired) {
  const now = view ? `${view.screen} ${(view.prompt ?? view.safety ?? view.break)?.id ?? ""}` : "";
  if (view && view.sharing !== sharing) {
    sharing = view.sharing;
    if (opened) renew();
  }
  const turned = now !== screen && TAKES.includes(view?.screen);
  screen = now;
  if (turned || !paired) close();
  byId("further-break").hidden = TAKES.includes(view?.screen); // one is on already
  for (const button of buttons()) button.hidden = !paired || NEVER.includes(view?.screen);
}
