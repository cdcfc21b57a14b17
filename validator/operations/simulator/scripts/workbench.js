// The workbench of the simulated cloud. It opens the enterprise's page for a call by GET, by POST or with the script
// AICCSupport.js, and hears the page's calls: `callout` as an object or as JSON text, its parameters as a list or by
// name, and `clickToOutbound`.
(() => {
  "use strict";
  const given = JSON.parse(document.body.dataset.given);
  const part = (id) => document.getElementById(id);
  const DEFAULTS = ["callerNum", "calledNum", "callid", "mediaType", "callType", "workNo"];
  const IN_EVENTS = [...DEFAULTS, "calldata"];
  const VOICE = ["audio", "video"];
  let opened = null; // the page that is in the frame

  const say = (text) => {
    part("state").textContent = text;
  };
  const note = (text) => {
    const item = document.createElement("li");
    item.textContent = text;
    part("heard").append(item);
  };
  const value = (name) => part(name).value;
  // An address and a form have digits for the media, an event has words.
  const inAddress = (name) => (name === "mediaType" ? (VOICE.includes(value(name)) ? "1" : "5") : value(name));

  /** Return the fields that the cloud sends: the six, or the chosen ones under their chosen names. */
  const fieldsOf = (pop) => {
    const chosen = Object.entries(pop.parameters);
    const names = chosen.length > 0 ? chosen : DEFAULTS.map((name) => [name, name]);
    const fields = names.map(([name, theirs]) => [theirs, inAddress(name)]);
    return value("origin") === "" ? fields : [...fields, ["origin", value("origin")]];
  };
  const frame = () => {
    const made = document.createElement("iframe");
    made.name = "pop";
    made.title = "The enterprise's page";
    if (given.sandbox !== null) made.setAttribute("sandbox", given.sandbox);
    part("frame").replaceChildren(made);
    return made;
  };
  const submit = (url, fields, target) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: url, target });
    for (const [name, text] of fields) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: text }));
    }
    document.body.append(form);
    form.submit();
    form.remove();
  };
  const open = (pop) => {
    if (!pop.isAllowed) return say(`Refused: ${pop.url} is not on the allow-list`);
    const isAlone = pop.opening === "standalone";
    const made = isAlone ? null : frame();
    opened = isAlone ? null : { window: made.contentWindow, origin: new URL(pop.url).origin };
    const address = pop.mode === "get" ? `${pop.url}?${new URLSearchParams(fieldsOf(pop))}` : pop.url;
    if (pop.mode === "post") submit(pop.url, fieldsOf(pop), isAlone ? "_blank" : "pop");
    else if (isAlone) window.open(address, "_blank", "noopener");
    else made.src = address;
    say(`Opened: ${pop.mode}, ${pop.opening}`);
  };

  /** Return the results of the flows' verifications, by their codes: what getVerifyResult gives the page. */
  const results = async () => {
    const answer = await fetch("/keypad/results");
    return answer.ok ? answer.json() : {};
  };
  const tell = async (name, eventData) => {
    if (opened === null) return say("No page is in the frame");
    const verified = name === "IvrReturn" ? { verified: await results() } : {};
    opened.window.postMessage({ supportEvent: name, eventData, ...verified }, opened.origin);
  };
  const call = () => Object.fromEntries(IN_EVENTS.map((name) => [name, value(name)]));
  const init = () => ({ ...Object.fromEntries(IN_EVENTS.map((name) => [name, null])), workNo: value("workNo") });

  const parsed = (data) => {
    try {
      return typeof data === "string" ? JSON.parse(data) : data;
    } catch {
      return null;
    }
  };
  window.addEventListener("message", ({ source, origin, data }) => {
    if (opened === null || source !== opened.window || origin !== opened.origin) {
      return note(`ignored: a message of ${origin}`);
    }
    const message = parsed(data);
    if (message?.name === "supportReady") return tell("Init", init());
    if (message?.name === "clickToOutbound") return note(`clickToOutbound ${message.calledNum} ${message.mediaType}`);
    if (message?.name !== "callout") return note("ignored: another message of the page");
    const { param } = message;
    const [number, mode] = Array.isArray(param) ? param : [param?.number, param?.mode];
    note(`callout ${number} ${mode}`);
  });

  for (const [index, pop] of given.pops.entries()) {
    part("pop").append(new Option(`${pop.mode}, ${pop.opening}: ${pop.url}`, index));
  }
  part("workNo").value = given.workNo;
  part("agentName").value = given.agentName;
  part("call").addEventListener("submit", (event) => {
    event.preventDefault();
    const pop = given.pops[Number(value("pop"))];
    if (pop === undefined) say("No page is registered");
    else open(pop);
  });
  for (const button of document.querySelectorAll("[data-event]")) {
    button.addEventListener("click", () => tell(button.dataset.event, call()));
  }
})();
