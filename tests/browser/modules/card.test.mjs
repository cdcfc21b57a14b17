// The card of the customer who calls: what it shows, for which call, and what it does on a click.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CustomerCard } from "../../../validator/web/portal/static/card.js";
import { Trouble } from "../../../validator/web/portal/static/trouble.js";
import { elements, FakeElement } from "./fakes.mjs";

const NUMBER = "13606254580";
const NASTY = `<img src=x onerror=alert(1)></script>"'\u202e`;
const NAME = { name: "name", label: "Name", value: "欧阳静", masked: false };
const MASKED = { name: "card", label: "Card number", value: "*****3445", masked: true };
const LI = { ref: "r-1", fields: [NAME, MASKED], link: "https://crm.example.com/customers/7" };
const WANG = { ref: "r-2", fields: [{ ...NAME, value: "王芳" }], link: null };
const one = (customer = LI) => ({ found: "one", more: false, customers: [customer] });

/** Return a promise and what settles it. */
function pending() {
  let settle;
  const promise = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}

/** Return a card, its place, and what it asked for; *options* replace what it is given. */
function card(t, options = {}) {
  const place = elements(t);
  const asked = [];
  const noting = (name, result) => async (...facts) => {
    asked.push([name, ...facts]);
    return result;
  };
  const given = {
    language: "en",
    lookUp: noting("lookUp", one()),
    unmask: noting("unmask", { value: "622202003445" }),
    callOut: (number) => asked.push(["callOut", number]),
    ...options,
  };
  return { made: new CustomerCard(place, given), place, asked };
}

const button = (place, words) => place.all("button").find(({ textContent }) => textContent === words);
const buttons = (place) => place.all("button").map(({ textContent }) => textContent);

test("the customer's fields are shown with their labels, the number above them, the link below", async (t) => {
  const { made, place, asked } = card(t);

  await made.show({ number: NUMBER, callid: "1653963570-252" });

  assert.deepEqual(asked, [["lookUp", NUMBER, "1653963570-252"]]);
  assert.equal(place.all("p")[0].textContent, NUMBER);
  assert.deepEqual(place.all("dt").map(({ textContent }) => textContent), ["Name", "Card number"]);
  assert.equal(place.all("dd")[0].textContent, "欧阳静");
  const [link] = place.all("a");
  assert.deepEqual([link.href, link.target, link.rel], [LI.link, "_blank", "noopener noreferrer"]);
});

test("while the number is looked up the card says so", (t) => {
  const { made, place } = card(t, { lookUp: () => pending().promise });

  made.show({ number: NUMBER });

  assert.match(place.textContent, /13606254580Looking the customer up/);
});

test("none, several, more and no whole number have different words", async (t) => {
  const shown = [];
  for (const result of [
    { found: "none", more: false, customers: [] },
    { found: "several", more: false, customers: [LI, WANG] },
    { found: "several", more: true, customers: [LI, WANG] },
    { found: "withheld", more: false, customers: [] },
  ]) {
    const { made, place } = card(t, { lookUp: async () => result });
    await made.show({ number: NUMBER });
    shown.push(place);
  }

  assert.match(shown[0].textContent, /No customer has this number/);
  assert.match(shown[1].textContent, /2 customers have this number/);
  assert.deepEqual(shown[1].all("h3").map(({ textContent }) => textContent), ["Customer 1", "Customer 2"]);
  assert.doesNotMatch(shown[1].textContent, /More customers/);
  assert.match(shown[2].textContent, /More customers than these/);
  assert.match(shown[3].textContent, /no whole number/);
  assert.doesNotMatch(shown[3].textContent, /No customer/);
});

test("a failed look-up is trouble, never nobody, and can be tried again", async (t) => {
  const results = [Promise.reject(new Trouble("unavailable", { status: 503 })), Promise.resolve(one())];
  const { made, place } = card(t, { lookUp: () => results.shift() });

  await made.show({ number: NUMBER });

  assert.doesNotMatch(place.textContent, /No customer/);
  assert.match(place.textContent, /HTTP 503/);
  await button(place, "Look up again").click();
  assert.match(place.textContent, /欧阳静/);
});

test("a call without a number is not looked up", async (t) => {
  const { made, place, asked } = card(t);

  await made.show({ number: "" });

  assert.deepEqual(asked, []);
  assert.match(place.textContent, /no whole number/);
  assert.deepEqual(buttons(place), []);
});

