// Calls of the agent bar that this page saw end, as reports for the enterprise: one of each.
//
// An event has a number or nothing, by what is documented; what no event of a call had is null in its report.

import { EVENT } from "./events.js";
import { numberIn } from "./ringing.js";
import { pause } from "./steps.js";

const CALL = /^[A-Za-z0-9._:-]{1,64}$/;
const BEFORE_RETRY = 2000; // milliseconds

/**
 * Call *tell* with a report of each call of *bar* that begins and ends from now on.
 *
 * A report is {callId, direction, number, workNo, rangAt, answeredAt, endedAt, ending}, with times in milliseconds
 * since 1970; `ending` says which event came first: "agent" or "customer" (left the call), or "failed" (a call out).
 * A call whose end is not seen is not reported.
 *
 * @param {{on: Function}} bar
 * @param {(report: object) => void} tell
 * @param {() => number} [now]
 * @returns {{placed: (number: string) => void, stop: () => void}} `placed` is for each call that the page has made
 */
export function onEndedCalls(bar, tell, now = Date.now) {
  let call = null;
  let placed = null; // the number of a call out that no event has shown yet

  const isOther = (number) => call.number !== null && number !== null && number !== call.number;
  const begin = (event, direction) => {
    const number = numberOf(event);
    if (call === null || isOther(number)) {
      const isPlaced = number !== null && number === placed;
      call = { ...EMPTY, direction: isPlaced ? "OUTBOUND" : direction };
      placed = null;
    }
    call.number ??= number;
    call.callId ??= callIn(event.content);
    call.workNo ??= String(event.workNo ?? "") || null;
  };
  const ring = (event) => {
    if (call?.answeredAt) call = null; // its end was not seen
    // The vendor's sample takes this event as that of an incoming call.
    begin(event, placed === null || numberOf(event) !== null ? "INBOUND" : null);
    call.rangAt ??= now();
  };
  const talk = (event) => {
    begin(event, null);
    call.answeredAt ??= now();
  };
  const end = (event, ending) => {
    if (call === null || isOther(numberOf(event))) return;
    call.callId ??= callIn(event.content);
    const report = { ...call, endedAt: now(), ending };
    call = null;
    tell(report);
  };
  const fail = (event) => {
    const number = numberOf(event) ?? placed;
    if (call === null && placed !== null && number === placed) begin({ ...event, content: placed }, "OUTBOUND");
    placed = null;
    if (call !== null && call.answeredAt === null) end(event, "failed");
  };

  const endings = [
    bar.on(EVENT.PHONE_ALERTING, ring),
    bar.on(EVENT.CUSTOMER_ALERTING, (event) => begin(event, null)),
    bar.on(EVENT.TALKING, talk),
    bar.on(EVENT.CALL_RELEASED, (event) => end(event, "agent")),
    bar.on(EVENT.CUSTOMER_RELEASED, (event) => end(event, "customer")),
    bar.on(EVENT.CALL_OUT_FAILED, fail),
  ];
  return {
    placed: (number) => {
      placed = number;
    },
    stop: () => endings.forEach((stop) => stop()),
  };
}

/**
 * Have *post* take *report*; after a failure once more, and after another one the console has a note without the call.
 *
 * @param {(report: object) => Promise<void>} post
 * @param {object} report
 * @param {() => Promise<void>} [wait] before the second attempt
 */
export async function postReport(post, report, wait = () => pause(BEFORE_RETRY)) {
  try {
    await post(report);
  } catch {
    await wait();
    await post(report).catch((error) => console.warn("A call was not reported:", error.key));
  }
}

const EMPTY = Object.freeze({
  callId: null,
  direction: null,
  number: null,
  workNo: null,
  rangAt: null,
  answeredAt: null,
});

function numberOf({ content }) {
  return numberIn(content) || null;
}

/** Return the id of the call in the content of an event; null where there is none. */
function callIn(content) {
  const id = content?.callId ?? content?.callid;
  return typeof id === "string" && CALL.test(id) ? id : null;
}
