// What the customer's and the guest's chat share: the script that is the chat, and what it finds on the page.

import { askForScript, runScript } from "./cloud.js";

export const FOLDER = "/webclient/chat_client/js";

/**
 * Define what the cloud's chat scripts read from the page.
 *
 * As properties of window, one by one: in the vendor's page they are put together as code, and a quote in a
 * userName runs.
 */
export function defineGlobals(context, { channelConfigId, thirdUserId, thirdUserName, thirdUserToken, ...rest }) {
  const globals = {
    $ContextPath: context,
    $aicc_ContextPath: `${context}/`, // the vendor's pages name either, this one with a slash
    configId: channelConfigId,
    userId: thirdUserId,
    userName: thirdUserName,
    tenantSpaceId: rest.tenantSpaceId,
    locale: rest.locale,
  };
  if (thirdUserToken !== undefined) globals.token = thirdUserToken;
  Object.assign(window, globals);
}

/** Return the fields of a chat as the cloud wants them; without `mapService` the cloud takes its own. */
export function chatFields(user, { channel, locale, mapService }) {
  const map = mapService ? { mapService } : {};
  return { ...user, channelConfigId: channel, locale, ...map };
}

/** Return the text of the chat's script *name*, for which *fields* are posted with the time of now. */
export function askForChat(context, name, fields, requestId) {
  const timestamp = Date.now();
  return askForScript(`${context}${FOLDER}/${name}?&t=${timestamp}`, { ...fields, timestamp }, requestId);
}

/** Ask for the script that is the chat, and run it. */
export async function runChat(context, fields, requestId) {
  runScript(await askForChat(context, "newThirdPartyClient.js", fields, requestId));
}
