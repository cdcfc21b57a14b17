// The page in the cloud's frame (a screen pop): the call, whose it is, and the card of the customer.
//
// It works alone, too. Another call may come while a look-up is under way: only the last one is shown.

import { CustomerCard } from "./card.js";
import { clearTrouble, enterprise, language, make, part, settings, showTrouble } from "./page.js";
import { callOfEvent, isOwn, readCall } from "./popcall.js";
import { Support, Workbench } from "./popframe.js";
import { WindowLogin } from "./poplogin.js";
import { Trouble } from "./trouble.js";
import { VerificationView } from "./verification.js";
import { words } from "./words.js";

const FACTS = ["direction", "media", "queue", "workNo", "state"];
const IN_OUR_WORDS = ["direction", "media", "state"];
const CALL_ID = /^\d{1,20}-\d{1,20}$/; // of the cloud: anything else is not recorded with a look-up
const OF_SEARCH = { callid: "", media: "", direction: "", workNo: "", agentName: "", queue: "" };

const workbench = new Workbench(JSON.parse(settings.cloudOrigins));
const login = new WindowLogin(enterprise, `${settings.portal}/login`);
const card = new CustomerCard(part("customer-card"), {
  language,
  lookUp: (number, callid) => knowing(enterprise.lookUpCustomer(number, CALL_ID.test(callid) ? callid : undefined)),
  unmask: (number, ref, field) => knowing(enterprise.unmask(number, ref, field)),
  callOut: workbench.isAround && "callOut" in part("customer-card").dataset ? callOut : null,
});
const verification = newVerification(part("verification"));
let phone = workbench; // or the cloud's script
let session = null;
let call = null;
let presentedOrigin = ""; // in the address: compared, and never a target

/** Return the query or the form that the page was opened with, once: nothing that is loaded later finds it. */
function presented() {
  const text = settings.form || globalThis.presentedQuery;
  delete globalThis.presentedQuery;
  delete part("content").dataset.form;
  return text;
}

/** Do *work*; what goes wrong is shown. */
async function during(work) {
  try {
    await work();
  } catch (error) {
    if (error.key === "session_ended") forget();
    else showTrouble(error);
  }
}

/** Return what *answer* comes to, unless its person has logged out; when the session has ended, let one log in. */
async function knowing(answer) {
  const asking = session;
  try {
    const result = await answer;
    if (session !== asking) throw new Trouble("session_ended");
    return result;
  } catch (error) {
    if (error.key === "session_ended" && session === asking) forget();
    throw error;
  }
}

/** Show *next*: what is known of the call, and once somebody is logged in whose call it is and the customer. */
function show(next) {
  call = next;
  clearTrouble();
  warn();
  showFacts();
  return showCustomer();
}

/** Show the call that the page was opened with; one that another site may have made up waits for a click. */
async function showOpened(opened) {
  if (workbench.isOpenedByCloud) return show(opened);
  part("number").value = opened.number;
  throw new Trouble("call_unproven");
}

/** Warn of a page that is around this one and should not be. */
function warn() {
  return during(() => workbench.check(presentedOrigin));
}

async function showCustomer() {
  part("customer").hidden = true;
  showVerification(false);
  if (session === null || call === null) return;
  const { number, callid, workNo, agentName } = call;
  if (!isOwn(call, session)) throw new Trouble("call_of_another", { words: agentName || workNo });
  showVerification(true);
  if (number === "") throw new Trouble("number_missing");
  part("customer").hidden = false;
  await card.show({ number, callid });
}

/** Return the view of verifications in *place*; null on a page without one. The cloud's script could reset, too. */
function newVerification(place) {
  if (place === null) return null;
  return new VerificationView(place, {
    language,
    latest: (callid) => knowing(enterprise.latestVerification(callid)),
    reset: null,
  });
}

/** Offer the verification of the call, by this enterprise's record, whatever the cloud's script says; or hide it. */
function showVerification(isShown) {
  if (verification === null) return;
  part("verification-card").hidden = !isShown;
  if (isShown) verification.show(CALL_ID.test(call.callid) ? call.callid : "");
}

/** Show what is known of the call itself; every value is text. */
function showFacts() {
  const known = FACTS.filter((name) => call[name]);
  const rows = known.flatMap((name) => [
    make("dt", { textContent: words(language, `call_${name}`) }),
    make("dd", { textContent: valueOf(name), dir: "auto" }),
  ]);
  part("call-facts").replaceChildren(...rows);
  part("call").hidden = known.length === 0;
}

function valueOf(name) {
  return IN_OUR_WORDS.includes(name) ? words(language, `${name}_${call[name]}`) : call[name];
}

/** An event of the cloud's script: another call, or another state of the one that is shown. */
async function heard(name, data) {
  const next = callOfEvent(data);
  if (next === null) return;
  const state = name.toLowerCase();
  if (next.callid !== "" && next.callid === call?.callid) {
    call = { ...call, state };
    showFacts();
    if (name === "IvrReturn" && session !== null && isOwn(call, session)) showVerification(true);
  } else if (name !== "Release") {
    await show({ ...next, state });
  }
}

/** Go on as the person of *known*. */
async function know(known) {
  session = known;
  part("who").textContent = session.account;
  part("log-out").hidden = part("search").hidden = false;
  part("log-in").hidden = true;
  if (call !== null) await show(call);
}

/** Go on without a person, and let one log in. */
function forget() {
  session = null;
  part("who").textContent = "";
  part("log-out").hidden = part("search").hidden = part("customer").hidden = true;
  part("customer-card").replaceChildren();
  showVerification(false);
  part("log-in").hidden = false;
}

function callOut(number) {
  return during(() => phone.callOut(number, call.media === "video" ? "video" : "audio"));
}

async function logOut() {
  await enterprise.endPop();
  forget();
}

async function begin() {
  const text = presented();
  const hearsOfCalls = settings.supportScript !== "" && workbench.isAround;
  part("standalone").hidden = !workbench.isAround;
  await during(async () => {
    if (settings.formTrouble) throw new Trouble(settings.formTrouble);
    const { call: opened, origin } = readCall(text, JSON.parse(settings.names));
    presentedOrigin = origin;
    if (opened !== null) await showOpened(opened);
    else if (!hearsOfCalls) throw new Trouble("call_missing");
  });
  if (hearsOfCalls) {
    await during(async () => {
      phone = await Support.load(settings.supportScript, (...event) => during(() => heard(...event)));
    });
  }
  await during(async () => know(await enterprise.popSession()));
  await warn();
}

part("open-login").addEventListener("click", () => during(() => login.begin()));
part("log-out").addEventListener("click", () => during(logOut));
part("search").addEventListener("submit", (event) => {
  event.preventDefault();
  during(() => show({ ...OF_SEARCH, number: part("number").value.trim() }));
});
login.hear((known) => during(() => know(known)), showTrouble);
begin();
