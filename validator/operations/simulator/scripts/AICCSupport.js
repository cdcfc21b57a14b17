// The script for pages in the workbench's frame: it tells them of calls, and makes calls for them.
//
// It hears and posts messages of the workbench only, which is at the script's own origin.
(() => {
  "use strict";
  const cloud = new URL(document.currentScript.src).origin;
  const handlers = new Map();
  let verified = {};
  const log = (name, text) => console.info(`[AICCSupport Log] -Info- ${name} - ${text}`);
  const post = (message) => window.top.postMessage(message, cloud);

  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.top || origin !== cloud || typeof data?.supportEvent !== "string") return;
    verified = data.verified ?? verified;
    log("handleEvent", `receive ${data.supportEvent}`);
    handlers.get(data.supportEvent)?.(data.eventData);
  });

  window.AICCSupport = {
    addHandler(event, callback) {
      handlers.set(event, callback);
      log("addHandler", `add ${event} handler`);
      if (event === "Init") post({ name: "supportReady" });
    },
    removeHandler(event) {
      handlers.delete(event);
      log("removeHandler", `remove ${event} handler`);
    },
    clickToOutbound({ mediaType, calledNum }) {
      log("clickToOutbound", `${mediaType}`);
      post({ name: "clickToOutbound", mediaType, calledNum });
    },
    getVerifyResult: (verifyTypeCode) => verified[verifyTypeCode] ?? "",
  };
})();
