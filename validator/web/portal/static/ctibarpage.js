// The page of the other call centre's bar: states, calls, who is calling, and what is said.

import { CustomerCard } from "./card.js";
import { CentreBar, loadScript, speechOf } from "./centrebar.js";
import { attempt, clearTrouble, enterprise, knownPerson, language, make, part, report, settings, showTrouble, tell } from "./page.js";
import { step } from "./steps.js";
import { Trouble } from "./trouble.js";
import { troubleWords, words } from "./words.js";

const MAX_LINES = 200;
const CALL_ID = /^[0-9A-Za-z-]{1,64}$/;
const INTERNAL = "INTERNAL";
const OUTBOUND = "OUTBOUND";
// What each callback of the centre means: the key of its words, and which actions it makes possible.
const MEANINGS = {
  onConnect: ["connected", "out"],
  onLogin: ["signed_in", "in"],
  onLogout: ["signed_off", "out"],
  onReady: ["ready", null],
  onBusy: ["busy", null],
  onRest: ["rest", null],
  onRing: ["ringing", "ringing"],
  onCalleeAnswer: ["talking", "talking"],
  onHangup: ["ended", "in"],
  onDisconnect: ["connecting", "off"],
};

const card = newCard(part("customer-card"));
let bar = null;

/** Return the card in *place*; null on a page without one. */
function newCard(place) {
  if (place === null) return null;
  return new CustomerCard(place, {
    language,
    lookUp: (number, callid) => enterprise.lookUpCustomer(number, callid),
    unmask: (number, ref, field) => enterprise.unmask(number, ref, field),
    callOut: "callOut" in place.dataset ? (number) => attempt(() => callOut(number)) : null,
  });
}

/** Show what the centre says. */
function hear(name, data) {
  const [key, phase] = MEANINGS[name] ?? [null, null];
  if (key !== null) showState(key);
  if (phase !== null) enable(phase);
  if (name === "onConnect") clearTrouble();
  if (name === "retry") showState("retry", data.seconds);
  if (name === "onLogin") part("extension").textContent = String(data?.extNo ?? "–");
  if (name === "onRing") ring(data);
  if (name === "onAnswer") answered(data);
  if (name === "onAsrResult") addLine(speechOf(data));
}

function showState(key, about = "") {
  part("bar-state").textContent = words(language, `centre_${key}`, { about });
}

/** Let the agent do what is possible in the *phase* "off", "out", "in", "ringing" or "talking". */
function enable(phase) {
  const isIn = !["off", "out"].includes(phase);
  for (const button of document.querySelectorAll("[data-act]")) {
    const phases = button.dataset.on.split(" ");
    button.disabled = !phases.includes(phase) && !(isIn && phases.includes("in"));
  }
  part("call").disabled = phase !== "in";
}

/** Show a call that rings, and who is calling. */
function ring({ callId, number, direction, hasSpeech }) {
  part("call-number").textContent = number;
  part("call-note").textContent = direction === "" ? "" : words(language, `centre_${direction}`);
  part("transcript").replaceChildren();
  part("transcript").hidden = !hasSpeech;
  const known = CALL_ID.test(callId) ? callId : undefined;
  if (known !== undefined) note(known);
  if (direction === INTERNAL) {
    part("customer-card")?.replaceChildren(make("p", { className: "note", textContent: words(language, "centre_internal") }));
  } else {
    card?.show({ number, callid: known });
  }
}

function answered(data) {
  showState(data?.direction === OUTBOUND ? "calling" : "talking");
  enable("talking");
}

/** Have the call's record expected; that this failed is nothing that an agent can do about. */
async function note(callId) {
  try {
    await enterprise.callSeen(callId);
  } catch (error) {
    const { status = 0, requestId } = error.facts ?? {};
    const about = requestId === undefined ? [] : [`(${requestId})`];
    console.warn(troubleWords(language, new Trouble("centre_unseen", { status })), ...about);
  }
}

function addLine(text) {
  part("transcript").hidden = false;
  part("transcript").append(make("li", { textContent: text, dir: "auto" }));
  while (part("transcript").children.length > MAX_LINES) part("transcript").firstElementChild.remove();
}

/** Have the server call *number*, once the agent is busy: then no call comes in meanwhile. */
async function callOut(number) {
  await bar.becomeBusy();
  await enterprise.centreCall(number);
  tell("centre_requested", number);
}

/** Do what *button* is for. */
function act({ dataset: { act: name }, textContent }) {
  const [method, type] = name.split(" ");
  const isPassedOn = type !== undefined || method === "consult";
  bar.act(method, isPassedOn ? part("target").value.trim() : undefined, type);
  if (isPassedOn || /hold|consult/.test(method)) tell("centre_requested", textContent);
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => attempt(() => act(button)));
}
part("pass-on").addEventListener("submit", (event) => event.preventDefault());
part("call-out").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => callOut(part("number").value.trim()));
});

attempt(async () => {
  await knownPerson();
  const Ctibar = await step(report, "centre", () => loadScript(settings.centreScript));
  bar = new CentreBar({
    session: (refused) => enterprise.centreSession(refused),
    create: (config, callback) => new Ctibar(config, callback),
    tell: hear,
    fail: showTrouble,
  });
  showState("connecting");
  await bar.start();
});
