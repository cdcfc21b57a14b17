// The card of the customer who calls: looks the number up, and shows what is found as text, never as HTML.
//
//   const card = new CustomerCard(place, { language: "en", lookUp, unmask, callOut });
//   card.show({ number: "13606254580", callid: "1653963570-252" });

import { make } from "./elements.js";
import { troubleWords, words } from "./words.js";

const CALLABLE = /^\+?[0-9]{1,32}$/; // no * or #: the caller chose it, and could choose a code of the exchange
const NOT_FOUND = 404;

/** A card in a page. */
export class CustomerCard {
  #place;
  #language;
  #lookUp;
  #unmask;
  #callOut;

  /**
   * @param {HTMLElement} place what the card fills
   * @param {object} options
   * @param {string} options.language of its words, "en" or "zh-CN"
   * @param {(number, callid) => Promise<object>} options.lookUp see `Enterprise.lookUpCustomer`
   * @param {(number, ref, field) => Promise<{value}>} options.unmask see `Enterprise.unmask`
   * @param {((number) => void) | null} [options.callOut] calls a number; null: the card calls nobody
   */
  constructor(place, { language, lookUp, unmask, callOut = null }) {
    this.#place = place;
    this.#language = language;
    this.#lookUp = lookUp;
    this.#unmask = unmask;
    this.#callOut = callOut;
  }

  /** Show who calls. Each call has a separate element: a late result for an earlier one is in none that is shown. */
  async show({ number, callid }) {
    const heading = number === "" ? [] : [make("p", { className: "caller", textContent: number })];
    const found = make("div", {}, this.#note("card_looking"));
    this.#place.replaceChildren(...heading, found, ...this.#calling(number));
    found.replaceChildren(...(await this.#parts({ number, callid })));
  }

  /** Return what the look-up finds; that it failed is not shown like "nobody". */
  async #parts(call) {
    if (call.number === "") return [this.#note("card_withheld")];
    try {
      const { found, more, customers } = await this.#lookUp(call.number, call.callid);
      const note = found === "one" ? [] : [this.#note(`card_${found}`, customers.length)];
      const rest = more ? [this.#note("card_more")] : [];
      return [...note, ...customers.map((one, index) => this.#customer(one, index, customers, call)), ...rest];
    } catch (error) {
      const again = this.#button("card_again", () => this.show(call));
      return [make("p", { className: "trouble", textContent: troubleWords(this.#language, error) }), again];
    }
  }

  #customer(customer, index, { length }, { number }) {
    const heading = length === 1 ? [] : [make("h3", { textContent: this.#say("card_place", index + 1) })];
    const rows = customer.fields.flatMap((field) => this.#row(field, customer.ref, number));
    return make("div", { className: "customer" }, ...heading, make("dl", {}, ...rows), ...this.#link(customer.link));
  }

  #row(field, ref, number) {
    const value = make("span", { textContent: field.value, tabIndex: -1 });
    const showing = field.masked ? this.#showing(field, value, () => this.#unmask(number, ref, field.name)) : [];
    return [make("dt", { textContent: field.label }), make("dd", {}, value, ...showing)];
  }

  /** Return a button that has the whole *value* shown, and the place for what goes wrong. */
  #showing(field, value, ask) {
    const trouble = make("span", { className: "failed" });
    const button = this.#button("card_show", async () => {
      button.disabled = true;
      trouble.textContent = "";
      try {
        value.textContent = (await ask()).value;
        button.remove();
        value.focus();
      } catch (error) {
        trouble.textContent = this.#whyNot(error);
        button.disabled = false;
      }
    });
    button.ariaLabel = this.#say("card_show_of", field.label);
    return [button, trouble];
  }

  /** Return why a value is not shown; that the customer is not there any more has words of its own. */
  #whyNot(error) {
    if (error.facts?.status === NOT_FOUND) return this.#say("card_changed");
    return troubleWords(this.#language, error);
  }

  #link(href) {
    if (!isOverTls(href)) return [];
    const properties = { href, target: "_blank", rel: "noopener noreferrer", textContent: this.#say("card_link") };
    return [make("p", {}, make("a", properties))];
  }

  /** Return the button that calls *number*, once that was confirmed; nothing where the card calls nobody. */
  #calling(number) {
    if (this.#callOut === null || !CALLABLE.test(number)) return [];
    const place = make("p", { className: "calling" });
    const ask = this.#button("card_call", () => {
      place.replaceChildren(make("span", { textContent: this.#say("card_question", number) }), yes, no);
      yes.focus();
    });
    const close = () => {
      place.replaceChildren(ask);
      ask.focus();
    };
    const no = this.#button("card_no", close);
    const yes = this.#button("card_yes", () => {
      close();
      this.#callOut(number);
    });
    yes.className = "primary";
    place.append(ask);
    return [place];
  }

  #button(key, act) {
    const button = make("button", { type: "button", textContent: this.#say(key) });
    button.addEventListener("click", act);
    return button;
  }

  #note(key, about) {
    return make("p", { className: "note", textContent: this.#say(key, about) });
  }

  #say(key, about = "") {
    return words(this.#language, key, { about });
  }
}

/** Return whether *href* is a link over TLS: of no other scheme is one made. */
function isOverTls(href) {
  try {
    return new URL(href).protocol === "https:";
  } catch {
    return false;
  }
}
