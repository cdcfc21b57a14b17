// Reports of ended calls of the agent bar: what the events had, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { onEndedCalls, postReport } from "../../../validator/web/portal/static/barcalls.js";
import { Enterprise } from "../../../validator/web/portal/static/enterprise.js";
import { EVENT, Listeners } from "../../../validator/web/portal/static/events.js";
import { answer, answering, posted } from "./fakes.mjs";

const CALL = { callId: null, direction: null, number: null, workNo: "1001", rangAt: null, answeredAt: null };

/** Return a bar whose every event comes a millisecond after the one before, and the reports of its calls. */
function reporting() {
  const bar = new Listeners();
  const reports = [];
  let clock = 0;
  const { placed, stop } = onEndedCalls(bar, (report) => reports.push(report), () => clock);
  const happens = (eventType, content = "") => {
    clock += 1;
    bar.deliver({ event: { eventType, content, workNo: "1001" } });
  };
  return { happens, reports, placed, stop };
}

test("an incoming call is reported once, when it has ended, with its times", () => {
  const { happens, reports } = reporting();

  happens(EVENT.PHONE_ALERTING, "13606254580");
  happens(EVENT.TALKING, "13606254580");
  happens(EVENT.TALKING);
  assert.deepEqual(reports, []);
  happens(EVENT.CUSTOMER_RELEASED);
  happens(EVENT.CALL_RELEASED, "13606254580");

  const times = { rangAt: 1, answeredAt: 2, endedAt: 4 };
  assert.deepEqual(reports, [{ ...CALL, direction: "INBOUND", number: "13606254580", ...times, ending: "customer" }]);
});

test("a call that nobody answers has no time of an answer", () => {
  const { happens, reports } = reporting();

  happens(EVENT.PHONE_ALERTING);
  happens(EVENT.CALL_RELEASED);

  assert.deepEqual(reports, [{ ...CALL, direction: "INBOUND", rangAt: 1, endedAt: 2, ending: "agent" }]);
});

test("only a call that the page has made is known to go out", () => {
  const { happens, reports, placed } = reporting();

  for (const number of ["1", "2"]) {
    if (number === "1") placed("1");
    happens(EVENT.TALKING, number);
    happens(EVENT.CALL_RELEASED, number);
  }
  placed("3");
  happens(EVENT.PHONE_ALERTING);
  happens(EVENT.CALL_RELEASED);

  assert.deepEqual(reports.map(({ direction }) => direction), ["OUTBOUND", null, null]);
});

test("a failed call out is reported, and one beside another call ends nothing", () => {
  const { happens, reports, placed } = reporting();

  happens(EVENT.CALL_OUT_FAILED, "1");
  placed("1");
  happens(EVENT.CALL_OUT_FAILED, "1");
  happens(EVENT.TALKING, "2");
  placed("2");
  happens(EVENT.CALL_OUT_FAILED, "2");

  assert.deepEqual(reports, [{ ...CALL, direction: "OUTBOUND", number: "1", endedAt: 2, ending: "failed" }]);
});

test("an id is taken from an event that has one, and never made", () => {
  const { happens, reports } = reporting();

  for (const content of [{ callId: "1653963570-252" }, { callid: "a/b" }, { callId: 7 }]) {
    happens(EVENT.TALKING, content);
    happens(EVENT.CALL_RELEASED, content);
  }

  assert.deepEqual(reports.map(({ callId }) => callId), ["1653963570-252", null, null]);
  assert.deepEqual(reports.map(({ number }) => number), [null, null, null]);
});

test("a call whose end is not seen is not reported, and gives nothing to the next one", () => {
  const { happens, reports, stop } = reporting();

  happens(EVENT.CALL_RELEASED, "1");
  happens(EVENT.TALKING, "1");
  happens(EVENT.PHONE_ALERTING, "1");
  happens(EVENT.CALL_RELEASED, "2");
  happens(EVENT.CALL_RELEASED, "1");
  happens(EVENT.TALKING, "3");
  stop();
  happens(EVENT.CALL_RELEASED, "3");

  const times = { rangAt: 3, endedAt: 5 };
  assert.deepEqual(reports, [{ ...CALL, direction: "INBOUND", number: "1", ...times, ending: "agent" }]);
});

for (const [statuses, expected] of [[[204], []], [[503, 204], []], [[503, 429], ["throttled"]]]) {
  test(`a report that gets ${statuses} is sent ${statuses.length} times`, async (t) => {
    const left = [...statuses];
    const taken = () => {
      const status = left.shift();
      return answer(status, status === 204 ? null : "{}");
    };
    const requests = answering(t, { "/api/v1/calls/own": taken });
    const noted = t.mock.method(console, "warn", () => {});
    const report = { number: "13606254580", endedAt: 1 };

    await postReport((one) => new Enterprise().reportCall(one), report, async () => {});

    assert.deepEqual(requests.map(posted), statuses.map(() => report));
    assert.deepEqual(noted.mock.calls.map((call) => call.arguments[1]), expected);
    assert.ok(!JSON.stringify(noted.mock.calls.map((call) => call.arguments)).includes("13606254580"));
  });
}
