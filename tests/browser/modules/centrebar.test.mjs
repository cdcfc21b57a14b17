// The bar of the other centre: its connection, the token, and what is asked of the centre's script.

import assert from "node:assert/strict";
import { test } from "node:test";

import { callOf, CentreBar, EVENTS, loadScript, PHONE, speechOf } from "../../../validator/web/portal/static/centrebar.js";
import { Trouble } from "../../../validator/web/portal/static/trouble.js";

const URL_OF_BARS = "wss://centre.example/ws";
const HOUR = 3600;

/** A bar with a centre that does what a test says; its timers run when the test calls `later`. */
function stage({ lifetime = HOUR, fails = [] } = {}) {
  const told = [];
  const failed = [];
  const asked = [];
  const made = [];
  const timers = new Map();
  let count = 0;
  const session = async (refused) => {
    asked.push(refused);
    if (fails.length > 0) throw fails.shift();
    return { url: URL_OF_BARS, token: `t-${asked.length}`, expiresAt: Math.round(Date.now() / 1000 + lifetime) + asked.length };
  };
  const create = (config, callback) => {
    const calls = [];
    const bar = new Proxy({}, { get: (_, name) => (...values) => calls.push([name, ...values]) });
    made.push({ config, callback, calls });
    return bar;
  };
  const bar = new CentreBar({
    session,
    create,
    tell: (name, data) => told.push([name, data]),
    fail: (error) => failed.push(error),
    timers: {
      setTimeout: (act, wait) => timers.set(++count, { act, wait }) && count,
      clearTimeout: (id) => timers.delete(id),
    },
  });
  /** Run the timer that is due first; return how long it waited, in seconds. */
  const later = async () => {
    const [[id, { act, wait }]] = [...timers].sort(([, one], [, other]) => one.wait - other.wait);
    timers.delete(id);
    await act();
    return wait / 1000;
  };
  return { bar, told, failed, asked, made, timers, later, last: () => made.at(-1) };
}

/** A stage whose bar is connected, and the agent signed in. */
async function signedIn(options) {
  const all = stage(options);
  await all.bar.start();
  all.last().callback.onConnect();
  all.bar.act("login");
  all.last().callback.onLogin({ extNo: "1001" });
  return all;
}

test("the centre's script gets the address and the token, and every callback", async () => {
  const { bar, last } = stage();

  await bar.start();

  const { config, callback, calls } = last();
  assert.equal(config.url, URL_OF_BARS);
  assert.equal(config.token, "t-1");
  assert.deepEqual(Object.keys(callback).sort(), [...EVENTS].sort());
  assert.deepEqual(calls, [["initSDK"]]);
});

test("each method reaches the script with its values, and only when there is a connection", async () => {
  const { bar, last } = stage();
  await bar.start();
  assert.throws(() => bar.act("ready"), { key: "centre_offline" });
  last().callback.onConnect();

  bar.act("transfer", "1002", PHONE);
  bar.act("hold");

  assert.deepEqual(last().calls.slice(1), [["transfer", "1002", "to_phone"], ["hold"]]);
  assert.throws(() => bar.act("consult", "<b>1</b>"), { key: "number_wrong" });
});

test("a lost connection is made again, later each time, and the agent is as before", async () => {
  const { bar, told, asked, made, last, later } = await signedIn();
  bar.act("ready");
  last().callback.onReady();

  last().callback.onDisconnect();
  const first = await later();
  last().callback.onDisconnect();
  const second = await later();
  last().callback.onConnect();
  last().callback.onLogin({ extNo: "1001" });

  assert.ok(first <= 1 && second <= 2 && second >= 1, `${first}, ${second}`);
  assert.equal(told.filter(([name]) => name === "retry").length, 2);
  assert.deepEqual(last().calls, [["initSDK"], ["login"], ["ready"]]);
  assert.deepEqual([made.length, asked.slice(0, 2)], [3, [null, null]]);
  assert.ok(Math.abs(asked[2] - (Date.now() / 1000 + HOUR)) < 60, "another token than the refused one");
});

test("a connection that says nothing is given up", async () => {
  const { bar, told, later } = stage();
  await bar.start();

  await later();

  assert.deepEqual(told.map(([name]) => name), ["retry"]);
});

test("events of an earlier connection do not count", async () => {
  const { told, made, last, later } = await signedIn();
  last().callback.onDisconnect();
  await later();
  const before = told.length;

  made[0].callback.onRing({ callId: "1", popScreenNo: "1", direction: "INBOUND" });
  made[0].callback.onDisconnect();

  assert.equal(told.length, before);
});

