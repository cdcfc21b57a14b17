// The guest's chat: a name for the guest, a signature from the portal's own server, then the cloud's script.

const GUEST = {
  thirdUserName: "Guest",
  tenantSpaceId: "202400000001",
  channelConfigId: options.get("channel"),
  locale: "en",
};

// As the documents' pages do: JSON text, whatever its content type is.
function sign(fields, contentType) {
  // `type`, not `method`: the jQuery of the documents is older than that word, and would send a GET.
  const call = { url: "/webchat/authorizationService", type: "POST", data: JSON.stringify(fields) };
  if (contentType) call.contentType = contentType;
  return new Promise((resolve) => {
    call.success = (text, _, answer) => resolve({ status: answer.status, text });
    call.error = (answer) => resolve({ status: answer.status, text: "" });
    window.jQuery.ajax(call);
  });
}

window.outcome = (async () => {
  await loadLibrary();
  const { thirdUserId } = await (await fetch("/webchat/guest", { method: "POST" })).json();
  const fields = { ...GUEST, thirdUserId, timestamp: Date.now() };
  const signed = await sign(fields, options.get("contentType"));
  if (signed.status !== 200) return { signed: signed.status, chat: 0 };
  const script = `${cloud()}/webclient/chat_client/js/newThirdPartyClient.js?&t=${Date.now()}`;
  const answer = await post(script, { ...fields, thirdPartAuthorization: signed.text });
  if (answer.status === 200) runScript(answer.text);
  return { signed: signed.status, chat: answer.status, runs: window.runsOfChat || 0 };
})();
