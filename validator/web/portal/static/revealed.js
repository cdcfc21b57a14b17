// A secret in a field: shown for a short time, and gone when the page is left or out of sight.

const SECONDS = 30;

/** A field whose value is a secret for a moment; it is never an attribute or a text of the page. */
export class Revealed {
  #field;
  #onHidden;
  #window;
  #timer;

  /**
   * @param {HTMLInputElement} field which nobody can write into
   * @param {() => void} onHidden called when the secret has gone
   * @param {{document, window}} [page]
   */
  constructor(field, onHidden, page = { document, window }) {
    this.#field = field;
    this.#onHidden = onHidden;
    this.#window = page.window;
    page.window.addEventListener("pagehide", () => this.hide()); // a page that comes back has it no more
    page.document.addEventListener("visibilitychange", () => {
      if (page.document.visibilityState === "hidden") this.hide();
    });
  }

  /** How long a secret is shown, in seconds. */
  get seconds() {
    return SECONDS;
  }

  /** Show *secret*; it goes by itself. */
  show(secret) {
    this.#window.clearTimeout(this.#timer);
    this.#field.value = secret;
    this.#timer = this.#window.setTimeout(() => this.hide(), SECONDS * 1000);
  }

  /** Take the secret away, if there is one. */
  hide() {
    this.#window.clearTimeout(this.#timer);
    if (this.#field.value === "") return;
    this.#field.value = "";
    this.#onHidden();
  }
}
