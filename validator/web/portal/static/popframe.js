// The page's place in the cloud's workbench: who frames it, how it calls out, the cloud's script.
//
// Messages go to the configured origins of the cloud only. An `origin` in the page's address, which anybody can
// write, is never a target: it is only compared, to help who sets the page up.

import { Trouble } from "./trouble.js";

const NUMBER = /^\+?[0-9*#]{1,32}$/;

/** The events of the cloud's script. */
export const EVENTS = ["Init", "Ringing", "Talking", "Release", "Switch", "IvrReturn"];

/** The page in a frame of the cloud's workbench, or alone. */
export class Workbench {
  #page;
  #origins;

  /**
   * @param {string[]} origins of the cloud's workbench
   * @param {Window} [page]
   */
  constructor(origins, page = globalThis) {
    this.#origins = origins;
    this.#page = page;
  }

  /** Whether the page is in a frame. */
  get isAround() {
    return this.#page.top !== this.#page;
  }

  /** Whether the cloud opened the page: in its frame, or alone from a page of it that the browser names. */
  get isOpenedByCloud() {
    const referrer = this.#page.document.referrer;
    return this.isAround || (referrer !== "" && this.#origins.includes(new URL(referrer).origin));
  }

  /**
   * Throw a Trouble when a page of another origin than the cloud's has this one in its frame, where the browser
   * says so, or when *presentedOrigin*, of the address, is another one.
   */
  check(presentedOrigin) {
    const [framing] = this.#framing();
    if (framing !== undefined && !this.#origins.includes(framing)) {
      throw new Trouble("framed_elsewhere", { words: framing });
    }
    if (presentedOrigin !== "" && !this.#origins.includes(presentedOrigin)) {
      throw new Trouble("origin_unknown", { words: presentedOrigin });
    }
  }

  /** Have the workbench call *number*, with "audio" or "video". Throws a Trouble when it is no number. */
  callOut(number, mode = "audio") {
    if (!NUMBER.test(number)) throw new Trouble("number_wrong");
    const framing = this.#framing().filter((origin) => this.#origins.includes(origin));
    // A browser that does not say who frames the page delivers only the message with the right origin.
    for (const origin of framing.length > 0 ? framing : this.#origins) {
      this.#page.top.postMessage({ name: "callout", param: [number, mode] }, origin);
    }
  }

  /** Return the origin of the outermost page, if there is one and the browser says so: not in Firefox. */
  #framing() {
    return [...(this.#page.location.ancestorOrigins ?? [])].slice(-1);
  }
}

/** The cloud's script AICCSupport.js, which tells of calls and makes them. */
export class Support {
  #script;

  constructor(script) {
    this.#script = script;
  }

  /** Return it when it has loaded from *url*; *listen* is called with the name and the data of each event. */
  static async load(url, listen, page = globalThis) {
    await loaded(url, page.document);
    const script = page.AICCSupport;
    if (typeof script?.addHandler !== "function") throw new Trouble("support_missing");
    for (const name of EVENTS) script.addHandler(name, (data) => listen(name, data));
    return new Support(script);
  }

  /** Have the workbench call *number*. */
  callOut(number, mode = "audio") {
    if (!NUMBER.test(number)) throw new Trouble("number_wrong");
    this.#script.clickToOutbound({ mediaType: mode, calledNum: number });
  }
}

function loaded(url, document) {
  const script = document.createElement("script");
  script.nonce = document.querySelector("script[nonce]")?.nonce ?? "";
  script.src = url;
  return new Promise((proceed, fail) => {
    script.addEventListener("load", proceed);
    script.addEventListener("error", () => fail(new Trouble("support_missing")));
    document.head.append(script);
  });
}
