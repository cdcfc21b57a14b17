// Calls of the agent bar: each of them once, from the first event that shows it.

import { EVENT } from "./events.js";

const BEGINNINGS = [EVENT.PHONE_ALERTING, EVENT.CUSTOMER_ALERTING, EVENT.TALKING];

/**
 * Call *show* with each call of *bar* from now on; return what ends that.
 *
 * @param {{on: Function}} bar
 * @param {(call: {number: string}) => void} show gets the number as the cloud wrote it, "" for a call without one
 */
export function onCalls(bar, show) {
  let present = null; // the number of the call that is shown, null without one
  const begin = ({ content }) => {
    const number = numberIn(content);
    const isKnown = present !== null && (number === present || number === "");
    if (isKnown) return;
    present = number;
    show({ number });
  };
  const end = () => {
    present = null;
  };
  const endings = [...BEGINNINGS.map((name) => bar.on(name, begin)), bar.on(EVENT.CALL_RELEASED, end)];
  return () => endings.forEach((stop) => stop());
}

/** Return the number in the content of an event; "" where there is none. */
export function numberIn(content) {
  return ["string", "number"].includes(typeof content) ? String(content).trim() : "";
}
