// The cloud's scripts: asked for with a POST, read as text, run once.

import { Trouble, troubleOfCloud } from "./trouble.js";

// What jQuery sends in the vendor's pages, and so what the cloud is known to take. Across origins it needs no
// preflight, which application/json would.
const CONTENT_TYPE = "application/x-www-form-urlencoded; charset=UTF-8";

/**
 * Return the text of the script at *url*, for which *content* is posted as JSON, with cookies.
 *
 * @param {string} url
 * @param {object} content
 * @param {string} [requestId] of the token or the signature in *content*: what an operator looks for
 * @throws {Trouble}
 */
export async function askForScript(url, content, requestId) {
  const body = JSON.stringify(content);
  const headers = { "Content-Type": CONTENT_TYPE };
  const options = { method: "POST", credentials: "include", cache: "no-store", headers, body };
  const answer = await fetch(url, options).catch(unreachable);
  const text = await answer.text().catch(unreachable);
  if (!answer.ok) throw troubleOfCloud(answer, text, requestId);
  // A login page, or a front page for every path, comes with status 200 as well.
  if (text.trimStart().startsWith("<")) throw new Trouble("not_a_script", { requestId });
  return text;
}

/**
 * Run *text* as a classic script, once, with the page's nonce; return when it has run.
 *
 * Values never become part of the text: a quote in a name would be code.
 *
 * @throws {Trouble} when the page's policy does not let it run, or it fails
 */
export function runScript(text, page = globalThis) {
  const nonce = page.document.querySelector("script[nonce]")?.nonce ?? "";
  if (!isAllowed(page.document, nonce)) throw new Trouble("script_blocked", { blocked: "script-src inline" });
  const failures = [];
  const note = (event) => failures.push(event.message);
  page.addEventListener("error", note);
  try {
    append(page.document, text, nonce);
  } finally {
    page.removeEventListener("error", note);
  }
  if (failures.length > 0) throw new Trouble("script_failed", { words: failures[0] });
}

/** Return whether the page lets an inline script with *nonce* run: one that leaves a mark on itself. */
function isAllowed(document, nonce) {
  try {
    const probe = append(document, 'document.currentScript.dataset.ran = "";', nonce);
    probe.remove();
    return probe.dataset.ran !== undefined;
  } catch {
    return false; // Trusted Types
  }
}

function append(document, text, nonce) {
  const script = document.createElement("script");
  script.nonce = nonce;
  script.textContent = text;
  document.head.append(script);
  return script;
}

function unreachable(cause) {
  throw new Trouble("network", { cause });
}
