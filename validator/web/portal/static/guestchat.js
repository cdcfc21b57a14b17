// The web chat for an anonymous visitor: a guest id, a signature made on the server, the cloud's script.
//
//   await startGuestChat({ channel: "817854979183314945", tenant: "202400000001", name: "Guest" });

import { chatFields, defineGlobals, runChat } from "./chat.js";
import { Enterprise } from "./enterprise.js";
import { checkPage, contextPath } from "./origin.js";
import { silently, step } from "./steps.js";

/**
 * Put the chat into this page.
 *
 * @param {object} options
 * @param {string} options.channel the channelConfigId
 * @param {string} options.tenant the tenantSpaceId
 * @param {string} options.name what the agent sees as the visitor's name
 * @param {string} [options.locale] zh, en, ar, es, pt or fr
 * @param {string} [options.mapService] tencent or google
 * @param {Enterprise} [options.enterprise] who gives the id and signs
 * @param {string} [options.context] of `contextPath`
 * @param {Function} [options.report] told of each step: guest, signature, chat
 * @throws {Trouble}
 */
export async function startGuestChat({
  channel,
  tenant,
  name,
  locale = "zh",
  mapService,
  enterprise = new Enterprise(),
  context = contextPath(),
  report = silently,
}) {
  checkPage(context);
  const { thirdUserId } = await step(report, "guest", () => enterprise.guest(), (guest) => guest.thirdUserId);
  const user = { thirdUserName: name, thirdUserId, tenantSpaceId: tenant };
  const fields = chatFields(user, { channel, locale, mapService });
  // On every load anew: how old a signature may be, only the cloud knows.
  const { line, requestId } = await step(report, "signature", () =>
    enterprise.authorization({ ...user, channelConfigId: channel }),
  );
  defineGlobals(context, fields);
  await step(report, "chat", () => runChat(context, { ...fields, thirdPartAuthorization: line }, requestId));
}
