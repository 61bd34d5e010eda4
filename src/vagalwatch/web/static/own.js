// The person's own part of the page: a list of screens, each drawn from what the service says is in
// force. What is tapped is kept at once; nothing waits for a "save".

import { consent, of } from "./consents.js";
import { ending } from "./couple.js";
import { what } from "./first.js";
import { button, element, fetched, frame, group, seenBy, text, wish } from "./form.js";
import * as limits from "./limits.js";
import { agree, ask, call, steps } from "./settings.js";
import { weeks } from "./weeks.js";
import { line } from "./words.js";

export async function show(box) {
  const draw = async (name, own) =>
    frame(box, title(name), await { menu, ...SCREENS }[name](own, go), (now) => draw(name, now));
  const go = async (name) => {
    const own = await fetched("/own");
    if (!own) frame(box, line("page.offline"), []);
    else await draw(name, own);
  };
  await go("menu");
}

const menu = (_, go) => Object.keys(SCREENS).map((name) => button(title(name), () => go(name), "wide"));

const measured = (own) => [...what(own), consent(of(own, "consent-measure"))];

function share(own, go) {
  const seen = group(line("own.seen-by"), seenBy(own.seen_by));
  const look = async () => {
    const now = await fetched("/own");
    if (now) seen.lastChild.replaceWith(seenBy(now.seen_by));
  };
  const linked = own.consents.some(({ name }) => name);
  return [
    element("p", line("own.share-why")),
    ...own.consents.map((each) => consent(each, look)),
    ...(linked ? [text(line("own.name"), own.settings.texts["name-for-partner"], (name) => wish("name-for-partner", name))] : []),
    seen,
    ...ending(own, () => go("share")),
  ];
}

const copy = () => [
  element("p", line("own.copy-why")),
  element("a", line("own.copy-get"), { href: "/record", download: "my-record.zip", className: "button" }),
  element("p", line("own.copy-care"), { className: "soft" }),
  element("p", line("own.erase"), { className: "soft" }),
];

const SCREENS = { first: measured, share, ask, agree, steps, call, weeks, copy, limits: limits.parts };
const TITLES = { menu: "own.title", agree: "agree.title", limits: "limits.title" };
const title = (name) => line(TITLES[name] ?? `own.${name}`);
