// The service worker: keeps the page's own files, so that it opens where there is no line.
//
// SHELL, which the service puts before this, lists these files and their version. They are the
// same for everybody and asked for without a cookie; whatever else the page asks for (pictures,
// answers, anything of the person's own) passes by untouched and is never kept.

const NAME = `pause-${SHELL.version}`;

addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

async function fill() {
  const cache = await caches.open(NAME);
  const fresh = { cache: "no-store", credentials: "omit" };
  await cache.addAll(SHELL.paths.map((path) => new Request(path, fresh)));
}

addEventListener("activate", (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

async function tidy() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name)));
}

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (SHELL.paths.includes(pathname)) event.respondWith(kept(pathname, event.request));
});

// By path alone: all files of one version, or none of it.
async function kept(path, request) {
  const cache = await caches.open(NAME);
  return (await cache.match(path)) ?? fetch(request);
}
