// The call that the cloud opened the page for: read from its address, a form, or an event of its script.
//
// A call is {number, callid, media, direction, workNo, agentName, queue}; what is not known is "". Anybody can
// write an address or a form, so a call proves nothing.

import { Trouble } from "./trouble.js";

const MAX_PARAMETERS = 21; // 20 that the cloud allows, and "origin"
const MAX_LENGTH = 512; // characters of one
const ORIGIN = "origin";
// In an address and a form. The events of the agent bar have the same digits the other way round.
const MEDIA_OF_NUMBER = { 1: "voice", 5: "text" };
const MEDIA_OF_WORD = { audio: "voice", video: "video", wechat: "text", email: "text", whatsapp: "text", web: "text" };
const DIRECTIONS = { 0: "in", 1: "out" };

/**
 * Return the call, and the origin that somebody added, in the *text* of a query or a form.
 *
 * @param {string} text application/x-www-form-urlencoded
 * @param {Record<string, string>} names of the parameters, by the cloud's own names
 * @returns {{call: object | null, origin: string}} without a parameter of a call there is none
 * @throws {Trouble} for a parameter twice, too many, too long ones, or one that is no UTF-8: never a guess
 */
export function readCall(text, names) {
  const parameters = decoded(text);
  const of = (name) => parameters.get(names[name]) ?? "";
  const isThere = Object.values(names).some((name) => parameters.has(name));
  const call = isThere ? callOf(of, MEDIA_OF_NUMBER) : null;
  return { call, origin: parameters.get(ORIGIN) ?? "" };
}

/**
 * Return the call in the data of an event of the cloud's script; null for one without a call, such as Init.
 *
 * @param {Record<string, string | null>} data
 * @throws {Trouble} when a value is no text, or too long
 */
export function callOfEvent(data) {
  const of = (name) => checked(data?.[name] ?? "");
  const call = callOf(of, MEDIA_OF_WORD);
  return call.callid === "" && of("callerNum") === "" && of("calledNum") === "" ? null : call;
}

/** Return whether *call* is of the person of *session*; one that names no agent is. */
export function isOwn({ workNo, agentName }, { workNos, userAccounts }) {
  if (agentName !== "" && !userAccounts.includes(agentName)) return false;
  // Which work numbers are theirs is known only after the cloud's agents were listed.
  return workNo === "" || workNos.length === 0 || workNos.includes(workNo);
}

function callOf(of, mediaOf) {
  const direction = DIRECTIONS[of("callType")] ?? "";
  return {
    number: customerNumber(direction, of("callerNum"), of("calledNum")),
    callid: of("callid"),
    media: mediaOf[of("mediaType")] ?? "",
    direction,
    workNo: of("workNo"),
    agentName: of("agentName"),
    queue: of("callskill"),
  };
}

/** Return the number of the party that is the customer; "" when that is not said. */
function customerNumber(direction, caller, called) {
  if (direction === "in") return caller;
  if (direction === "out") return called;
  return caller === "" || called === "" ? caller + called : "";
}

function decoded(text) {
  const pairs = text.replace(/^\?/, "").split("&").filter((pair) => pair !== "");
  if (pairs.length > MAX_PARAMETERS) throw new Trouble("call_unreadable");
  const parameters = new Map(pairs.map(pairOf));
  if (parameters.size !== pairs.length) throw new Trouble("call_unreadable");
  return parameters;
}

function pairOf(pair) {
  const at = `${pair}=`.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)].map((part) => checked(plain(part)));
}

function plain(part) {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch (cause) {
    throw new Trouble("call_unreadable", { cause });
  }
}

function checked(text) {
  if (typeof text !== "string" || text.length > MAX_LENGTH) throw new Trouble("call_unreadable");
  return text;
}
