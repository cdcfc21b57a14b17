// Where the cloud's paths are for a page.
//
// The vendor's pages write location.protocol + "/service-cloud", which is "https:/service-cloud": no request
// gets there, and no message of the agent bar comes back. It is the origin that belongs in front.

import { Trouble } from "./trouble.js";

const SERVICE = "/service-cloud";

/**
 * Return $ContextPath: an origin, what comes before the cloud's paths there, and /service-cloud; no slash at the end.
 *
 * @param {string} [prefix] a path on the page's own origin such as "/demo", or another origin such as
 *   "https://cloud.example.com"; with or without "/service-cloud" at its end
 * @param {{origin: string}} [page] the page's location
 * @returns {string}
 */
export function contextPath(prefix = "", page = globalThis.location) {
  const before = prefix.replace(/\/+$/, "").replace(/\/service-cloud$/, "");
  // Two slashes at the beginning would be another host.
  return new URL(`${before.replace(/^\/+/, "/")}${SERVICE}`, page.origin).href;
}

/** Return the origin of *context*: to whom messages for the agent bar go, and from whom they are taken. */
export function originOf(context) {
  return new URL(context).origin;
}

/**
 * Throw a Trouble when the cloud's script could not work on this page: its cookies and the telephone need HTTPS,
 * and a page of HTTPS may load nothing over HTTP.
 */
export function checkPage(context, page = globalThis) {
  if (!page.isSecureContext) throw new Trouble("insecure_page");
  if (page.location.protocol === "https:" && new URL(context).protocol === "http:") {
    throw new Trouble("mixed_content", { blocked: context });
  }
}
