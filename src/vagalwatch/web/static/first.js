// The first run: what is measured, what it can't know, who sees it, and the person's own yes or no.
// Each answer is kept at once, so whoever reloads the page begins where nothing was said yet.

import { consent, of } from "./consents.js";
import { button, callNumber, element, fetched, frame, group, list, seenBy, wish } from "./form.js";
import { body } from "./settings.js";
import { line } from "./words.js";

export async function show(box, close) {
  const own = await fetched("/own");
  if (!own) frame(box, line("page.offline"), []);
  else ask(own, box, close);
}

const ask = (own, box, close) =>
  frame(box, line("first.title"), start(own, box, close), (now) => onward(now, box, close));
const share = (own, box, close) =>
  frame(box, line("own.share"), more(own, box, close), (now) => share(now, box, close));
const health = (own, box, close) =>
  frame(box, line("own.ask"), last(own, close), (now) => health(now, box, close));

// After an answer that was lost: on from what the service has of it.
function onward(own, box, close) {
  const { asked, read, text, purposes } = of(own, "consent-measure");
  if (!asked || read < text) ask(own, box, close);
  else if (purposes.some(({ given }) => given)) share(own, box, close);
  else close();
}

export const what = (own) => [
  list([1, 2, 3, 4, 5].map((n) => line(`first.${n}`, { number: callNumber() }))),
  seen(own),
];

export function seen(own) {
  const made = group(line("own.seen-by"), seenBy(own.seen_by));
  made.dataset.seen = "";
  return made;
}

function start(own, box, close) {
  const { key, text } = of(own, "consent-measure");
  const answers = element("div", "", { className: "pair" });
  answers.append(
    button(line("own.yes"), async () => {
      if (await wish(key, { purpose: "body", on: true, text })) share(own, box, close);
    }),
    button(line("own.no"), async () => {
      if (await wish(key, { purpose: "body", on: false, text })) close();
    }),
  );
  return [
    ...what(own),
    element("p", line("first.alone")),
    group(line("first.ask"), element("p", line("first.already")), answers),
    button(line("own.later"), () => {
      sessionStorage.setItem("later", "1"); // until this tab is closed
      close();
    }, "quiet"),
  ];
}

const more = (own, box, close) => [
  element("p", line("first.more")),
  ...own.consents.filter(({ key }) => key !== "consent-measure").map((each) => consent(each)),
  button(line("own.next"), () => health(own, box, close), "wide"),
];

const last = (own, close) => [
  element("p", line("first.body")),
  ...body(own),
  element("p", line("first.done")),
  button(line("page.done"), close, "wide"),
];
