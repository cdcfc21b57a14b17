// The first of the customer chat's two scripts: the token was good, the chat itself comes with the second.
// The page must have defined these globals before it runs this; if it has a function thirdValidate, that one
// asks for the second script, else it is asked for here.
(() => {
  "use strict";
  const given = {};

  const needed = {
    channelConfigId: () => configId,
    thirdUserId: () => userId,
    thirdUserName: () => userName,
    tenantSpaceId: () => tenantSpaceId,
    locale: () => locale,
    thirdUserToken: () => token,
  };
  // Reading a global that the page has not defined is an error that names it.
  const data = Object.fromEntries(Object.entries(needed).map(([name, read]) => [name, read()]));
  const different = Object.keys(given).filter((name) => name in data && String(data[name]) !== String(given[name]));
  if (different.length > 0) throw new Error(`not what was posted: ${different.join(", ")}`);

  if (typeof thirdValidate === "function") {
    thirdValidate({ ...data, timestamp: Date.now() });
    return;
  }
  const context = typeof $ContextPath === "string" ? $ContextPath : `${location.origin}/service-cloud`;
  const nonce = document.currentScript ? document.currentScript.nonce : "";
  fetch(`${context.replace(/\/*$/, "")}/webclient/chat_client/js/newThirdPartyClient.js?&t=${Date.now()}`, {
    method: "POST",
    credentials: "include",
    body: JSON.stringify({ ...data, timestamp: Date.now() }),
  })
    .then(async (answer) => {
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      const script = document.createElement("script");
      script.nonce = nonce;
      script.textContent = text;
      document.head.append(script);
    })
    .catch((error) => console.error(error.message));
})();
