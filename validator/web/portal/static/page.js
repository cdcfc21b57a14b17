// What the ready pages share: their settings, the list of steps, the place for trouble, who is logged in.

import { make } from "./elements.js";
import { Enterprise } from "./enterprise.js";
import { contextPath } from "./origin.js";
import { step } from "./steps.js";
import { watch } from "./watch.js";
import { stepWords, troubleWords, words } from "./words.js";

export { make };

export const language = document.documentElement.lang;

/** The element with *id*. */
export const part = (id) => document.getElementById(id);

/** What the server wrote into the page: portal, channel, tenant, locale, mapService, contextPath. */
export const settings = { ...part("content").dataset };

export const context = contextPath(settings.contextPath);
export const enterprise = new Enterprise();

/** Show a step in the list, as it is now. */
export function report(name, state, about) {
  part("not-begun")?.remove();
  const id = `step-${name}`;
  const item = part(id) ?? part("progress").appendChild(make("li", { id }));
  item.dataset.state = state;
  item.textContent = stepWords(language, name, state, about);
}

/** Say what went wrong; of each kind once, since what a policy blocks it blocks again and again. */
export function showTrouble(error) {
  const place = part("trouble");
  if ([...place.children].some((shown) => shown.dataset.key === error.key)) return;
  const notice = make("div", { className: "trouble" }, make("p", { textContent: troubleWords(language, error) }));
  notice.dataset.key = error.key;
  const { requestId } = error.facts ?? {};
  if (requestId) {
    notice.append(make("p", {}, `${words(language, "request_id")} `, make("code", { textContent: requestId })));
  }
  const link = linkFor(error.key);
  if (link !== null) notice.append(make("p", {}, make("a", link)));
  place.append(notice);
}

/** Return where a link below the words for a trouble leads; null when it has none. */
function linkFor(key) {
  const [log, alone] = ["log_in", "standalone"].map((word) => words(language, word));
  const links = {
    session_replaced: { href: loginAddress(), textContent: log },
    session_ended: { href: loginAddress(), textContent: log },
    window_blocked: { href: `${settings.portal}/login?for=pop`, target: "_blank", rel: "opener", textContent: log },
    opener_missing: { href: `${settings.portal}/pop`, textContent: alone },
  };
  return links[key] ?? null;
}

/** Take away what was said. */
export function clearTrouble() {
  part("trouble").replaceChildren();
}

/** Do *work*; whatever goes wrong is shown. Return whether nothing did. */
export async function attempt(work) {
  clearTrouble();
  try {
    await work();
    return true;
  } catch (error) {
    showTrouble(error);
    return false;
  }
}

/** Return whose session it is, and let them end it; whoever has none goes to the login page. */
export async function knownPerson() {
  try {
    const session = await step(report, "session", () => enterprise.session(), ({ account }) => account);
    part("who").textContent = session.account;
    part("log-out").hidden = false;
    part("log-out").addEventListener("click", () => attempt(logOut));
    return session;
  } catch (error) {
    if (error.key === "session_ended") location.replace(loginAddress());
    throw error;
  }
}

/** Show also what goes wrong after the cloud's script has run. */
export function watchCloud() {
  return watch(context, showTrouble);
}

/** Show the words for *key* in the list of steps. */
export function tell(key, about) {
  const item = make("li", { textContent: words(language, key, { about }) });
  item.dataset.state = "done";
  part("progress").append(item);
}

async function logOut() {
  await enterprise.logOut();
  location.assign(`${settings.portal}/login`);
}

function loginAddress() {
  return `${settings.portal}/login?next=${encodeURIComponent(location.pathname)}`;
}
