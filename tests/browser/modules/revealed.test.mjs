// A secret in a field for a short time.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Revealed } from "../../../validator/web/portal/static/revealed.js";

/** A window whose time a test moves; it has one timer. */
class Window extends EventTarget {
  #now = 0;
  #timer = null;

  setTimeout(work, milliseconds) {
    this.#timer = { work, at: this.#now + milliseconds };
  }

  clearTimeout() {
    this.#timer = null;
  }

  tick(milliseconds) {
    this.#now += milliseconds;
    if (this.#timer !== null && this.#timer.at <= this.#now) this.#timer.work();
  }
}

let page, field, hidden, revealed;

beforeEach(() => {
  page = { window: new Window(), document: Object.assign(new EventTarget(), { visibilityState: "visible" }) };
  [field, hidden] = [{ value: "" }, 0];
  revealed = new Revealed(field, () => { hidden += 1; }, page);
});

test("a secret is shown for so many seconds, and goes by itself", () => {
  revealed.show("cti-1234");
  page.window.tick(revealed.seconds * 1000 - 1);
  assert.equal(field.value, "cti-1234");

  page.window.tick(1);

  assert.deepEqual([field.value, hidden], ["", 1]);
});

test("a later secret has all of its time", () => {
  revealed.show("cti-1234");
  page.window.tick(20_000);
  revealed.show("cti-5678");
  page.window.tick(20_000);

  assert.equal(field.value, "cti-5678");
});

test("a page that is left, or out of sight, has no secret", () => {
  revealed.show("cti-1234");
  page.window.dispatchEvent(new Event("pagehide"));
  assert.equal(field.value, "");

  revealed.show("cti-1234");
  page.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(field.value, "cti-1234"); // it has come into sight

  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  assert.deepEqual([field.value, hidden], ["", 2]);
});

test("nothing is said when there was nothing to hide", () => {
  revealed.hide();

  assert.equal(hidden, 0);
});
