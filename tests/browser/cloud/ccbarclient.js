// The cloud's part of the agent bar: an iframe, and what it tells given to the page's listener.
(() => {
  window.runsOfAgentBar = (window.runsOfAgentBar || 0) + 1;
  window.listeners = window.listeners || {};
  const frame = document.createElement("iframe");
  frame.name = "ccbarclient";
  frame.src = `${window.$aicc_ContextPath}ccdesktop/pages/cc-bar/ccbarclient.html`;
  window.agentBarLoaded = new Promise((resolve) => { frame.onload = resolve; });
  addEventListener("message", (told) => {
    if (told.source === frame.contentWindow) window.listeners.eventpost(JSON.parse(told.data));
  });
  document.body.append(frame);
})();
