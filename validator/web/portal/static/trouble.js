// What goes wrong in practice, told apart by what a page can see of it.
//
// A Trouble has a key, for which words.js has a sentence in each language, and facts to put into it:
// `requestId` (for `validator audit explain`), `seconds` to wait, the HTTP `status`, the cloud's own `words`,
// what was `blocked`.

const LOGIN_REFUSED = "urn:validator:problem:login-refused";
const LOGIN_REPLACED = "urn:validator:problem:login-replaced";
const VERDICT = /thirdParty validate failed and the errorMessage is\s*(.*)/s;
const OF_ENTERPRISE = {
  400: "request_refused",
  401: "session_ended",
  403: "not_allowed",
  404: "enterprise_missing",
  405: "enterprise_missing",
  429: "throttled",
};
const OF_CLOUD = {
  401: "cookies_blocked",
  403: "page_refused",
  404: "cloud_missing",
  405: "cloud_missing",
  413: "cloud_failed",
  429: "throttled",
  502: "cloud_unreachable",
  503: "cloud_unreachable",
  504: "cloud_unreachable",
};

/** Something that stops a page, with the key of its sentence and the facts in it. */
export class Trouble extends Error {
  constructor(key, facts = {}) {
    super(key, { cause: facts.cause });
    this.name = "Trouble";
    this.key = key;
    this.facts = facts;
  }
}

/**
 * Return the trouble that a refusal of the enterprise's own server means.
 *
 * @param {{status: number, headers: Headers}} answer
 * @param {{type?: string}} [problem] its body (RFC 9457), if it has one
 */
export function troubleOfEnterprise(answer, problem = {}) {
  const facts = {
    status: answer.status,
    requestId: answer.headers.get("X-Request-ID") ?? undefined,
    seconds: secondsToWait(answer.headers.get("Retry-After")),
  };
  if (problem?.type === LOGIN_REFUSED) return new Trouble("login_refused", facts);
  if (problem?.type === LOGIN_REPLACED) return new Trouble("session_replaced", facts);
  return new Trouble(OF_ENTERPRISE[answer.status] ?? "unavailable", facts);
}

/** Return the trouble that *error* means of a route about the other centre; *refused* is what a 403 is there. */
export function troubleOfCentre(error, refused) {
  const key = { 403: refused, 404: "centre_unlinked", 503: "centre_unavailable" }[error.facts?.status];
  return key === undefined ? error : new Trouble(key, error.facts);
}

/**
 * Return the trouble that an error of the cloud, or of the proxy before it, means.
 *
 * @param {{status: number, headers: Headers}} answer
 * @param {string} text its body
 * @param {string} [requestId] of the token or the signature that the cloud was shown
 */
export function troubleOfCloud(answer, text, requestId) {
  const facts = { status: answer.status, requestId, seconds: secondsToWait(answer.headers.get("Retry-After")) };
  const verdict = VERDICT.exec(text)?.[1].trim();
  if (verdict === undefined) return new Trouble(OF_CLOUD[answer.status] ?? "cloud_failed", facts);
  // The cloud says "null" when it has no answer of the enterprise to show: mostly because no Origin came.
  if (verdict === "" || verdict === "null") return new Trouble("no_origin", facts);
  return new Trouble("callback_refused", { ...facts, words: verdict.slice(0, 200) });
}

/** Return the trouble that a violation of the page's Content-Security-Policy means; null for one only reported. */
export function troubleOfViolation(violation, page = globalThis.location) {
  if (violation.disposition === "report") return null;
  const blocked = `${violation.effectiveDirective} ${violation.blockedURI}`;
  if (page.protocol === "https:" && /^(http|ws):/.test(violation.blockedURI)) {
    return new Trouble("mixed_content", { blocked: violation.blockedURI });
  }
  const isScript = violation.effectiveDirective.startsWith("script-src");
  return new Trouble(isScript ? "script_blocked" : "content_blocked", { blocked });
}

/** Return the seconds of a header Retry-After, which may be a date; undefined when there is none. */
export function secondsToWait(retryAfter, now = Date.now()) {
  if (!retryAfter) return undefined;
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : undefined;
}
