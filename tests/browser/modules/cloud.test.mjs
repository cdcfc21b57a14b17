// The cloud's scripts: asked for, and run once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { askForScript, runScript } from "../../../validator/web/portal/static/cloud.js";
import { isUnauthorized } from "../../../validator/web/portal/static/watch.js";
import { answer, answering, page, posted } from "./fakes.mjs";

const URL_OF_SCRIPT = "https://www.example.com/service-cloud/x.js";

test("a script is asked for with JSON, with cookies, in the type that needs no preflight", async (t) => {
  const requests = answering(t, { "/service-cloud/x.js": answer(200, "let a;") });

  const text = await askForScript(URL_OF_SCRIPT, { userName: '"李伟"' });

  assert.equal(text, "let a;");
  assert.deepEqual(posted(requests[0]), { userName: '"李伟"' });
  assert.equal(requests[0].credentials, "include");
  assert.match(requests[0].headers["Content-Type"], /^application\/x-www-form-urlencoded/);
});

test("a page instead of a script is not run", async (t) => {
  answering(t, { "/service-cloud/x.js": answer(200, "\n<!doctype html>") });

  await assert.rejects(askForScript(URL_OF_SCRIPT, {}), { key: "not_a_script" });
});

test("an error of the cloud is told with the request of the token", async (t) => {
  answering(t, { "/service-cloud/x.js": answer(500, "thirdParty validate failed and the errorMessage is null") });

  const refused = askForScript(URL_OF_SCRIPT, {}, "id-1");

  await assert.rejects(refused, (error) => error.key === "no_origin" && error.facts.requestId === "id-1");
});

test("a blocked request is told", async (t) => {
  answering(t, { "/service-cloud/x.js": new TypeError("Failed to fetch") });

  await assert.rejects(askForScript(URL_OF_SCRIPT, {}), { key: "network" });
});

test("a script runs exactly once, with the page's nonce", (t) => {
  const { window, ran } = page(t, { nonce: "n-7" });

  runScript("window.count = (window.count ?? 0) + 1;", window);

  assert.equal(window.count, 1);
  assert.equal(ran.length, 1);
});

test("a page whose policy does not allow the script says so, and nothing has run", (t) => {
  const { window, ran } = page(t, { nonce: "n-1", allowed: "n-2" });

  assert.throws(() => runScript("window.count = 1;", window), { key: "script_blocked" });
  assert.deepEqual([window.count, ran], [undefined, []]);
});

test("a page without any policy has no nonce, and runs the script", (t) => {
  const { window } = page(t, { nonce: "" });

  runScript("window.count = 1;", window);

  assert.equal(window.count, 1);
});

test("a script that fails is told in its own words", (t) => {
  const { window } = page(t);

  assert.throws(
    () => runScript("throw new Error('boom');", window),
    (error) => error.key === "script_failed" && error.facts.words.includes("boom"),
  );
});

test("a 401 is the cloud's only below its own path", () => {
  const context = "https://www.example.com/service-cloud";
  const entry = (name, responseStatus) => ({ name, responseStatus });

  assert.ok(isUnauthorized(entry(`${context}/a`, 401), context));
  assert.ok(!isUnauthorized(entry(`${context}/a`, 200), context));
  assert.ok(!isUnauthorized(entry(`${context}-other/a`, 401), context));
  assert.ok(!isUnauthorized(entry("https://www.example.com/api/v1/session", 401), context));
});
