// The agent bar's events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENT, EVERY_EVENT, Listeners, readEvent } from "../../../validator/web/portal/static/events.js";

// The identifiers of table 6-1 of the vendor's document on the agent bar.
const TABLE = [
  "AgentState_Busy",
  "AgentState_Work",
  "AgentState_Ready",
  "AgentState_SetNotReady_Success",
  "AgentState_CancelNotReady_Success",
  "AgentState_SetRest_Success",
  "AgentState_CancelRest_Success",
  "AgentState_Rest_Timeout",
  "AgentState_SetWork_Success",
  "AgentState_CancelWork_Success",
  "AgentEvent_Talking",
  "AgentEvent_Customer_Alerting",
  "AgentEvent_Call_Out_Fail",
  "AgentEvent_Call_Release",
  "AgentEvent_Customer_Release",
  "AgentOther_PhoneAlerting",
];
const message = (eventType) => ({ event: { content: "88889007", workNo: "1001", eventType }, message: "", retcode: "0" });

test("the constants are the events of the table, each once, and nobody changes them", () => {
  assert.deepEqual(Object.values(EVENT), TABLE);
  assert.ok(Object.isFrozen(EVENT));
});

test("an event is read from an object and from its JSON text alike", () => {
  const expected = { eventType: "AgentState_Busy", content: "88889007", workNo: "1001", message: "", retcode: "0" };

  assert.deepEqual(readEvent(message("AgentState_Busy")), expected);
  assert.deepEqual(readEvent(JSON.stringify(message("AgentState_Busy"))), expected);
});

for (const data of [null, undefined, 7, "", "{", "null", [], {}, { event: null }, { event: { eventType: 7 } }]) {
  test(`${JSON.stringify(data)} is no event, and breaks nothing`, () => {
    const heard = [];
    const listeners = new Listeners();
    listeners.on(EVERY_EVENT, (event) => heard.push(event));

    listeners.deliver(data);

    assert.deepEqual(heard, []);
  });
}

test("a listener hears its own event, one for every event hears all, until it ends that", () => {
  const heard = [];
  const listeners = new Listeners();
  const end = listeners.on(EVENT.BUSY, ({ eventType }) => heard.push(`own ${eventType}`));
  listeners.on(EVERY_EVENT, ({ eventType }) => heard.push(`every ${eventType}`));

  listeners.deliver(message(EVENT.BUSY));
  listeners.deliver(message(EVENT.READY));
  end();
  listeners.deliver(message(EVENT.BUSY));

  assert.deepEqual(heard, [
    "own AgentState_Busy",
    "every AgentState_Busy",
    "every AgentState_Ready",
    "every AgentState_Busy",
  ]);
});

test("an event that the table does not have can be listened to by its name", () => {
  const heard = [];
  const listeners = new Listeners();
  listeners.on("AgentEvent_TransOutResult", ({ content }) => heard.push(content));

  listeners.deliver(message("AgentEvent_TransOutResult"));

  assert.deepEqual(heard, ["88889007"]);
});

test("a listener that fails keeps the event from nobody, and is reported", (t) => {
  const [heard, reported] = [[], []];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  const listeners = new Listeners();
  listeners.on(EVENT.BUSY, () => {
    throw new Error("mine");
  });
  listeners.on(EVENT.BUSY, () => heard.push("yours"));

  listeners.deliver(message(EVENT.BUSY));

  assert.deepEqual([heard, reported], [["yours"], ["mine"]]);
});
