// The two chats: what is posted, in which order, and what the cloud's scripts find on the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startCustomerChat } from "../../../validator/web/portal/static/customerchat.js";
import { startGuestChat } from "../../../validator/web/portal/static/guestchat.js";
import { answer, answering, page, posted } from "./fakes.mjs";

const FOLDER = "/service-cloud/webclient/chat_client/js";
const FIRST = `${FOLDER}/thirdPartyClient.js`;
const SECOND = `${FOLDER}/newThirdPartyClient.js`;
const NASTY = `'";</script><b>李伟`;
const TOKEN = {
  thirdUserToken: "t",
  thirdUserName: NASTY,
  thirdUserId: "customer-7",
  tenantSpaceId: "202400000001",
  jti: "j",
  expiresAt: "2026-11-04T03:45:52.263Z",
};
const FIELDS = ["thirdUserToken", "thirdUserName", "thirdUserId", "tenantSpaceId", "channelConfigId", "locale"];
const SEEN = "window.seen = {configId, userId, userName, tenantSpaceId, locale, token, $ContextPath};";
// What the cloud's script reads as globals, the fake's scripts get from window.
const script = (text) => `with (window) { ${text} }`;

function customer(t, { first = "", second = "window.chats = (window.chats ?? 0) + 1;" } = {}) {
  const { window } = page(t);
  const requests = answering(t, {
    "/api/v1/tokens/chat": answer(200, JSON.stringify(TOKEN), { "X-Request-ID": "id-1" }),
    [FIRST]: answer(200, script(first)),
    [SECOND]: answer(200, script(second)),
  });
  return { window, requests, start: (options) => startCustomerChat({ channel: "81", timeout: 5, ...options }) };
}

test("the customer's two scripts are asked for one after the other, with the fields of the wire", async (t) => {
  const { requests, start } = customer(t);

  await start({ locale: "en", mapService: "google" });

  const asked = requests.map(({ url }) => new URL(url, "https://www.example.com"));
  assert.deepEqual(asked.map(({ pathname }) => pathname), ["/api/v1/tokens/chat", FIRST, SECOND]);
  assert.match(asked[1].search, /^\?&t=\d{13}$/);
  for (const request of requests.slice(1)) {
    const fields = posted(request);
    assert.deepEqual(Object.keys(fields).sort(), [...FIELDS, "mapService", "timestamp"].sort());
    assert.deepEqual([fields.locale, fields.mapService, fields.channelConfigId], ["en", "google", "81"]);
    assert.equal(typeof fields.timestamp, "number");
  }
});

test("without a map service the cloud takes its own", async (t) => {
  const { requests, start } = customer(t);

  await start();

  assert.ok(!("mapService" in posted(requests[1])));
  assert.equal(posted(requests[1]).locale, "zh");
});

test("the first script finds the globals as they are, and no name becomes code", async (t) => {
  const { window, start } = customer(t, { first: SEEN });

  await start({ locale: "fr" });

  assert.deepEqual(window.seen, {
    configId: "81",
    userId: "customer-7",
    userName: NASTY,
    tenantSpaceId: "202400000001",
    locale: "fr",
    token: "t",
    $ContextPath: "https://www.example.com/service-cloud",
  });
});

test("the first script asks for the second with fields of its own, and the chat runs once", async (t) => {
  const first = "thirdValidate({thirdUserToken: 'other'}); thirdValidate({thirdUserToken: 'third'});";
  const { window, requests, start } = customer(t, { first });

  await start({ timeout: 500 });

  assert.equal(window.chats, 1);
  assert.equal(requests.length, 3);
  assert.equal(posted(requests[2]).thirdUserToken, "other");
  assert.equal(posted(requests[2]).thirdUserId, "customer-7");
});

test("steps are told as they happen, and the one that fails ends them", async (t) => {
  const { start } = customer(t, { second: "throw new Error('boom');" });
  const told = [];

  await assert.rejects(start({ report: (...step) => told.push(step.join(" ").trim()) }), { key: "script_failed" });

  assert.deepEqual(told, [
    "token begun",
    `token done ${NASTY}`,
    "script begun",
    "script done",
    "run begun",
    "run done",
    "chat begun",
    "chat failed",
  ]);
});

test("on a page over plain HTTP no token is asked for", async (t) => {
  page(t, { secure: false, href: "http://www.example.com/p" });
  const requests = answering(t, {});

  await assert.rejects(startCustomerChat({ channel: "81" }), { key: "insecure_page" });
  await assert.rejects(startGuestChat({ channel: "81", tenant: "2", name: "G" }), { key: "insecure_page" });
  assert.deepEqual(requests, []);
});

function guest(t, answers = {}) {
  const { window } = page(t);
  const requests = answering(t, {
    "/webchat/guest": answer(200, '{"thirdUserId": "guest-1"}'),
    "/webchat/authorizationService": answer(200, "auth-v2/81/x/y/z", { "X-Request-ID": "id-2" }),
    [SECOND]: answer(200, script("window.seen = {configId, userId, userName, tenantSpaceId, locale};")),
    ...answers,
  });
  return { window, requests, start: () => startGuestChat({ channel: "81", tenant: "2024", name: NASTY, locale: "en" }) };
}

test("a guest has exactly the four values signed, and shows the line to the cloud", async (t) => {
  const { window, requests, start } = guest(t);

  await start();

  const user = { thirdUserName: NASTY, thirdUserId: "guest-1", tenantSpaceId: "2024", channelConfigId: "81" };
  assert.deepEqual(posted(requests[1]), user);
  const { timestamp, ...shown } = posted(requests[2]);
  assert.deepEqual(shown, { ...user, locale: "en", thirdPartAuthorization: "auth-v2/81/x/y/z" });
  assert.equal(typeof timestamp, "number");
  assert.equal(window.seen.userName, NASTY);
  assert.ok(!("token" in window));
});

test("a guest whom the cloud refuses is told the request of the signature", async (t) => {
  const refusal = answer(500, "thirdParty validate failed and the errorMessage is null");
  const { start } = guest(t, { [SECOND]: refusal });

  await assert.rejects(start(), (error) => error.key === "no_origin" && error.facts.requestId === "id-2");
});

test("no key is in what a guest's page sends", async (t) => {
  const { requests, start } = guest(t);

  await start();

  assert.deepEqual(requests.filter(({ body }) => /secret/i.test(body ?? "")), []);
});
