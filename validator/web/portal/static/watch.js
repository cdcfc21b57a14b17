// What goes wrong after everything was loaded: the page's policy blocks something, or a cookie did not come back.

import { Trouble, troubleOfViolation } from "./trouble.js";

const UNAUTHORIZED = 401;

/**
 * Call *tell* with each Trouble that the cloud's scripts run into from now on; return what ends that.
 *
 * @param {string} context of `contextPath`
 * @param {(trouble: Trouble) => void} tell
 */
export function watch(context, tell) {
  const violated = (violation) => {
    const trouble = troubleOfViolation(violation);
    if (trouble !== null) tell(trouble);
  };
  document.addEventListener("securitypolicyviolation", violated);
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some((entry) => isUnauthorized(entry, context))) tell(new Trouble("cookies_blocked"));
  });
  observer.observe({ type: "resource" });
  return () => {
    document.removeEventListener("securitypolicyviolation", violated);
    observer.disconnect();
  };
}

/** Return whether the cloud answered a request with 401; across origins browsers say so only of CORS requests. */
export function isUnauthorized(entry, context) {
  return entry.name.startsWith(`${context}/`) && entry.responseStatus === UNAUTHORIZED;
}
