// The login of a page in the cloud's frame, where the browser sends no cookie of this site's session.
//
// `WindowLogin` opens a window of this site. The window gets a code that is valid once and for a minute, and posts
// it to its opener, which exchanges it for a cookie of the frame. Another way to log in is another class with `begin`.

import { Trouble } from "./trouble.js";

const SIZE = "popup,width=480,height=640";

/** Logs a person in by a window of this site. */
export class WindowLogin {
  #enterprise;
  #address;
  #page;

  /**
   * @param {Enterprise} enterprise
   * @param {string} address of the login page
   * @param {Window} [page]
   */
  constructor(enterprise, address, page = globalThis) {
    this.#enterprise = enterprise;
    this.#address = `${address}?for=pop`;
    this.#page = page;
  }

  /** Call *proceed* with the session each time that somebody has logged in, *fail* with each Trouble. */
  hear(proceed, fail) {
    this.#page.addEventListener("message", ({ origin, source, data }) => {
      // From our own site, and from a window that this page opened, by script or by a link.
      if (origin !== this.#page.location.origin || source?.opener !== this.#page) return;
      if (typeof data?.popCode !== "string") return;
      source.close();
      this.#enterprise.beginPop(data.popCode).then(proceed).catch((error) => fail(inWords(error)));
    });
  }

  /** Open the window; throws a Trouble when the browser opens none, or one that this page cannot hear. */
  begin() {
    const opened = this.#page.open(this.#address, "_blank", SIZE);
    if (opened === null || opened.closed) throw new Trouble("window_blocked");
  }
}

/** Return *error*, and for a refused code its own Trouble: a link to the login page would be blocked in a frame. */
function inWords(error) {
  return error.key === "session_ended" ? new Trouble("code_refused", { ...error.facts, cause: error }) : error;
}

/**
 * In the window: have a code issued, and post it to the page that opened the window.
 *
 * @throws {Trouble} when nobody is logged in, or no page can be reached
 */
export async function handOver(enterprise, page = globalThis) {
  if (!page.opener) throw new Trouble("opener_missing");
  const { popCode } = await enterprise.popCode();
  page.opener.postMessage({ popCode }, page.location.origin); // which closes this window
}
