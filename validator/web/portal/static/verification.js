// The verification of the customer who calls: shows how it ended by the enterprise's own record, never by a frame's word.
//
//   const view = new VerificationView(place, { language: "en", latest, reset });
//   view.show("1653963570-252");

import { make } from "./elements.js";
import { troubleWords, words } from "./words.js";

const BLOCKED = "blocked";
const BY_CALL = "call";

/** The place of a page where a verification is shown. */
export class VerificationView {
  #place;
  #language;
  #latest;
  #reset;

  /**
   * @param {HTMLElement} place what the view fills
   * @param {object} options
   * @param {string} options.language of its words, "en" or "zh-CN"
   * @param {(callid) => Promise<{verification}>} options.latest see `Enterprise.latestVerification`
   * @param {?(callid) => Promise<void>} options.reset see `Enterprise.resetVerification`; null on a page that may not
   */
  constructor(place, { language, latest, reset }) {
    this.#place = place;
    this.#language = language;
    this.#latest = latest;
    this.#reset = reset;
  }

  /** Offer to look the verification of a call up; "" where the call is not known. Replaces what an earlier call left. */
  show(callid = "") {
    const found = make("div");
    const look = this.#button("verification_look", () => this.#fill(found, callid));
    this.#place.replaceChildren(look, found);
  }

  /** Fill *found* with the result; that of an earlier call is not in the page any more. */
  async #fill(found, callid) {
    try {
      const { verification } = await this.#latest(callid);
      found.replaceChildren(...this.#parts(verification, found, callid));
    } catch (error) {
      found.replaceChildren(this.#trouble(error));
    }
  }

  #parts(verification, found, callid) {
    if (verification === null) return [this.#note("verification_none")];
    const { cause, code, basis } = verification;
    const parts = [this.#note(`verification_${cause}`, code)];
    if (basis !== BY_CALL) parts.push(this.#note("verification_weak"));
    if (cause === BLOCKED) parts.push(this.#afterBlocked(found, callid));
    return parts;
  }

  #afterBlocked(found, callid) {
    if (this.#reset === null) return this.#note("verification_reset_elsewhere");
    return this.#button("verification_reset", () => this.#forget(found, callid));
  }

  async #forget(found, callid) {
    try {
      await this.#reset(callid);
      found.replaceChildren(this.#note("verification_was_reset"));
    } catch (error) {
      found.replaceChildren(this.#trouble(error));
    }
  }

  #button(key, act) {
    const button = make("button", { type: "button", textContent: words(this.#language, key) });
    button.addEventListener("click", act);
    return button;
  }

  #note(key, about = "") {
    return make("p", { className: "note", textContent: words(this.#language, key, { about }) });
  }

  #trouble(error) {
    return make("p", { className: "trouble", textContent: troubleWords(this.#language, error) });
  }
}
