// The agent bar: token, the cloud's script, its frame, its events, and calls out.
//
//   const bar = await startAgentBar({ report: console.log });
//   bar.on(EVENT.PHONE_ALERTING, (event) => …);
//   bar.callOut("88889007", "audio");

import { askForScript, runScript } from "./cloud.js";
import { Enterprise } from "./enterprise.js";
import { EVENT, Listeners } from "./events.js";
import { checkPage, contextPath, originOf } from "./origin.js";
import { pause, silently, step } from "./steps.js";
import { Trouble } from "./trouble.js";

const SCRIPT = "/ccdesktop/pages/cc-bar/js/ccbarclient.js";
const FRAME = "ccbarclient"; // the name that the cloud's script gives its frame
const SETTLE = 3000; // milliseconds that the bar needs after its frame has loaded, by the vendor's word
const TIMEOUT = 20000; // milliseconds for the frame to appear and to load
const NUMBER = /^\+?[0-9*#]{1,32}$/;
const MODES = ["audio", "video"];

/**
 * Put the agent bar into this page; return it when it can be listened to.
 *
 * @param {object} [options]
 * @param {() => Promise<{access_token, tenantSpaceId, userAccount, requestId?}>} [options.token] has a token issued
 * @param {string} [options.context] of `contextPath`
 * @param {string[]} [options.events] the events to ask for
 * @param {Function} [options.report] told of each step: token, script, run, frame, events
 * @param {number} [options.settle] milliseconds between the loaded frame and the first message to it
 * @param {number} [options.timeout] milliseconds for the frame
 * @returns {Promise<AgentBar>}
 * @throws {Trouble}
 */
export async function startAgentBar({
  token = () => new Enterprise().agentToken(),
  context = contextPath(),
  events = Object.values(EVENT),
  report = silently,
  settle = SETTLE,
  timeout = TIMEOUT,
} = {}) {
  checkPage(context);
  const issued = await step(report, "token", token, ({ userAccount }) => userAccount);
  const { access_token, tenantSpaceId, userAccount, requestId } = issued;
  const url = `${context}${SCRIPT}?t=${Math.random()}`;
  const posted = { access_token, tenantSpaceId, userAccount };
  const script = await step(report, "script", () => askForScript(url, posted, requestId));
  await step(report, "run", () => {
    window.$aicc_ContextPath = `${context}/`; // the cloud's script reads it
    runScript(script);
  });
  const frame = await step(report, "frame", () => loadedFrame(timeout));
  const bar = new AgentBar(frame, originOf(context));
  await step(report, "events", async () => {
    await pause(settle);
    bar.askFor(events);
  });
  return bar;
}

/** A running agent bar. */
export class AgentBar {
  #origin;
  #listeners = new Listeners();

  /**
   * @param {HTMLIFrameElement} frame
   * @param {string} origin of the frame: nobody else gets a message, from nobody else one is taken
   */
  constructor(frame, origin) {
    this.frame = frame;
    this.#origin = origin;
    this.#hear();
  }

  /** Call *listener* with each event *name*; return what ends that. See `Listeners.on`. */
  on(name, listener) {
    return this.#listeners.on(name, listener);
  }

  /** Ask the bar for more events. */
  askFor(names) {
    this.#post(JSON.stringify({ name: "eventpost", param: names }));
  }

  /** Call *number* out; the agent must have signed in at the bar. Throws a Trouble when it is no number. */
  callOut(number, mode = "audio") {
    if (!NUMBER.test(number) || !MODES.includes(mode)) throw new Trouble("number_wrong");
    this.#post({ name: "callout", param: [number, mode] });
  }

  #post(message) {
    this.frame.contentWindow.postMessage(message, this.#origin);
  }

  /** Hear events in one of the cloud's two ways, never in both: each would be told twice. */
  #hear() {
    const deliver = (data) => this.#listeners.deliver(data);
    if (typeof window.listeners === "object" && window.listeners !== null) {
      window.listeners.eventpost = deliver;
      return;
    }
    window.addEventListener("message", ({ source, origin, data }) => {
      if (source === this.frame.contentWindow && origin === this.#origin) deliver(data);
    });
  }
}

/** Return the bar's frame when it has loaded; throws a Trouble when it does not, or with an error. */
async function loadedFrame(timeout) {
  const late = pause(timeout).then(() => {
    throw new Trouble("bar_missing");
  });
  const frame = await Promise.race([appeared(), late]);
  await Promise.race([loaded(frame), late]);
  const status = statusOf(frame);
  if (status >= 400) throw new Trouble(status === 401 ? "cookies_blocked" : "bar_missing", { status });
  return frame;
}

function appeared() {
  const find = () => document.querySelector(`iframe[name="${FRAME}"]`);
  return new Promise((proceed) => {
    const observer = new MutationObserver(look);
    function look() {
      if (find() === null) return;
      observer.disconnect();
      proceed(find());
    }
    observer.observe(document.documentElement, { childList: true, subtree: true });
    look();
  });
}

function loaded(frame) {
  const isLoaded = () => {
    const inside = frame.contentDocument; // null across origins
    return inside !== null && inside.URL !== "about:blank" && inside.readyState === "complete";
  };
  if (isLoaded()) return Promise.resolve();
  return new Promise((proceed) => frame.addEventListener("load", proceed, { once: true }));
}

/** Return the HTTP status that *frame* was answered with; 0 where the browser does not tell. */
function statusOf(frame) {
  try {
    return frame.contentWindow.performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0;
  } catch {
    return 0; // across origins
  }
}
