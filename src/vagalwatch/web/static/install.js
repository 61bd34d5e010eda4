// The page as an app of the phone: sw.js keeps its files. Only where the browser allows it (TLS, or
// this machine itself); without it, the page works all the same while there is a line.

const LOOK_EVERY_MS = 3600000; // a page stays open for weeks, and its service gets newer

let outdated = false; // a newer page is there than the one that runs

// `busy` says whether the person would lose something if the page began anew.
export async function install(busy) {
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  const renew = () => {
    if (outdated && document.hidden && !busy()) location.reload(); // while nobody looks
  };
  let kept = serviceWorker.controller !== null; // the first one only keeps what runs already
  serviceWorker.addEventListener("controllerchange", () => {
    outdated = kept;
    kept = true;
    renew();
  });
  document.addEventListener("visibilitychange", renew);
  try {
    const registered = await serviceWorker.register(trusted("/sw.js"), { updateViaCache: "none" });
    const look = () => registered.update().catch(() => {}); // no line just now
    setInterval(look, LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", () => document.hidden || look());
  } catch {
    // A browser that keeps nothing: then it is a page, and no app.
  }
}

// The one address that may become a script here (Content-Security-Policy: trusted-types).
function trusted(address) {
  const createScriptURL = () => address;
  return globalThis.trustedTypes?.createPolicy("pause", { createScriptURL }).createScriptURL(address) ?? address;
}
