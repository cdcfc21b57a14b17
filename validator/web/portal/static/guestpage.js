// The page of the guest's chat.

import { offerSharing } from "./cobrowse.js";
import { startGuestChat } from "./guestchat.js";
import { attempt, context, enterprise, part, report, settings, watchCloud } from "./page.js";

const { channel, tenant, locale, mapService } = settings;
const submit = part("start").querySelector("button[type=submit]");

part("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  const stop = watchCloud();
  const name = part("name").value.trim() || part("name").placeholder;
  const options = { channel, tenant, name, locale, mapService, enterprise, context, report };
  const isIn = await attempt(() => startGuestChat(options));
  part("bubble-hint").hidden = !isIn;
  submit.disabled = isIn;
  if (isIn) return;
  stop();
  submit.focus(); // a button that is disabled loses it
});
offerSharing({ button: part("share"), context });
submit.disabled = false; // until now the form would have been sent without this script
