// The login of a page in the cloud's frame: the code reaches that page, and comes from nobody else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { handOver, WindowLogin } from "../../../validator/web/portal/static/poplogin.js";
import { Trouble } from "../../../validator/web/portal/static/trouble.js";

const OWN = "https://portal.example.com";
const EVIL = "https://www.evil.example";

/** A page in the frame, whose windows are *opened*; `say` lets it hear a message. */
function framed(opened = { closed: false }) {
  const listeners = [];
  const asked = [];
  const page = {
    location: { origin: OWN },
    addEventListener: (_, listener) => listeners.push(listener),
    open: (...words) => {
      asked.push(words);
      return opened;
    },
  };
  return { page, asked, say: (event) => listeners.forEach((listener) => listener(event)) };
}

/** An enterprise that takes every code, and the list of those. */
function enterprise() {
  const codes = [];
  const beginPop = async (code) => {
    codes.push(code);
    return { account: "li.wei" };
  };
  return { codes, beginPop, popCode: async () => ({ popCode: "c-1" }) };
}

test("the code of a window that this page opened is exchanged, and the window closed", async () => {
  const [{ page, say }, server, closed] = [framed(), enterprise(), []];

  const known = new Promise((proceed, fail) => new WindowLogin(server, "/portal/login", page).hear(proceed, fail));
  say({ origin: OWN, source: { opener: page, close: () => closed.push(true) }, data: { popCode: "c-1" } });

  assert.deepEqual(closed, [true]);
  assert.deepEqual(await known, { account: "li.wei" });
  assert.deepEqual(server.codes, ["c-1"]);
});

for (const [what, change] of [
  ["another origin", () => ({ origin: EVIL })],
  ["the origin of a sandbox", () => ({ origin: "null" })],
  ["a window that somebody else opened", () => ({ source: { opener: {} } })],
  ["no window", () => ({ source: null })],
  ["a window without a code", () => ({ data: { code: "c-1" } })],
  ["a window with something else than text", () => ({ data: { popCode: ["c-1"] } })],
  ["a window with nothing", () => ({ data: null })],
]) {
  test(`a message from ${what} is not heard`, () => {
    const [{ page, say }, server] = [framed(), enterprise()];
    new WindowLogin(server, "/portal/login", page).hear(assert.fail, assert.fail);

    say({ origin: OWN, source: { opener: page }, data: { popCode: "c-1" }, ...change() });

    assert.deepEqual(server.codes, []);
  });
}

test("a code that is refused has words of its own, and any other trouble is passed on", async () => {
  for (const [key, told] of [["session_ended", "code_refused"], ["network", "network"]]) {
    const { page, say } = framed();
    const beginPop = () => Promise.reject(new Trouble(key, { requestId: "r-1" }));

    const failed = new Promise((_, fail) => new WindowLogin({ beginPop }, "/portal/login", page).hear(assert.fail, fail));
    say({ origin: OWN, source: { opener: page, close() {} }, data: { popCode: "c-1" } });

    await assert.rejects(failed, ({ key: shown, facts }) => shown === told && facts.requestId === "r-1", key);
  }
});

test("the window is the login page, with an opener", () => {
  const { page, asked } = framed();

  new WindowLogin(enterprise(), "/portal/login", page).begin();

  assert.deepEqual(asked.map(([address, target]) => [address, target]), [["/portal/login?for=pop", "_blank"]]);
  assert.doesNotMatch(asked[0][2], /noopener|noreferrer/);
});

test("a window that is blocked, or cut off, is told", () => {
  for (const opened of [null, { closed: true }]) {
    const login = new WindowLogin(enterprise(), "/portal/login", framed(opened).page);

    assert.throws(() => login.begin(), { key: "window_blocked" });
  }
});

test("the window posts the code to its opener, for this origin only", async () => {
  const posted = [];
  const opener = { postMessage: (...words) => posted.push(words) };

  await handOver(enterprise(), { opener, location: { origin: OWN } });

  assert.deepEqual(posted, [[{ popCode: "c-1" }, OWN]]);
});

test("a window without an opener has no code issued", async () => {
  const server = { popCode: assert.fail };

  await assert.rejects(handOver(server, { opener: null, location: { origin: OWN } }), { key: "opener_missing" });
});
