// The call that the page in the cloud's frame was opened for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { callOfEvent, isOwn, readCall } from "../../../validator/web/portal/static/popcall.js";

const OWN = ["callerNum", "calledNum", "callid", "mediaType", "callType", "workNo", "callskill", "agentName"];
const NAMES = Object.fromEntries(OWN.map((name) => [name, name]));
const IN = "callerNum=13606254580&calledNum=95588&callid=1653963570-252&mediaType=1&callType=0&workNo=1001";
const EVENT = {
  callerNum: "13606254580", calledNum: "95588", callid: "1653963570-252", mediaType: "audio", callType: "0",
  workNo: "1001", calldata: "",
};

const unreadable = { name: "Trouble", key: "call_unreadable" };

test("the customer is the caller of an incoming call, and the called one of an outgoing call", () => {
  assert.equal(readCall(IN, NAMES).call.number, "13606254580");
  assert.equal(readCall(IN.replace("callType=0", "callType=1"), NAMES).call.number, "95588");
});

test("without a direction the only number is taken, and of two none is guessed", () => {
  assert.equal(readCall("callerNum=1001", NAMES).call.number, "1001");
  assert.equal(readCall("calledNum=1001", NAMES).call.number, "1001");
  assert.equal(readCall("callerNum=1001&calledNum=1002", NAMES).call.number, "");
});

test("an address has 1 for voice and 5 for text, an event has words", () => {
  assert.equal(readCall(IN, NAMES).call.media, "voice");
  assert.equal(readCall(IN.replace("mediaType=1", "mediaType=5"), NAMES).call.media, "text");
  assert.equal(readCall(IN.replace("mediaType=1", "mediaType=audio"), NAMES).call.media, "");
  const media = ["audio", "video", "wechat", "email", "whatsapp", "web", "1"];
  assert.deepEqual(
    media.map((mediaType) => callOfEvent({ ...EVENT, mediaType }).media),
    ["voice", "video", "text", "text", "text", "text", ""],
  );
});

test("parameters have the names that the tenant chose, and others are ignored", () => {
  const { call } = readCall("caller=1001&callerNum=2002&kind=0", { callerNum: "caller", callType: "kind" });

  assert.deepEqual([call.number, call.direction, call.callid], ["1001", "in", ""]);
});

test("without a parameter of a call there is none, but an origin", () => {
  assert.deepEqual(readCall("", NAMES), { call: null, origin: "" });
  assert.deepEqual(readCall("?", NAMES), { call: null, origin: "" });
  assert.deepEqual(readCall("?origin=https%3A%2F%2Fevil.example", NAMES), { call: null, origin: "https://evil.example" });
});

test("values are decoded as those of a form", () => {
  assert.equal(readCall("?callerNum=%2B86+136", NAMES).call.number, "+86 136");
  assert.equal(readCall("callerNum=%3Cimg%20onerror%3E%E6%9D%8E", NAMES).call.number, "<img onerror>李");
  assert.equal(readCall("callerNum=", NAMES).call.number, "");
});

for (const [what, text] of [
  ["twice", "callerNum=1&callerNum=2"],
  ["twice, spelt differently", "callerNum=1&%63allerNum=2"],
  ["no UTF-8", "callerNum=%FF"],
  ["cut in an escape", "callerNum=%4"],
  ["too long", `callerNum=${"1".repeat(513)}`],
  ["with too many others", Array.from({ length: 22 }, (_, at) => `p${at}=1`).join("&")],
]) {
  test(`a parameter that is there ${what} makes the call unreadable`, () => {
    assert.throws(() => readCall(text, NAMES), unreadable);
  });
}

test("parameters within the limits are read", () => {
  const most = [`callerNum=${"1".repeat(512)}`, ...Array.from({ length: 20 }, (_, at) => `p${at}=1`)].join("&");

  assert.equal(readCall(most, NAMES).call.number.length, 512);
});

test("an event without a call, such as Init, is none", () => {
  const nothing = Object.fromEntries(Object.keys(EVENT).map((name) => [name, null]));

  assert.equal(callOfEvent({ ...nothing, workNo: "1001" }), null);
  assert.equal(callOfEvent(undefined), null);
  assert.equal(callOfEvent(EVENT).callid, "1653963570-252");
});

test("an event with something else than text makes the call unreadable", () => {
  assert.throws(() => callOfEvent({ ...EVENT, callerNum: { toString: () => "1" } }), unreadable);
  assert.throws(() => callOfEvent({ ...EVENT, callid: "1".repeat(513) }), unreadable);
});

test("a call is of the person whose agent it names", () => {
  const session = { workNos: ["1001"], userAccounts: ["agent-7"] };

  assert.equal(isOwn({ workNo: "1001", agentName: "" }, session), true);
  assert.equal(isOwn({ workNo: "1002", agentName: "" }, session), false);
  assert.equal(isOwn({ workNo: "", agentName: "agent-7" }, session), true);
  assert.equal(isOwn({ workNo: "1001", agentName: "agent-8" }, session), false);
  assert.equal(isOwn({ workNo: "", agentName: "" }, session), true);
});

test("work numbers that nobody listed refuse no call", () => {
  assert.equal(isOwn({ workNo: "1001", agentName: "" }, { workNos: [], userAccounts: [] }), true);
});