test("the token is renewed before it expires, with a new connection", async () => {
  const { asked, last, later } = await signedIn();

  const waited = await later();

  assert.ok(waited > HOUR - 310 && waited <= HOUR - 290, `${waited}`);
  assert.deepEqual([asked.length, last().config.token], [2, "t-2"]);
});

test("during a call it is not renewed, but after it", async () => {
  const { asked, last, later } = await signedIn();
  last().callback.onRing({ callId: "1", popScreenNo: "1", direction: "INBOUND" });
  await later();
  assert.equal(asked.length, 1);

  last().callback.onHangup();
  await new Promise((proceed) => setImmediate(proceed));

  assert.deepEqual([asked.length, last().config.token], [2, "t-2"]);
});

test("a renewal that fails leaves the connection", async () => {
  const fails = [];
  const { bar, failed, told, later, last } = await signedIn({ fails });
  fails.push(new Trouble("unavailable", { status: 503 }));

  await later();
  bar.act("ready");

  assert.deepEqual([failed, told.filter(([name]) => name === "retry")], [[], []]);
  assert.deepEqual(last().calls.at(-1), ["ready"]);
  assert.equal(await later(), 30);
  assert.equal(last().config.token, "t-3");
});

for (const key of ["session_ended", "centre_unlinked", "centre_refused"]) {
  test(`after ${key} nothing is tried again`, async () => {
    const { bar, failed, timers } = stage({ fails: [new Trouble(key)] });

    await bar.start();

    assert.deepEqual([failed.map((error) => error.key), timers.size], [[key], 0]);
  });
}

test("after another failure it is tried again, not before the server wants", async () => {
  const { bar, failed, made, later } = stage({ fails: [new Trouble("throttled", { seconds: 20 })] });
  await bar.start();

  assert.equal(await later(), 20);
  assert.deepEqual([failed[0].key, made.length], ["throttled", 1]);
});

test("before a call out the agent is busy", async () => {
  const { bar, last } = await signedIn();
  let isBusy = false;
  const busy = bar.becomeBusy().then(() => {
    isBusy = true;
  });
  await Promise.resolve();
  assert.equal(isBusy, false);
  assert.deepEqual(last().calls.at(-1), ["busy"]);

  last().callback.onBusy();
  await busy;

  const calls = last().calls.length;
  await bar.becomeBusy();
  assert.equal(last().calls.length, calls);
});

test("an agent who is not signed in, or does not become busy, does not call", async () => {
  const { bar, last, later } = stage();
  assert.throws(() => bar.becomeBusy(), { key: "centre_offline" });
  await bar.start();
  last().callback.onConnect();
  assert.throws(() => bar.becomeBusy(), { key: "centre_signed_out" });
  last().callback.onLogin({});

  const busy = bar.becomeBusy();
  await Promise.all([later(), assert.rejects(busy, { key: "centre_not_busy" })]);
});

test("what the script logs never shows the token", async () => {
  const { bar, failed, told, last } = stage();
  await bar.start();

  last().config.infoLog("token t-1", "info");
  last().config.errLog(new Error("cannot connect with t-1"));
  last().config.errLog({ token: "t-1" });

  assert.deepEqual(failed.map((error) => error.facts.words), ["cannot connect with …", '{"token":"…"}']);
  assert.deepEqual(told, []);
});

test("what comes of a call is text, whatever it is", () => {
  const hostile = { callId: {}, popScreenNo: "<img src=x onerror=alert(1)>", direction: "__proto__", enableAsr: "yes" };

  assert.deepEqual(callOf(hostile), { callId: "", number: hostile.popScreenNo, direction: "", hasSpeech: false });
  assert.deepEqual(callOf(null), { callId: "", number: "", direction: "", hasSpeech: false });
  assert.equal(callOf({ popScreenNo: 1001 }).number, "1001");
  assert.deepEqual(["a", { text: "b" }, { words: "c" }, undefined].map(speechOf), ["a", "b", '{"words":"c"}', ""]);
  assert.equal(speechOf("x".repeat(9000)).length, 2000);
});

test("a script that does not load, or is another one, is a trouble", async () => {
  const page = (event, more = {}) => ({
    ...more,
    document: {
      createElement: () => ({ listeners: {}, addEventListener(name, listener) { this.listeners[name] = listener; } }),
      head: { append: (script) => script.listeners[event]() },
    },
  });

  await assert.rejects(loadScript("https://centre.example/a.js", page("error")), { key: "centre_script_missing" });
  await assert.rejects(loadScript("https://centre.example/a.js", page("load")), { key: "centre_script_missing" });
  const Ctibar = class {};
  assert.equal(await loadScript("https://centre.example/a.js", page("load", { Ctibar })), Ctibar);
});
