// The agent bar as the page has it: a frame named "ccbarclient", and the events that it sends up.
// The page may have defined $aicc_ContextPath; if not, it is defined here.
(() => {
  "use strict";
  const given = {};

  const context = () => {
    if (typeof $aicc_ContextPath === "string") return $aicc_ContextPath;
    if (typeof $ContextPath === "string") return $ContextPath;
    return `${location.origin}/service-cloud/`;
  };
  const base = context().replace(/\/*$/, "/");
  if (typeof $aicc_ContextPath === "undefined") window.$aicc_ContextPath = base;
  window.listeners = window.listeners || {};

  document.getElementsByName("ccbarclient").forEach((older) => older.remove());
  const frame = document.createElement("iframe");
  frame.name = "ccbarclient";
  frame.title = `Agent bar of ${given.userAccount}`;
  frame.src = `${base}ccdesktop/pages/cc-bar/bar.html`;
  Object.assign(frame.style, {
    position: "fixed",
    insetBlockStart: "0",
    insetInline: "0",
    width: "100%",
    height: "96px",
    border: "0",
    zIndex: "2147483000",
  });
  frame.addEventListener("load", () => {
    // On a narrow screen it has more lines; a page of another origin cannot see how many.
    const inside = frame.contentDocument;
    if (inside !== null) frame.style.height = `${inside.documentElement.scrollHeight}px`;
  });
  (document.body || document.documentElement).append(frame);

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow) return;
    const listener = window.listeners.eventpost;
    if (typeof listener === "function") listener(event.data);
  });
})();
