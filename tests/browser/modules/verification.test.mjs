// The view of a verification: what an agent sees of each end, and the one button that lets the customer try again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Trouble } from "../../../validator/web/portal/static/trouble.js";
import { VerificationView } from "../../../validator/web/portal/static/verification.js";

const CALL = "1653963570-252";
const LOOK = "Look up the verification";
const AGAIN = "Let the customer try again";

/** Put a document in place for one test; its elements have children and run their listeners. */
function elements(t) {
  const before = globalThis.document;
  globalThis.document = { createElement };
  t.after(() => {
    globalThis.document = before;
  });
  return createElement("div");
}

function createElement(name) {
  const listeners = [];
  return {
    name,
    textContent: "",
    children: [],
    append(...children) {
      this.children.push(...children);
    },
    replaceChildren(...children) {
      this.children = children;
    },
    addEventListener: (_, listener) => listeners.push(listener),
    click: () => Promise.all(listeners.map((listener) => listener())),
  };
}

/** Return a view whose enterprise returns *verification*, or fails with it, and what it was asked. */
function view(t, verification, reset = async () => {}) {
  const [place, asked] = [elements(t), []];
  const latest = async (callid) => {
    asked.push(callid);
    if (verification instanceof Error) throw verification;
    return { verification };
  };
  const made = new VerificationView(place, { language: "en", latest, reset });
  return { place, asked, made };
}

/** Press the button of *place* with these words, and wait for what it does. */
async function press(place, text) {
  await all(place).find((one) => one.name === "button" && one.textContent === text).click();
}

function all(one) {
  return [one, ...one.children.flatMap(all)];
}

function said(place) {
  return all(place).map(({ textContent }) => textContent).filter((text) => text !== "");
}

const ended = (cause, basis = "call") => ({ code: "PIN", callid: CALL, result: 2, cause, method: "pin", basis });

for (const [cause, text] of [
  ["passed", "Verified (PIN)"],
  ["wrong", "Not verified: the answer was wrong (PIN)"],
  ["unavailable", "Could not be verified (PIN)"],
]) {
  test(`"${cause}" is shown, with nothing to reset`, async (t) => {
    const { place, asked, made } = view(t, ended(cause));

    made.show(CALL);
    await press(place, LOOK);

    assert.deepEqual(said(place), [LOOK, text]);
    assert.deepEqual(asked, [CALL]);
  });
}

test("used-up attempts are reset by one click", async (t) => {
  const reset = [];
  const { place, made } = view(t, ended("blocked"), async (callid) => reset.push(callid));

  made.show(CALL);
  await press(place, LOOK);
  await press(place, AGAIN);

  assert.deepEqual(reset, [CALL]);
  assert.deepEqual(said(place), [LOOK, "The customer may try again."]);
});

test("a page that may not reset says where the agent can", async (t) => {
  const { place, made } = view(t, ended("blocked"), null);

  made.show(CALL);
  await press(place, LOOK);

  assert.equal(all(place).filter(({ name }) => name === "button").length, 1);
  assert.match(said(place).at(-1), /On the agent page/);
});

test("a weaker link is marked, and no verification is said to be none", async (t) => {
  const weak = view(t, ended("passed", "agent"));
  weak.made.show();
  await press(weak.place, LOOK);
  const none = view(t, null);
  none.made.show(CALL);
  await press(none.place, LOOK);

  assert.equal(said(weak.place).length, 3);
  assert.deepEqual(weak.asked, [""]);
  assert.deepEqual(said(none.place), [LOOK, "No verification of this call."]);
});

test("what fails is never shown as a result", async (t) => {
  const { place, made } = view(t, new Trouble("unavailable", { status: 503 }));

  made.show(CALL);
  await press(place, LOOK);

  assert.match(said(place)[1], /cannot answer just now \(HTTP 503\)/);
});

test("a late result of an earlier call is not in the page", async (t) => {
  const { place, made } = view(t, ended("passed"));

  made.show(CALL);
  const early = press(place, LOOK);
  made.show("1653963570-253");
  await early;

  assert.deepEqual(said(place), [LOOK]);
});

test("markup in a code stays text", async (t) => {
  const { place, made } = view(t, { ...ended("passed"), code: "<img onerror=alert(1)>" });

  made.show(CALL);
  await press(place, LOOK);

  assert.deepEqual(said(place)[1], "Verified (<img onerror=alert(1)>)");
  assert.ok(all(place).every((one) => !("innerHTML" in one)));
});
