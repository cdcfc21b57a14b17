// The agent bar in its frame. The page above asks for events ({"name": "eventpost", "param": [names]}) and for
// calls ({"name": "callout", "param": [number, mode]} or {"number", "mode"}), as text or as an object; an event
// that was asked for goes up as {event: {content, workNo, eventType}, message, retcode}.
(() => {
  "use strict";
  const given = JSON.parse(document.body.dataset.given);
  const part = (id) => document.getElementById(id);
  const wanted = new Set();
  let page = null; // the origin that asked for events
  let call = null;

  const say = (text) => {
    part("state").textContent = text;
  };
  const tell = (eventType, content = "") => {
    if (page === null || !wanted.has(eventType)) return;
    const event = { content, workNo: given.workNo, eventType };
    window.parent.postMessage({ event, message: "", retcode: "0" }, page);
  };
  const show = () => {
    part("ring").disabled = call !== null;
    part("answer").disabled = call === null || call.isTalking;
    part("release").disabled = call === null;
  };

  const ring = (number) => {
    call = { number, isTalking: false };
    say(`Ringing: ${number}`);
    tell("AgentOther_PhoneAlerting", number);
    show();
  };
  const talk = (words) => {
    call.isTalking = true;
    say(words);
    tell("AgentState_Busy", call.number);
    tell("AgentEvent_Talking", call.number);
    show();
  };
  const release = () => {
    const { number } = call;
    call = null;
    say("After-call work");
    tell("AgentEvent_Call_Release", number);
    tell("AgentState_Work");
    show();
  };
  const become = (words, ...events) => {
    say(words);
    events.forEach((event) => tell(event));
  };
  const callOut = (number, mode) => {
    if (!/^\+?[0-9*#]{1,32}$/.test(number) || !["audio", "video"].includes(mode) || call !== null) {
      say(`Cannot call ${number}`);
      tell("AgentEvent_Call_Out_Fail", number);
      return;
    }
    call = { number, isTalking: false };
    talk(`Calling ${number} (${mode})`);
  };

  const read = (data) => {
    if (typeof data !== "string") return data;
    try {
      return JSON.parse(data);
    } catch {
      return null;
    }
  };
  window.addEventListener("message", ({ source, origin, data }) => {
    const asked = source === window.parent ? read(data) : null;
    if (asked?.name === "eventpost" && Array.isArray(asked.param)) {
      page = origin;
      asked.param.forEach((name) => wanted.add(String(name)));
    } else if (asked?.name === "callout" && asked.param) {
      const [number, mode] = Array.isArray(asked.param) ? asked.param : [asked.param.number, asked.param.mode];
      callOut(String(number), String(mode));
    }
  });

  part("who").textContent = `${given.userAccount}, work number ${given.workNo}`;
  part("ring").addEventListener("click", () => ring("88889007"));
  part("answer").addEventListener("click", () => talk(`Talking to ${call.number}`));
  part("release").addEventListener("click", release);
  part("ready").addEventListener("click", () =>
    become("Ready", "AgentState_CancelNotReady_Success", "AgentState_Ready"),
  );
  part("busy").addEventListener("click", () => become("Not ready", "AgentState_SetNotReady_Success"));
  part("rest").addEventListener("click", () => become("Resting", "AgentState_SetRest_Success"));
})();
