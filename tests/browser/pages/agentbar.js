// The agent bar: its script makes an iframe named ccbarclient, which is asked for events and tells them.

const FIELDS = { access_token: "token-of-agent", tenantSpaceId: "202400000001", userAccount: "agent-7" };

window.$aicc_ContextPath = `${cloud()}/`;
window.told = [];

window.outcome = (async () => {
  await loadLibrary();
  const script = `${cloud()}/ccdesktop/pages/cc-bar/js/ccbarclient.js?t=${Math.random()}`;
  const answer = await post(script, FIELDS);
  if (answer.status === 200) runScript(answer.text);
  return { ...answer, runs: window.runsOfAgentBar || 0 };
})();

// Asks the frame for one kind of event; it tells one of them at once.
window.askForEvent = async (name, target) => {
  await window.outcome;
  window.listeners.eventpost = (message) => window.told.push(message);
  await window.agentBarLoaded;
  window.frames.ccbarclient.postMessage(JSON.stringify({ name: "eventpost", param: [name] }), target);
};
