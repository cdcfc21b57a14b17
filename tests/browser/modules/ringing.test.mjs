// Calls of the agent bar: each of them once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENT, Listeners } from "../../../validator/web/portal/static/events.js";
import { onCalls } from "../../../validator/web/portal/static/ringing.js";

/** Return a bar, the numbers of the calls that were shown, and what ends that. */
function ringing() {
  const bar = new Listeners();
  const shown = [];
  const stop = onCalls(bar, ({ number }) => shown.push(number));
  const happens = (eventType, content = "") => bar.deliver({ event: { eventType, content, workNo: "1001" } });
  return { happens, shown, stop };
}

test("a call that rings and is answered is shown once", () => {
  const { happens, shown } = ringing();

  happens(EVENT.PHONE_ALERTING, "13606254580");
  happens(EVENT.BUSY, "13606254580");
  happens(EVENT.TALKING, "13606254580");
  happens(EVENT.TALKING);

  assert.deepEqual(shown, ["13606254580"]);
});

for (const name of [EVENT.PHONE_ALERTING, EVENT.CUSTOMER_ALERTING, EVENT.TALKING]) {
  test(`a call shows itself by ${name}, in or out`, () => {
    const { happens, shown } = ringing();

    happens(name, " 88889007 ");

    assert.deepEqual(shown, ["88889007"]);
  });
}

test("the next call is shown, with the same number too", () => {
  const { happens, shown } = ringing();

  happens(EVENT.PHONE_ALERTING, "1");
  happens(EVENT.CALL_RELEASED, "1");
  happens(EVENT.PHONE_ALERTING, "1");
  happens(EVENT.PHONE_ALERTING, "2");

  assert.deepEqual(shown, ["1", "1", "2"]);
});

test("a call without a number is shown as one", () => {
  const { happens, shown } = ringing();

  happens(EVENT.PHONE_ALERTING);
  happens(EVENT.PHONE_ALERTING, { other: 1 });

  assert.deepEqual(shown, [""]);
});

test("other events show nothing, and after the end no call is shown", () => {
  const { happens, shown, stop } = ringing();

  happens(EVENT.READY, "1");
  happens(EVENT.CALL_OUT_FAILED, "1");
  stop();
  happens(EVENT.PHONE_ALERTING, "1");

  assert.deepEqual(shown, []);
});
