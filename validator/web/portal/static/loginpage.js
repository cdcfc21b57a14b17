// The login page, also as the window that a page in the cloud's frame opens.

import { attempt, enterprise, part, settings, showTrouble } from "./page.js";
import { handOver } from "./poplogin.js";

const [account, password] = [part("account"), part("password")];
const submit = part("login").querySelector("button[type=submit]");
const asked = new URLSearchParams(location.search);
const isForPop = asked.get("for") === "pop";

/** Return where to go: the page that asked for a login if it is one of ours, else the first one. */
function destination() {
  if (isForPop) return `${settings.portal}/pop`;
  const known = [...document.querySelectorAll("nav a")].map((link) => link.getAttribute("href"));
  const wanted = asked.get("next");
  return known.includes(wanted) ? wanted : known[0];
}

/** Go on with the person who is logged in: back to the page that opened this window, or to the one asked for. */
async function proceed() {
  if (isForPop && window.opener) await handOver(enterprise);
  else location.assign(destination());
}

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  const isIn = await attempt(() => enterprise.logIn(account.value, password.value));
  submit.disabled = false;
  if (isIn) {
    await attempt(proceed);
    return;
  }
  password.value = "";
  password.focus();
});
submit.disabled = false; // until now the form would have been sent without this script

part("show-password").addEventListener("change", ({ target }) => {
  password.type = target.checked ? "text" : "password";
});
account.focus();

// Whoever is logged in already need not do so again for a page in the cloud's frame.
if (isForPop) {
  await handOver(enterprise).catch((error) => {
    if (error.key !== "session_ended") showTrouble(error);
  });
}
