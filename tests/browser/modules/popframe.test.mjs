// The page's place in the cloud's workbench: nothing is sent to anybody else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENTS, Support, Workbench } from "../../../validator/web/portal/static/popframe.js";
import { KEYS } from "../../../validator/web/portal/static/words.js";

const CLOUD = "https://cloud.example.net";
const OTHER = "https://cloud-2.example.net";
const EVIL = "https://www.evil.example";

/** A page in a frame of pages with the origins *around*, innermost first; undefined where a browser does not say. */
function framed(around) {
  const posted = [];
  const page = { location: { ancestorOrigins: around }, document: { referrer: "" }, top: { postMessage: (...words) => posted.push(words) } };
  return { page, posted };
}

test("a call out is posted to the cloud's page only", () => {
  const { page, posted } = framed([CLOUD]);

  new Workbench([CLOUD, OTHER], page).callOut("+8613606254580", "video");

  assert.deepEqual(posted, [[{ name: "callout", param: ["+8613606254580", "video"] }, CLOUD]]);
});

test("where the browser does not say who frames the page, each target is a configured origin", () => {
  for (const around of [undefined, [EVIL]]) {
    const { page, posted } = framed(around);

    new Workbench([CLOUD, OTHER], page).callOut("1001");

    assert.deepEqual(posted.map(([, target]) => target), [CLOUD, OTHER]);
  }
});

test("what is no number is not called", () => {
  const { page, posted } = framed([CLOUD]);

  assert.throws(() => new Workbench([CLOUD], page).callOut("<b>1</b>"), { key: "number_wrong" });
  assert.deepEqual(posted, []);
});

test("a frame of another page, and another origin in the address, are told", () => {
  const check = (around, origin) => new Workbench([CLOUD], framed(around).page).check(origin);

  check([CLOUD], "");
  check(undefined, CLOUD);
  check([], "");
  assert.throws(() => check([EVIL], ""), { key: "framed_elsewhere", facts: { words: EVIL } });
  assert.throws(() => check([CLOUD, EVIL], ""), { key: "framed_elsewhere" });
  assert.throws(() => check([CLOUD], EVIL), { key: "origin_unknown", facts: { words: EVIL } });
});

test("a page that is alone is in no frame", () => {
  const alone = { location: {} };
  alone.top = alone;

  assert.equal(new Workbench([CLOUD], alone).isAround, false);
  assert.equal(new Workbench([CLOUD], framed([CLOUD]).page).isAround, true);
});

test("the cloud has opened a page in a frame, and one that its own page leads to", () => {
  const opened = (referrer) => {
    const alone = { location: {}, document: { referrer } };
    alone.top = alone;
    return new Workbench([CLOUD], alone).isOpenedByCloud;
  };

  assert.equal(opened(`${CLOUD}/workbench`), true);
  assert.equal(new Workbench([CLOUD], framed([CLOUD]).page).isOpenedByCloud, true);
  assert.equal(opened(""), false);
  assert.equal(opened(`${EVIL}/?${CLOUD}`), false);
});

/** A page in which a script element loads, or fails, as soon as it is in the document. */
function loading(outcome, AICCSupport) {
  const scripts = [];
  const document = {
    querySelector: () => ({ nonce: "n-1" }),
    createElement: () => {
      const heard = {};
      return { heard, addEventListener: (name, listener) => (heard[name] = listener) };
    },
    head: {
      append(script) {
        scripts.push(script);
        script.heard[outcome]();
      },
    },
  };
  return { page: { document, AICCSupport }, scripts };
}

test("the cloud's script is loaded with the page's nonce, and every event of it is heard", async () => {
  const [handlers, heard, calls] = [{}, [], []];
  const script = {
    addHandler: (name, handler) => (handlers[name] = handler),
    clickToOutbound: (wanted) => calls.push(wanted),
  };
  const { page, scripts } = loading("load", script);

  const support = await Support.load(`${CLOUD}/AICCSupport.js`, (...words) => heard.push(words), page);
  handlers.Ringing({ callid: "1" });
  support.callOut("1001");

  assert.deepEqual(scripts.map(({ src, nonce }) => [src, nonce]), [[`${CLOUD}/AICCSupport.js`, "n-1"]]);
  assert.deepEqual(Object.keys(handlers).sort(), ["Init", "IvrReturn", "Release", "Ringing", "Switch", "Talking"]);
  assert.deepEqual(heard, [["Ringing", { callid: "1" }]]);
  assert.deepEqual(calls, [{ mediaType: "audio", calledNum: "1001" }]);
  assert.throws(() => support.callOut("x"), { key: "number_wrong" });
});

test("every event, direction, medium and fact of a call has words", () => {
  const facts = ["direction", "media", "queue", "workNo", "state"].map((name) => `call_${name}`);
  const values = ["direction_in", "direction_out", "media_voice", "media_video", "media_text"];
  const states = EVENTS.map((name) => `state_${name.toLowerCase()}`);

  assert.deepEqual([...facts, ...values, ...states].filter((key) => !KEYS.others.includes(key)), []);
});

test("a script that does not load, or is another one, is told", async () => {
  for (const { page } of [loading("error"), loading("load", {}), loading("load", undefined)]) {
    await assert.rejects(Support.load("https://x.example/a.js", () => {}, page), { key: "support_missing" });
  }
});
