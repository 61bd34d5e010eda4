// The person's own part of the page: a list of screens, each drawn from what the service says is in
// force. What is tapped is kept at once; nothing waits for a "save".

import { consent, of, renew as renewBoxes } from "./consents.js";
import { ending } from "./couple.js";
import { seen, what } from "./first.js";
import { button, element, fetched, frame, group, seenBy, settled, text, wish } from "./form.js";
import * as limits from "./limits.js";
import { agree, ask, call, steps } from "./settings.js";
import { weeks } from "./weeks.js";
import { line } from "./words.js";

let again = async () => {}; // puts the screen that is open right

export async function show(box) {
  const draw = async (name, own) => {
    again = async () => {};
    frame(box, title(name), await { menu, ...SCREENS }[name](own, go), (now) => draw(name, now));
    if (SHARING.includes(name)) again = () => look(box, (now) => draw(name, now));
  };
  const go = async (name) => {
    const own = await fetched("/own");
    if (!own) frame(box, line("page.offline"), []);
    else await draw(name, own);
  };
  await go("menu");
}

// Called when what is shared was set anew, here or on another device.
export const renew = () => again();

async function look(box, draw) {
  const own = await settled();
  if (!own || !box.isConnected) return;
  const at = scrollY;
  if (!renewBoxes(box, own)) await draw(own);
  for (const list of box.querySelectorAll("[data-seen]")) list.lastChild.replaceWith(seenBy(own.seen_by));
  scrollTo(0, at);
}

const menu = (_, go) => Object.keys(SCREENS).map((name) => button(title(name), () => go(name), "wide"));

const measured = (own) => [...what(own), consent(of(own, "consent-measure"))];

function share(own, go) {
  const linked = own.consents.some(({ name }) => name);
  return [
    element("p", line("own.share-why")),
    ...own.consents.map(consent),
    ...(linked ? [text(line("own.name"), own.settings.texts["name-for-partner"], (name) => wish("name-for-partner", name))] : []),
    seen(own),
    ...ending(own, () => go("share")),
  ];
}

const copy = () => [
  element("p", line("own.copy-why")),
  element("a", line("own.copy-get"), { href: "/record", download: "my-record.zip", className: "button" }),
  element("p", line("own.copy-care"), { className: "soft" }),
  element("p", line("own.erase"), { className: "soft" }),
];

const SHARING = ["first", "share"];
const SCREENS = { first: measured, share, ask, agree, steps, call, weeks, copy, limits: limits.parts };
const TITLES = { menu: "own.title", agree: "agree.title", limits: "limits.title" };
const title = (name) => line(TITLES[name] ?? `own.${name}`);
