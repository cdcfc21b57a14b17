// Where the cloud's paths are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { checkPage, contextPath, originOf } from "../../../validator/web/portal/static/origin.js";

const PAGE = new URL("https://www.example.com:8443/a/b?c#d");

for (const [prefix, expected] of [
  ["", "https://www.example.com:8443/service-cloud"],
  ["/", "https://www.example.com:8443/service-cloud"],
  ["/demo", "https://www.example.com:8443/demo/service-cloud"],
  ["/demo/", "https://www.example.com:8443/demo/service-cloud"],
  ["/service-cloud", "https://www.example.com:8443/service-cloud"],
  ["//evil.example", "https://www.example.com:8443/evil.example/service-cloud"],
  ["https://cloud.example.com", "https://cloud.example.com/service-cloud"],
  ["https://cloud.example.com/x/", "https://cloud.example.com/x/service-cloud"],
  ["https://cloud.example.com/service-cloud/", "https://cloud.example.com/service-cloud"],
]) {
  test(`the context path for "${prefix}" is an origin and a path, without a slash at the end`, () => {
    assert.equal(contextPath(prefix, PAGE), expected);
  });
}

test("the vendor's form is no place at all, this one is: the difference that the mend makes", () => {
  const vendors = `${PAGE.protocol}/service-cloud`;

  assert.equal(new URL(vendors).origin, "https://service-cloud");
  assert.equal(originOf(contextPath("", PAGE)), PAGE.origin);
});

test("messages go to the origin alone, also when the path has a prefix", () => {
  assert.equal(originOf("https://www.example.com/demo/service-cloud"), "https://www.example.com");
});

const page = (isSecureContext, protocol) => ({ isSecureContext, location: { protocol } });

test("a page over plain HTTP is told so before anything is asked", () => {
  assert.throws(() => checkPage("https://c.example/service-cloud", page(false, "http:")), { key: "insecure_page" });
});

test("a cloud over plain HTTP is mixed content on a page over HTTPS", () => {
  assert.throws(() => checkPage("http://c.example/service-cloud", page(true, "https:")), { key: "mixed_content" });
});

test("a page over HTTPS, and one on this very host, may go on", () => {
  checkPage("https://c.example/service-cloud", page(true, "https:"));
  checkPage("http://127.0.0.1:8000/service-cloud", page(true, "http:"));
});
