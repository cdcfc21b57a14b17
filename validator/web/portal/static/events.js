// The agent bar's events: their names, and who wants to hear of them.

/** The events that can be listened to, by the names the cloud gives them. */
export const EVENT = Object.freeze({
  BUSY: "AgentState_Busy",
  WORK: "AgentState_Work",
  READY: "AgentState_Ready",
  NOT_READY_SET: "AgentState_SetNotReady_Success",
  NOT_READY_CANCELLED: "AgentState_CancelNotReady_Success",
  REST_SET: "AgentState_SetRest_Success",
  REST_CANCELLED: "AgentState_CancelRest_Success",
  REST_TIMEOUT: "AgentState_Rest_Timeout",
  WORK_SET: "AgentState_SetWork_Success",
  WORK_CANCELLED: "AgentState_CancelWork_Success",
  TALKING: "AgentEvent_Talking",
  CUSTOMER_ALERTING: "AgentEvent_Customer_Alerting",
  CALL_OUT_FAILED: "AgentEvent_Call_Out_Fail",
  CALL_RELEASED: "AgentEvent_Call_Release",
  CUSTOMER_RELEASED: "AgentEvent_Customer_Release",
  PHONE_ALERTING: "AgentOther_PhoneAlerting",
});

/** Listens for every event. */
export const EVERY_EVENT = "*";

/**
 * Return the event in a message of the agent bar, or null when it is none.
 *
 * @param {unknown} data {event: {content, workNo, eventType}, message, retcode}, or that as JSON text
 */
export function readEvent(data) {
  const { event, message, retcode } = parsed(data) ?? {};
  if (typeof event?.eventType !== "string") return null;
  return { eventType: event.eventType, content: event.content ?? "", workNo: event.workNo ?? "", message, retcode };
}

/** Listeners by event. */
export class Listeners {
  #byEvent = new Map();

  /**
   * Call *listener* with each event *name* from now on; return what ends that.
   *
   * @param {string} name one of EVENT, EVERY_EVENT, or another event of the cloud's
   * @param {(event: object) => void} listener
   */
  on(name, listener) {
    const listeners = this.#byEvent.get(name) ?? new Set();
    this.#byEvent.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Give a message of the agent bar to whom it concerns; what is no event concerns nobody. */
  deliver(data) {
    const event = readEvent(data);
    if (event === null) return;
    for (const name of [event.eventType, EVERY_EVENT]) {
      for (const listener of [...(this.#byEvent.get(name) ?? [])]) tell(listener, event);
    }
  }
}

/** Call *listener*; one that fails must not keep the event from the others. */
function tell(listener, event) {
  try {
    listener(event);
  } catch (error) {
    globalThis.reportError(error);
  }
}

function parsed(data) {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
