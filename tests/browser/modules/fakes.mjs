// Stand-ins for what the modules find in a browser: answers, a page that runs scripts, and fetch.

/** An answer as fetch gives it. */
export function answer(status, body = "", headers = {}) {
  return new Response(body, { status, headers });
}

/**
 * Put a fetch in place for one test that answers by path; return the requests it got, newest last.
 *
 * @param {object} test the context of node:test
 * @param {Record<string, Response | Error | (() => Response)>} answers by path, without the query
 */
export function answering(test, answers) {
  const requests = [];
  const before = globalThis.fetch;
  globalThis.fetch = async (url, options = {}) => {
    requests.push({ url: String(url), ...options });
    const path = new URL(url, "https://www.example.com").pathname;
    const found = answers[path];
    if (found === undefined) throw new Error(`nobody answers ${path}`);
    if (found instanceof Error) throw found;
    return typeof found === "function" ? found() : found.clone();
  };
  test.after(() => {
    globalThis.fetch = before;
  });
  return requests;
}

/**
 * Put a page in place for one test: window, document and location, as much of them as the modules use.
 *
 * Scripts that are put into its head run at once, and have `window` and `document`.
 *
 * @param {object} test the context of node:test
 * @param {{nonce?: string, allowed?: string, secure?: boolean, href?: string}} [options] the nonce that the page's
 *   own script has, and the one that its policy allows
 */
export function page(test, { nonce = "n-1", allowed = nonce, secure = true, href = "https://www.example.com/p" } = {}) {
  const listeners = new Map();
  const ran = [];
  const document = {
    querySelector: (selector) => (selector === "script[nonce]" && nonce ? { nonce } : null),
    createElement: () => ({ dataset: {}, remove() {} }),
    head: {
      append(script) {
        if (script.nonce !== allowed) return;
        document.currentScript = script;
        try {
          new Function("window", "document", script.textContent)(window, document);
          if (!("ran" in script.dataset)) ran.push(script.textContent);
        } catch (error) {
          listeners.get("error")?.forEach((listener) => listener({ message: `Uncaught ${error}` }));
        }
        document.currentScript = null;
      },
    },
    currentScript: null,
  };
  const window = {
    document,
    isSecureContext: secure,
    location: new URL(href),
    addEventListener: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
    removeEventListener: (name, listener) => listeners.get(name)?.delete(listener),
    dispatch: (name, event) => listeners.get(name)?.forEach((listener) => listener(event)),
  };
  const globals = { window, document, location: window.location, isSecureContext: secure, ...pick(window) };
  const before = Object.fromEntries(Object.keys(globals).map((name) => [name, globalThis[name]]));
  Object.assign(globalThis, globals);
  test.after(() => Object.assign(globalThis, before));
  return { window, ran };
}

function pick({ addEventListener, removeEventListener }) {
  return { addEventListener, removeEventListener };
}

/** Return what was posted, as an object. */
export function posted(request) {
  return JSON.parse(request.body);
}

/** An element, as much of one as the card uses: children, text, clicks, the focus. */
export class FakeElement {
  static focused = null;
  #children = [];
  #listeners = [];
  #parent = null;

  constructor(name) {
    this.name = name;
  }

  get textContent() {
    return this.#children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }

  set textContent(text) {
    this.replaceChildren(String(text));
  }

  set innerHTML(_) {
    throw new Error("HTML is never set");
  }

  append(...children) {
    for (const child of children) {
      this.#children.push(child);
      if (child instanceof FakeElement) child.#parent = this;
    }
  }

  replaceChildren(...children) {
    this.#children = [];
    this.append(...children);
  }

  remove() {
    this.#parent.#children = this.#parent.#children.filter((child) => child !== this);
  }

  addEventListener(_, listener) {
    this.#listeners.push(listener);
  }

  focus() {
    FakeElement.focused = this;
  }

  /** Click, and return when what that began has ended. */
  async click() {
    if (!this.disabled) await Promise.all(this.#listeners.map((listener) => listener({})));
  }

  /** Return every element called *name* below this one, in the order of the page. */
  all(name) {
    const elements = this.#children.filter((child) => child instanceof FakeElement);
    return elements.flatMap((child) => [...(child.name === name ? [child] : []), ...child.all(name)]);
  }
}

/** Put a document in place for one test that makes such elements; return one to fill. */
export function elements(test) {
  const before = globalThis.document;
  globalThis.document = { createElement: (name) => new FakeElement(name) };
  test.after(() => {
    globalThis.document = before;
  });
  return new FakeElement("div");
}
