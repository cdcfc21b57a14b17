// The web chat for a customer who is logged in here: token, the cloud's two scripts one after the other.
//
//   await startCustomerChat({ channel: "817854979183314945" });

import { askForChat, chatFields, defineGlobals, runChat } from "./chat.js";
import { runScript } from "./cloud.js";
import { Enterprise } from "./enterprise.js";
import { checkPage, contextPath } from "./origin.js";
import { pause, silently, step } from "./steps.js";

const TIMEOUT = 5000; // milliseconds for the first script to ask for the second

/**
 * Put the chat into this page.
 *
 * @param {object} options
 * @param {string} options.channel the channelConfigId
 * @param {string} [options.locale] zh, en, ar, es, pt or fr
 * @param {string} [options.mapService] tencent or google
 * @param {() => Promise<{thirdUserToken, thirdUserName, thirdUserId, tenantSpaceId, requestId?}>} [options.token]
 * @param {string} [options.context] of `contextPath`
 * @param {Function} [options.report] told of each step: token, script, run, chat
 * @param {number} [options.timeout] milliseconds after which the second script is asked for unasked
 * @throws {Trouble}
 */
export async function startCustomerChat({
  channel,
  locale = "zh",
  mapService,
  token = () => new Enterprise().chatToken(),
  context = contextPath(),
  report = silently,
  timeout = TIMEOUT,
}) {
  checkPage(context);
  const issued = await step(report, "token", token, ({ thirdUserName }) => thirdUserName);
  const { thirdUserToken, thirdUserName, thirdUserId, tenantSpaceId, requestId } = issued;
  const user = { thirdUserToken, thirdUserName, thirdUserId, tenantSpaceId };
  const fields = chatFields(user, { channel, locale, mapService });
  const script = await step(report, "script", () =>
    askForChat(context, "thirdPartyClient.js", fields, requestId),
  );
  const wanted = await step(report, "run", () => {
    defineGlobals(context, fields);
    const asked = nextScriptAsked();
    runScript(script);
    return Promise.race([asked, pause(timeout)]);
  });
  await step(report, "chat", () => runChat(context, { ...fields, ...wanted }, requestId));
}

/**
 * Return what the first script hands on when it asks for the second, by the function that the vendor's page has.
 *
 * However often it is called, the second script runs once.
 */
function nextScriptAsked() {
  return new Promise((proceed) => {
    window.thirdValidate = (fields) => proceed(typeof fields === "object" ? fields : undefined);
  });
}
