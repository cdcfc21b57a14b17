// One agent signed in twice.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { OtherLogin } from "../../../validator/web/portal/static/otherlogin.js";
import { Trouble } from "../../../validator/web/portal/static/trouble.js";

let page, asked, ended, now, outcome;

beforeEach(() => {
  [asked, ended, now, outcome] = [0, [], 0, null];
  const visible = Object.assign(new EventTarget(), { visibilityState: "visible" });
  page = { document: visible, now: () => now };
});

function watched(session = ask) {
  return new OtherLogin({}, { language: "en", session, onEnded: (error) => ended.push(error.key) }, page);
}

async function ask() {
  asked += 1;
  if (outcome !== null) throw new Trouble(outcome);
}

test("the session is asked for when the page is used, and seldom", async () => {
  const other = watched();

  for (let times = 0; times < 5; times += 1) await other.check();
  assert.equal(asked, 1);
  now += 30_000;
  await other.check();

  assert.deepEqual([asked, ended], [2, []]);
});

test("a page that comes into sight asks, one that goes does not", () => {
  watched();
  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(asked, 0);

  page.document.visibilityState = "visible";
  page.document.dispatchEvent(new Event("visibilitychange"));

  assert.equal(asked, 1);
});

test("only another login is told as one", async () => {
  const other = watched();
  outcome = "network";
  await other.check();
  assert.deepEqual(ended, []);

  [outcome, now] = ["session_replaced", 30_000];
  await other.check();

  assert.deepEqual(ended, ["session_replaced"]);
});

test("where no login ends another, nothing is asked for", async () => {
  await watched(null).check();

  assert.equal(asked, 0);
});
