// The login page.

import { attempt, enterprise, part } from "./page.js";

const [account, password] = [part("account"), part("password")];
const submit = part("login").querySelector("button[type=submit]");

/** Return where to go: the page that asked for a login if it is one of ours, else the first one. */
function destination() {
  const known = [...document.querySelectorAll("nav a")].map((link) => link.getAttribute("href"));
  const wanted = new URLSearchParams(location.search).get("next");
  return known.includes(wanted) ? wanted : known[0];
}

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  const isIn = await attempt(() => enterprise.logIn(account.value, password.value));
  submit.disabled = false;
  if (isIn) {
    location.assign(destination());
    return;
  }
  password.value = "";
  password.focus();
});

part("show-password").addEventListener("change", ({ target }) => {
  password.type = target.checked ? "text" : "password";
});
account.focus();
