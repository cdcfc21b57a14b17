// The customer's chat: the first script reads its globals from the page, the second one starts the chat.

const CUSTOMER = {
  thirdUserToken: "token-of-customer",
  thirdUserName: options.get("name") || "Ann",
  thirdUserId: "customer-7",
  tenantSpaceId: "202400000001",
  channelConfigId: "817854979183314945",
  locale: "en",
  mapService: "tencent",
};

// The globals that the first script needs, as a script of their own.
function globals() {
  const values = {
    configId: CUSTOMER.channelConfigId,
    userId: CUSTOMER.thirdUserId,
    userName: CUSTOMER.thirdUserName,
    tenantSpaceId: CUSTOMER.tenantSpaceId,
    locale: CUSTOMER.locale,
    token: CUSTOMER.thirdUserToken,
  };
  const glued = options.get("globals") === "glued";
  const written = (value) => (glued ? `"${value}"` : JSON.stringify(value));
  return Object.entries(values).map(([name, value]) => `var ${name} = ${written(value)};\n`).join("");
}

async function load(script, fields) {
  const answer = await post(`${cloud()}/webclient/chat_client/js/${script}?&t=${Date.now()}`, fields);
  if (answer.status === 200) runScript(globals() + answer.text);
  return answer;
}

window.outcome = (async () => {
  await loadLibrary();
  const first = await load("thirdPartyClient.js", { ...CUSTOMER, timestamp: Date.now() });
  if (first.status !== 200) return { first: first.status, second: 0 };
  const second = await load("newThirdPartyClient.js", { ...CUSTOMER, timestamp: Date.now() });
  return { first: first.status, second: second.status, runs: window.runsOfChat || 0, name: window.userName };
})();
