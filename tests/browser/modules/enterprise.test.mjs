// The enterprise's own routes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Enterprise } from "../../../validator/web/portal/static/enterprise.js";
import { answer, answering, posted } from "./fakes.mjs";

test("a login posts JSON, with cookies, and never follows elsewhere", async (t) => {
  const [request] = await logIn(t);

  assert.deepEqual(posted(request), { account: "li.wei", password: "p" });
  assert.equal(request.method, "POST");
  assert.equal(request.headers["Content-Type"], "application/json");
  assert.deepEqual([request.credentials, request.redirect, request.cache], ["include", "error", "no-store"]);
  assert.ok(!request.url.includes("li.wei"));
});

async function logIn(t) {
  const requests = answering(t, { "/api/v1/login": answer(200, '{"account": "li.wei", "userAccounts": []}') });
  await new Enterprise().logIn("li.wei", "p");
  return requests;
}

test("who is logged in is asked for without a body", async (t) => {
  const requests = answering(t, { "/api/v1/session": answer(200, '{"account": "li.wei"}') });

  const session = await new Enterprise().session();

  assert.equal(session.account, "li.wei");
  assert.deepEqual([requests[0].method, requests[0].body], [undefined, undefined]);
});

test("a token is asked for the account that is named, else for the only one", async (t) => {
  const issued = answer(200, '{"access_token": "t"}', { "X-Request-ID": "id-1" });
  const requests = answering(t, { "/api/v1/tokens/agent": issued });
  const enterprise = new Enterprise();

  const first = await enterprise.agentToken("agent-8");
  await enterprise.agentToken();

  assert.deepEqual(requests.map(posted), [{ userAccount: "agent-8" }, {}]);
  assert.deepEqual(first, { access_token: "t", requestId: "id-1" });
});

test("the signature is the bare line", async (t) => {
  const requests = answering(t, { "/webchat/authorizationService": answer(200, "auth-v2/a/b/c/d\n") });

  const { line } = await new Enterprise().authorization({ thirdUserName: "G" });

  assert.equal(line, "auth-v2/a/b/c/d");
  assert.deepEqual(posted(requests[0]), { thirdUserName: "G" });
});

test("a page of another origin asks the server by its origin", async (t) => {
  const requests = answering(t, { "/webchat/guest": answer(200, '{"thirdUserId": "guest-1"}') });

  await new Enterprise("https://validate.example.com").guest();

  assert.equal(requests[0].url, "https://validate.example.com/webchat/guest");
});

test("a refusal is a trouble, also when its body is no JSON", async (t) => {
  answering(t, {
    "/api/v1/login": answer(401, '{"type": "urn:validator:problem:login-refused"}'),
    "/api/v1/session": answer(401, "<html>"),
  });

  await assert.rejects(new Enterprise().logIn("a", "b"), { name: "Trouble", key: "login_refused" });
  await assert.rejects(new Enterprise().session(), { name: "Trouble", key: "session_ended" });
});

test("no answer is a trouble that keeps its cause", async (t) => {
  const cause = new TypeError("Failed to fetch");
  answering(t, { "/api/v1/session": cause });

  await assert.rejects(new Enterprise().session(), { key: "network", cause });
});

test("a number is looked up in the body, never in the URL", async (t) => {
  const found = answer(200, '{"found": "none", "more": false, "customers": []}');
  const requests = answering(t, { "/api/v1/customers/lookup": found });

  const result = await new Enterprise().lookUpCustomer("13606254580", "1653963570-252");
  await new Enterprise().lookUpCustomer("13606254580");

  assert.equal(result.found, "none");
  assert.deepEqual(requests.map(posted), [
    { number: "13606254580", callid: "1653963570-252" },
    { number: "13606254580" },
  ]);
  assert.ok(requests.every(({ url, method }) => method === "POST" && !url.includes("136")));
});

test("a masked value is asked for by number, reference and field", async (t) => {
  const requests = answering(t, { "/api/v1/customers/unmask": answer(200, '{"value": "6222"}') });

  const { value } = await new Enterprise().unmask("95588", "r-1", "card");

  assert.equal(value, "6222");
  assert.ok(requests[0].signal instanceof AbortSignal);
  assert.deepEqual(posted(requests[0]), { number: "95588", ref: "r-1", field: "card" });
});

test("the password of a softphone is asked for in the body, and a missing one has words of its own", async (t) => {
  const refused = answer(404, '{"type": "urn:validator:problem:not-found"}', { "X-Request-ID": "id-1" });
  const requests = answering(t, { "/api/v1/softphone/reveal": refused });

  const asked = new Enterprise().revealSoftphone("p", "agent-8");

  await assert.rejects(asked, { key: "softphone_gone" });
  assert.deepEqual(posted(requests[0]), { password: "p", userAccount: "agent-8" });
  assert.ok(!requests[0].url.includes("p="));
});
