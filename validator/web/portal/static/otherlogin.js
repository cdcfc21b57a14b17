// One agent signed in twice: says that there is another login, or that another one ended this one.
//
//   const other = new OtherLogin(place, { language: "en", session: () => enterprise.session(), onEnded });
//   other.show(issued.otherLogin);

import { make } from "./elements.js";
import { words } from "./words.js";

const REST = 30_000; // milliseconds between two requests for the session
const REPLACED = "session_replaced";

/** The place of a page where another login of the same agent is named. */
export class OtherLogin {
  #place;
  #language;
  #session;
  #onEnded;
  #page;
  #askedAt = -Infinity;

  /**
   * @param {HTMLElement} place where the words are put
   * @param {object} options
   * @param {string} options.language of its words, "en" or "zh-CN"
   * @param {?() => Promise<object>} options.session asks the server for the session; null where no login ends another
   * @param {(error: Trouble) => void} options.onEnded called once another login has ended this one
   * @param {{document, now: () => number}} [page]
   */
  constructor(place, { language, session, onEnded }, page = { document, now: () => Date.now() }) {
    this.#place = place;
    this.#language = language;
    this.#session = session;
    this.#onEnded = onEnded;
    this.#page = page;
    page.document.addEventListener("visibilitychange", () => {
      if (page.document.visibilityState === "visible") this.check();
    });
  }

  /** Say that there is, or was, another login; nothing when there is none. */
  show(other) {
    if (other === undefined) return;
    const about = new Date(other.since).toLocaleString(this.#language);
    const key = `other_login_${other.ended ? "ended" : "there"}`;
    this.#place.replaceChildren(make("p", { className: "trouble", textContent: words(this.#language, key, { about }) }));
  }

  /** Ask whether this login goes on, when the page is used: seldom, so that many pages are no load. */
  async check() {
    const now = this.#page.now();
    if (this.#session === null || now - this.#askedAt < REST) return;
    this.#askedAt = now;
    try {
      await this.#session();
    } catch (error) {
      if (error.key === REPLACED) this.#onEnded(error);
    }
  }
}
