// Gets agents' tokens and guests' signatures from the validator (Node 20, standard library only).
// fetch() takes no certificate authority for one connection: hence node:https.

import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

const USAGE = "usage: validator-client.mjs tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME";
const [REQUEST_TIMEOUT, DEADLINE, MAX_WAIT] = [10_000, 30_000, 10_000]; // ms: one request; all; one Retry-After
const MARGIN = 60_000; // ms that a cached token has left at least

class ValidatorError extends Error {}

/** Share one in your server; `end` is the deadline of one of its requests, in ms as of `performance.now()`. */
class Validator {
  #url;
  #agent;
  #client;
  #secretFile;
  #cache = new Map();

  constructor({ url, caFile, client, secretFile }) {
    this.#url = new URL(url);
    this.#agent = new Agent({ ca: caFile ? readFileSync(caFile) : undefined });
    this.#client = client;
    this.#secretFile = secretFile;
  }

  async agentToken(tenantSpaceId, userAccount, end) {
    const key = JSON.stringify([tenantSpaceId, userAccount]);
    const cached = this.#cache.get(key);
    if (cached && Date.parse(cached.expiresAt) - Date.now() > MARGIN) return cached;
    const body = { tenantSpaceId, userAccount };
    const token = parsed((await this.#post("/api/v1/tokens/agent", body, end, "application/json")).content);
    this.#cache.set(key, token);
    return token;
  }

  async revoke(token, end) {
    await this.#post("/api/v1/tokens/revoke", { token }, end);
  }

  async guest(origin, tenantSpaceId, channelConfigId, thirdUserName, end) {
    const page = { Origin: origin };
    const { headers, content } = await this.#post("/webchat/guest", {}, end, "application/json", page);
    // Keep this cookie in the visitor's session: without it, every page load makes a new guest.
    page.Cookie = headers["set-cookie"]?.[0].split(";")[0] ?? "";
    const guest = { thirdUserName, thirdUserId: parsed(content).thirdUserId, tenantSpaceId };
    const signed = { ...guest, channelConfigId };
    const line = await this.#post("/webchat/authorizationService", signed, end, "text/plain", page);
    return { ...guest, thirdPartAuthorization: line.content };
  }

  /** Return a response of the expected type, or an empty one; `page` replaces the client's header. */
  async #post(path, body, end, expected, page) {
    let response = await this.#send(path, body, end, page ?? this.#authorization());
    if ([401, 429, 503].includes(response.status)) {
      if (response.status !== 401) await wait(response, end);
      response = await this.#send(path, body, end, page ?? this.#authorization());
    }
    if (response.status !== 200) throw new ValidatorError(described(response));
    if (expected ? response.type !== expected : response.content) {
      throw new ValidatorError("HTTP 200 with unexpected content: not from the validator");
    }
    return response;
  }

  /** Send one request; a redirect is a response like any other. */
  async #send(path, body, end, headers) {
    const signal = AbortSignal.timeout(Math.max(1, Math.min(REQUEST_TIMEOUT, end - performance.now())));
    const content = JSON.stringify(body);
    const options = {
      method: "POST",
      agent: this.#agent,
      signal,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content), ...headers },
    };
    try {
      const response = await new Promise((resolve, reject) => {
        request(new URL(path, this.#url), options, resolve).on("error", reject).end(content);
      });
      const type = (response.headers["content-type"] ?? "").split(";")[0];
      return { status: response.statusCode, headers: response.headers, type, content: await text(response) };
    } catch (error) {
      const words = signal.aborted ? "no response in time" : error.message || error.code;
      throw new ValidatorError(`${this.#url.host}: ${words}`);
    }
  }

  /** Read the secret for each request: after a rotation, the second try has the new one. */
  #authorization() {
    const secret = readFileSync(this.#secretFile, "utf8").trim();
    return { Authorization: `Basic ${Buffer.from(`${this.#client}:${secret}`).toString("base64")}` };
  }
}

async function wait(response, end) {
  const text = response.headers["retry-after"] ?? "";
  const seconds = /^\d+$/.test(text) ? Number(text) : 1;
  if (seconds * 1000 > Math.min(MAX_WAIT, end - performance.now())) {
    throw new ValidatorError(`${described(response)}: try again in ${seconds} s`);
  }
  await sleep(seconds * 1000);
}

/** Return the problem (RFC 9457) in words; of any other content, nothing. */
function described({ status, type, content }) {
  if (type !== "application/problem+json") {
    return `HTTP ${status} without a problem document: not from the validator`;
  }
  const { title, detail, instance } = parsed(content);
  return `HTTP ${status} ${detail ? `${title}: ${detail}` : title} (${instance})`;
}

/** Return the JSON in `content`; the error of JSON.parse would quote it. */
function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    throw new ValidatorError("invalid JSON: not from the validator");
  }
}

const [url, caFile, client, secretFile] = ["URL", "CA_FILE", "CLIENT", "CLIENT_SECRET_FILE"].map(
  (name) => process.env[`VALIDATOR_${name}`] ?? "",
);
const [command, ...values] = process.argv.slice(2);
const isComplete = { tokens: values.length > 1, revoke: values.length === 0, guest: values.length === 4 }[command];
if (!isComplete || !url.startsWith("https://")) {
  console.error(USAGE);
  process.exit(2);
}
try {
  const end = performance.now() + DEADLINE;
  const validator = new Validator({ url, caFile, client, secretFile });
  if (command === "revoke") await validator.revoke((await text(process.stdin)).trim(), end);
  if (command === "guest") console.log(JSON.stringify(await validator.guest(...values, end)));
  for (const user of command === "tokens" ? values.slice(1) : []) {
    console.log(JSON.stringify(await validator.agentToken(values[0], user, end)));
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
