// What goes wrong, told apart.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  secondsToWait,
  troubleOfCloud,
  troubleOfEnterprise,
  troubleOfViolation,
} from "../../../validator/web/portal/static/trouble.js";
import { answer } from "./fakes.mjs";

const FAILED = "thirdParty validate failed and the errorMessage is ";

for (const [what, status, text, key] of [
  ["no Origin reached the cloud", 500, `${FAILED}null`, "no_origin"],
  ["the cloud has no message at all", 500, FAILED, "no_origin"],
  ["the callback refused", 500, `${FAILED}validate failed`, "callback_refused"],
  ["the callback refused, and the cloud says so with 200's neighbours", 400, `${FAILED}x`, "callback_refused"],
  ["the cloud is broken", 500, "oops", "cloud_failed"],
  ["a cookie did not come back", 401, "", "cookies_blocked"],
  ["the door refuses the page's origin", 403, "{}", "page_refused"],
  ["there is no such path", 404, "", "cloud_missing"],
  ["the path takes no POST: a folder of files", 405, "", "cloud_missing"],
  ["too many requests", 429, "", "throttled"],
  ["the proxy does not reach the cloud", 502, "", "cloud_unreachable"],
  ["the proxy waited in vain", 504, "", "cloud_unreachable"],
]) {
  test(`an answer of the cloud: ${what}`, () => {
    assert.equal(troubleOfCloud(answer(status, text), text).key, key);
  });
}

test("a refusal tells the cloud's words, and the request that an operator looks for", () => {
  const trouble = troubleOfCloud(answer(500), `${FAILED}validate failed\n`, "id-1");

  assert.equal(trouble.facts.words, "validate failed");
  assert.equal(trouble.facts.requestId, "id-1");
});

test("a page as long as a book is not told in whole", () => {
  assert.equal(troubleOfCloud(answer(500), FAILED + "x".repeat(9999)).facts.words.length, 200);
});

for (const [status, key] of [
  [400, "request_refused"],
  [401, "session_ended"],
  [403, "not_allowed"],
  [404, "enterprise_missing"],
  [429, "throttled"],
  [500, "unavailable"],
  [503, "unavailable"],
]) {
  test(`the enterprise's answer ${status} is ${key}`, () => {
    assert.equal(troubleOfEnterprise(answer(status)).key, key);
  });
}

test("a wrong password is not an ended session, though both are 401", () => {
  const problem = { type: "urn:validator:problem:login-refused" };

  assert.equal(troubleOfEnterprise(answer(401), problem).key, "login_refused");
});

test("the enterprise's refusal has its request id, and how long to wait", () => {
  const refused = answer(429, "", { "X-Request-ID": "id-2", "Retry-After": "30" });

  const { facts } = troubleOfEnterprise(refused);

  assert.deepEqual([facts.requestId, facts.seconds], ["id-2", 30]);
});

test("Retry-After is read as seconds and as a date; anything else is not there", () => {
  const now = Date.parse("Wed, 04 Nov 2026 03:45:00 GMT");

  assert.equal(secondsToWait("7", now), 7);
  assert.equal(secondsToWait("Wed, 04 Nov 2026 03:45:30 GMT", now), 30);
  assert.equal(secondsToWait("Wed, 04 Nov 2026 03:44:00 GMT", now), 1);
  assert.equal(secondsToWait("soon", now), undefined);
  assert.equal(secondsToWait(null, now), undefined);
});

const HTTPS = { protocol: "https:" };
const violation = (effectiveDirective, blockedURI, disposition = "enforce") => ({
  effectiveDirective,
  blockedURI,
  disposition,
});

test("a blocked script is told from anything else that is blocked, with what it was", () => {
  const script = troubleOfViolation(violation("script-src-elem", "inline"), HTTPS);
  const style = troubleOfViolation(violation("style-src-elem", "inline"), HTTPS);

  assert.deepEqual([script.key, script.facts.blocked], ["script_blocked", "script-src-elem inline"]);
  assert.equal(style.key, "content_blocked");
});

test("something wanted over HTTP is mixed content on a page over HTTPS, and only there", () => {
  const wanted = violation("img-src", "http://cloud.example.com/a.png");

  assert.equal(troubleOfViolation(wanted, HTTPS).key, "mixed_content");
  assert.equal(troubleOfViolation(wanted, { protocol: "http:" }).key, "content_blocked");
});

test("a violation that is only reported is no trouble", () => {
  assert.equal(troubleOfViolation(violation("script-src-elem", "inline", "report"), HTTPS), null);
});