for (const outcome of ["resolve", "reject"]) {
  test(`the late result for call 1 never overwrites call 2 (${outcome})`, async (t) => {
    const [first, second] = [pending(), pending()];
    const results = { 1: first.promise, 2: second.promise };
    const { made, place } = card(t, { lookUp: (number) => results[number] });
    const shown = [made.show({ number: "1" }), made.show({ number: "2" })];

    second.resolve(one(WANG));
    await shown[1];
    first[outcome](outcome === "resolve" ? one(LI) : new Trouble("network"));
    await shown[0];

    assert.match(place.textContent, /^2Name王芳/);
    assert.doesNotMatch(place.textContent, /欧阳静|no answer/);
  });
}

test("the control: the result for the present call is shown", async (t) => {
  const only = pending();
  const { made, place } = card(t, { lookUp: () => only.promise });
  const shown = made.show({ number: "1" });

  only.resolve(one(LI));
  await shown;

  assert.match(place.textContent, /^1Name欧阳静/);
});

test("markup in a value, a label or a number is text", async (t) => {
  const customer = { ref: "r", fields: [{ name: "x", label: NASTY, value: NASTY, masked: false }], link: null };
  const { made, place } = card(t, { lookUp: async () => one(customer) });

  await made.show({ number: NASTY });

  assert.equal(place.all("dt")[0].textContent, NASTY);
  assert.equal(place.all("dd")[0].textContent, NASTY);
  assert.equal(place.all("p")[0].textContent, NASTY);
  assert.deepEqual(place.all("img"), []);
});

for (const link of ["javascript:alert(1)", "http://crm.example.com/7", "data:text/html,x", "", null]) {
  test(`no link is made of ${link}`, async (t) => {
    const { made, place } = card(t, { lookUp: async () => one({ ...LI, link }) });

    await made.show({ number: NUMBER });

    assert.deepEqual(place.all("a"), []);
  });
}

test("a masked value is shown by a click, and only then asked for", async (t) => {
  const { made, place, asked } = card(t);
  await made.show({ number: NUMBER });
  assert.deepEqual(asked.map(([name]) => name), ["lookUp"]);
  assert.equal(button(place, "Show").ariaLabel, "Show the whole value: Card number");

  await button(place, "Show").click();

  assert.deepEqual(asked[1], ["unmask", NUMBER, "r-1", "card"]);
  assert.equal(place.all("dd")[1].textContent, "622202003445");
  assert.equal(button(place, "Show"), undefined);
  assert.equal(FakeElement.focused.textContent, "622202003445");
});

test("a value that is not shown says why, and can be asked for again", async (t) => {
  const errors = [new Trouble("enterprise_missing", { status: 404 }), new Trouble("throttled", { status: 429, seconds: 9 })];
  const { made, place } = card(t, { unmask: () => Promise.reject(errors.shift()) });
  await made.show({ number: NUMBER });

  await button(place, "Show").click();
  assert.match(place.all("dd")[1].textContent, /^\*{5}3445.*has changed meanwhile/);
  await button(place, "Show").click();

  assert.match(place.all("dd")[1].textContent, /in 9 s/);
  assert.equal(button(place, "Show").disabled, false);
});

test("a call goes out only after it was confirmed", async (t) => {
  const { made, place, asked } = card(t);
  await made.show({ number: NUMBER });

  await button(place, "Call this number").click();
  assert.match(place.textContent, /Call 13606254580\?/);
  assert.equal(FakeElement.focused.textContent, "Call");
  await button(place, "Do not call").click();
  assert.deepEqual(asked.map(([name]) => name), ["lookUp"]);
  await button(place, "Call this number").click();
  await button(place, "Call").click();

  assert.deepEqual(asked.at(-1), ["callOut", NUMBER]);
  assert.ok(button(place, "Call this number"));
});

for (const [number, callOut] of [["anonymous", () => {}], ["sip:1001@host", () => {}], ["**21*13900000000#", () => {}], [NUMBER, null]]) {
  test(`nobody is called with "${number}"${callOut ? "" : " where calls are off"}`, async (t) => {
    const { made, place } = card(t, { callOut });

    await made.show({ number });

    assert.equal(button(place, "Call this number"), undefined);
  });
}

test("the card speaks Chinese", async (t) => {
  const { made, place } = card(t, { language: "zh-CN" });

  await made.show({ number: NUMBER });

  assert.deepEqual(buttons(place), ["显示", "呼叫此号码"]);
});
