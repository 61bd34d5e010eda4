// What the person's own screens are made of, and their line to the service: plain elements, and
// wishes that go out one after the other. What could not be kept jumps back to what holds.

import * as link from "./link.js";
import { line } from "./words.js";

export function element(name, text = "", more = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  return Object.assign(made, more);
}

export const button = (label, onclick, className = "") =>
  element("button", label, { type: "button", onclick, className });

// One screen in the place of the last. `again` draws it anew from what /own says is in force.
export function frame(box, title, parts, again = null) {
  if (!box.isConnected) return; // something asked for the screen meanwhile
  anew = again;
  told = element("p", "", { className: "told" });
  told.setAttribute("role", "status");
  const heading = element("h1", title, { tabIndex: -1 });
  box.replaceChildren(heading, ...parts, told);
  heading.focus();
}

export function list(lines) {
  const made = element("ul");
  made.append(...lines.map((text) => element("li", text)));
  return made;
}

export function group(title, ...parts) {
  const made = element("fieldset");
  made.append(element("legend", title), ...parts);
  return made;
}

function labelled(text, input) {
  const made = element("label");
  const said = element("span", text);
  const before = ["checkbox", "radio"].includes(input.type);
  made.append(...(before ? [input, said] : [said, input]));
  made.classList.toggle("above", !before);
  return made;
}

// `send` gets what the input holds and says whether that holds now.
function tied(input, what, send) {
  let holds = input[what];
  input.onchange = async () => {
    const wanted = input[what];
    if (await send(wanted)) holds = wanted;
    else input[what] = holds;
  };
  // Set elsewhere: see consents.js.
  input.addEventListener("holds", ({ detail }) => {
    holds = input[what] = detail;
  });
  return input;
}

export const check = (label, checked, send) =>
  labelled(label, tied(element("input", "", { type: "checkbox", checked }), "checked", send));

export function select(label, value, options, send) {
  const made = element("select");
  made.append(...options.map(([each, text]) => element("option", text, { value: String(each) })));
  made.value = String(value ?? "");
  return labelled(label, tied(made, "value", send));
}

// Kept when it is left, or Enter is pressed.
export function text(label, { value, longest }, send, type = "text") {
  const input = element("input", "", { type, value, maxLength: longest, autocomplete: "off" });
  return labelled(label, tied(input, "value", (typed) => send(typed.trim() || null)));
}

export function radios(title, name, value, options, send) {
  let holds = value;
  const inputs = options.map(([each]) =>
    element("input", "", { type: "radio", name, value: each, checked: value === each }));
  for (const input of inputs) {
    input.onchange = async () => {
      if (await send(input.value, holds)) holds = input.value;
      for (const each of inputs) each.checked = each.value === holds;
    };
  }
  return group(title, ...options.map(([, label], n) => labelled(label, inputs[n])));
}

// Who can see it: by the names of accounts and people that are in force.
export const seenBy = (rows) => list(rows.map(({ say, name, whom }) => {
  if (!whom) return line(say, { name });
  return `${line(whom)}${name ? ` (${name})` : ""}: ${line(say)}`;
}));

export const callNumber = () => link.state.view?.call?.help ?? "112";

// --- the line -----------------------------------------------------------------------------------

let told = null; // where the screen that is open says how it went
let anew = null; // draws that screen anew
let waiting = 0; // wishes on their way
let unsure = false; // an answer was lost: the screen may show what does not hold
let last = Promise.resolve();

export async function fetched(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(15000) });
    if (answer.status === 401) link.shut("unpaired");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const SAYS = { 200: "own.kept", 202: "own.not-saved", 400: "own.refused", 429: "own.too-many" };

export function say(text) {
  if (told) told.textContent = text;
}

// Whether it is known to hold now. One after the other, so that the last tap is the one that counts.
export function wish(key, value) {
  waiting += 1;
  say("");
  last = last.then(async () => {
    const answer = await link.post("/wish", { key, value });
    waiting -= 1;
    if (answer === 401) link.shut("unpaired");
    else if (SAYS[answer]) say(line(SAYS[answer]));
    else unsure = true;
    if (unsure && !waiting) await look();
    return answer === 200 || answer === 202;
  });
  return last;
}

// What stands once all that was tapped has been heard.
export async function settled() {
  let before, own;
  do {
    before = last;
    await before;
    own = await fetched("/own");
  } while (last !== before);
  return own;
}

// The service may have taken what it gave no answer to, so it is asked what stands.
async function look() {
  const own = await fetched("/own");
  if (waiting) return; // that one looks, once it is through
  const at = scrollY;
  if (own) await anew?.(own);
  scrollTo(0, at); // to where the tap was
  unsure = own === null;
  say(line(unsure ? "own.not-known" : "own.looked"));
}
