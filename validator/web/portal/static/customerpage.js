// The page of the customer's chat.

import { startCustomerChat } from "./customerchat.js";
import { offerSharing } from "./cobrowse.js";
import { attempt, context, knownPerson, part, report, settings, watchCloud } from "./page.js";

const { channel, locale, mapService } = settings;

attempt(async () => {
  await knownPerson();
  offerSharing({ button: part("share"), context });
  watchCloud();
  await startCustomerChat({ channel, locale, mapService, context, report });
  part("bubble-hint").hidden = false;
});
