// The running agent bar: what it is told, and whom it believes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AgentBar } from "../../../validator/web/portal/static/agentbar.js";
import { EVENT, EVERY_EVENT } from "../../../validator/web/portal/static/events.js";
import { page } from "./fakes.mjs";

const ORIGIN = "https://www.example.com";
const BUSY = { event: { content: "", workNo: "1001", eventType: EVENT.BUSY }, message: "", retcode: "0" };

/** Return a bar in a page, what its frame was told, and what was heard of it. */
function bar(t, { listeners } = {}) {
  const { window } = page(t);
  if (listeners) window.listeners = listeners;
  const [told, heard] = [[], []];
  const frame = { contentWindow: { postMessage: (message, target) => told.push([message, target]) } };
  const made = new AgentBar(frame, ORIGIN);
  made.on(EVERY_EVENT, ({ eventType }) => heard.push(eventType));
  return { made, frame, window, told, heard };
}

test("events are asked for with JSON text, at the frame's origin", (t) => {
  const { made, told } = bar(t);

  made.askFor([EVENT.BUSY, EVENT.READY]);

  assert.deepEqual(told, [['{"name":"eventpost","param":["AgentState_Busy","AgentState_Ready"]}', ORIGIN]]);
});

test("a call goes out with its number and how", (t) => {
  const { made, told } = bar(t);

  made.callOut("88889007");
  made.callOut("+8675588880523", "video");

  assert.deepEqual(told, [
    [{ name: "callout", param: ["88889007", "audio"] }, ORIGIN],
    [{ name: "callout", param: ["+8675588880523", "video"] }, ORIGIN],
  ]);
});

for (const [number, mode] of [["", "audio"], ["nobody", "audio"], ["1 2", "audio"], ["1".repeat(33), "audio"], ["1", "fax"]]) {
  test(`"${number.slice(0, 8)}" with ${mode} is not called`, (t) => {
    const { made, told } = bar(t);

    assert.throws(() => made.callOut(number, mode), { key: "number_wrong" });
    assert.deepEqual(told, []);
  });
}

test("where the cloud's script has its list of listeners, events come from it, and only from it", (t) => {
  const { frame, window, heard } = bar(t, { listeners: {} });

  window.listeners.eventpost(BUSY);
  window.dispatch("message", { source: frame.contentWindow, origin: ORIGIN, data: BUSY });

  assert.deepEqual(heard, [EVENT.BUSY]);
});

test("elsewhere the frame's own messages are heard, nobody else's, and from no other origin", (t) => {
  const { frame, window, heard } = bar(t);

  window.dispatch("message", { source: {}, origin: ORIGIN, data: BUSY });
  window.dispatch("message", { source: frame.contentWindow, origin: "https://evil.example", data: BUSY });
  assert.deepEqual(heard, []);
  window.dispatch("message", { source: frame.contentWindow, origin: ORIGIN, data: BUSY });

  assert.deepEqual(heard, [EVENT.BUSY]);
});
