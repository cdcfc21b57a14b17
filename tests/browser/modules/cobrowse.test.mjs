// Share links of co-browsing: which are taken, and on which pages.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { plainShare, presentedShare, withoutShare } from "../../../validator/web/portal/static/cobrowseshare.js";

// The extension's own script is next to no package.json that calls it a module.
const placesFile = new URL("../../../validator/cobrowse/files/places.js", import.meta.url);
const placesText = await readFile(placesFile, "utf-8");
const { mayShare } = await import(`data:text/javascript,${encodeURIComponent(placesText)}`);

const CLOUD = "https://cloud.example.net";
const PAGE = "https://shop.example.com/help";
const PLACES = {
  sites: ["https://shop.example.com/*", "https://*.example.org/help/*"],
  private: ["https://shop.example.com/login", "https://shop.example.com/pay/*", "https://*.example.org/help/%E5%AF%86*"],
};

/** The page opened with *query*. */
const share = (query) => presentedShare(`${PAGE}?${query}`, CLOUD);
const ofValue = (value) => share(`cobrowse_share_url=${encodeURIComponent(value)}`);

test("a page without the parameter was not opened to be shared", () => {
  for (const query of ["", "a=1", "cobrowse_share_url", "cobrowse_share_url=", "amp;cobrowse_share_url=", "x=cobrowse_share_url"]) {
    assert.equal(share(query), "none", query);
  }
});

test("a share is given, also in a link that was escaped once too often", () => {
  for (const query of ["cobrowse_share_url=s-1", "a=1&cobrowse_share_url=s-1", "a=1&amp;cobrowse_share_url=s-1"]) {
    assert.equal(share(query), "given", query);
  }
});

test("a share may name the cloud or the page, and anything that is no address", () => {
  for (const value of ["/share/1", `${CLOUD}/share/1`, `${PAGE}?a=1`, "eyJhIjoxfQ==", "100%", "a b", "12:34", "https://"]) {
    assert.equal(ofValue(value), "given", value);
  }
});

test("a share that names another origin is refused, however it is written", () => {
  const foreign = [
    "https://evil.example/", "//evil.example/", "\\\\evil.example", " https://evil.example", "https:\t//evil.example",
    "http://cloud.example.net/", "https://cloud.example.net:8443/", "https://cloud.example.net@evil.example/",
    "wss://cloud.example.net/", "javascript:alert(1)", "data:text/html,x", "blob:https://evil.example/1",
    "https%3A%2F%2Fevil.example", "%252F%252Fevil.example", "%25252F%25252Fevil.example",
  ];
  for (const value of foreign) assert.equal(ofValue(value), "refused", value);
});

test("two shares, or a very long one, are refused", () => {
  assert.equal(share("cobrowse_share_url=1&cobrowse_share_url=2"), "refused");
  assert.equal(share("cobrowse_share_url=1&amp;cobrowse_share_url=1"), "refused");
  assert.equal(ofValue("a".repeat(2049)), "refused");
  assert.equal(ofValue("%25".repeat(680)), "given"); // decoded step by step, to its end
});

test("without the parameter the rest of the address stays as it was written", () => {
  const rest = "a=%20+b&c&d=%E4";
  for (const query of [`${rest}&cobrowse_share_url=1`, `cobrowse_share_url=1&${rest}`, `${rest}&amp;cobrowse_share_url=1`]) {
    assert.equal(withoutShare(`${PAGE}?${query}#top`), `${PAGE}?${rest}#top`);
  }
  assert.equal(withoutShare(`${PAGE}?cobrowse_share_url=1`), PAGE);
});

test("what is found is what is taken away, also where the name is escaped", () => {
  assert.equal(share("cobrowse%5Fshare_url=1"), "given");
  assert.equal(withoutShare(`${PAGE}?cobrowse%5Fshare_url=1`), PAGE);
});

test("the cloud's script finds the parameter under its own name", () => {
  assert.equal(plainShare(`${PAGE}?a=1&amp;cobrowse_share_url=x%3D`), `${PAGE}?a=1&cobrowse_share_url=x%3D`);
  assert.equal(plainShare(`${PAGE}?cobrowse_share_url=x&a=1`), `${PAGE}?cobrowse_share_url=x&a=1`);
});

test("pages of the named sites may be shared", () => {
  for (const address of [PAGE, `${PAGE}?cobrowse_share_url=1`, "https://shop.example.com/", "https://a.b.example.org/help/1"]) {
    assert.equal(mayShare(address, PLACES), true, address);
  }
});

test("no other page may be shared", () => {
  const others = [
    "http://shop.example.com/", "https://www.shop.example.com/", "https://shop.example.com.evil.example/",
    "https://example.org/other", "https://a.example.org/help", "https://evilexample.org/help/1", "file:///help",
  ];
  for (const address of others) assert.equal(mayShare(address, PLACES), false, address);
});

test("a private page is private however its path is written", () => {
  const spellings = [
    "login", "login/", "LOGIN", "%6Cogin", "%256cogin", "login;id=1", "/login", "./login", "x/../login", "x%2F..%2Flogin",
    "x%5c..%5clogin", "login?cobrowse_share_url=1", "login#a", "pay", "pay/", "pay/1", "Pay/%2e", "%zz",
  ];
  for (const spelling of spellings) {
    assert.equal(mayShare(`https://shop.example.com/${spelling}`, PLACES), false, spelling);
  }
  assert.equal(mayShare(`https://a.example.org/help/${encodeURIComponent("密码")}`, PLACES), false);
});

test("a page that only looks like a private one may be shared", () => {
  for (const path of ["logins", "help/login", "payment", "help?login", encodeURIComponent("密")]) {
    assert.equal(mayShare(`https://shop.example.com/${path}`, PLACES), true, path);
  }
});
