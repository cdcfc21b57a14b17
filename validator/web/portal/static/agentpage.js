// The page of the agent bar.

import { startAgentBar } from "./agentbar.js";
import { onEndedCalls, postReport } from "./barcalls.js";
import { CustomerCard } from "./card.js";
import { EVERY_EVENT } from "./events.js";
import { OtherLogin } from "./otherlogin.js";
import { attempt, context, enterprise, knownPerson, language, make, part, report, showTrouble, tell, watchCloud } from "./page.js";
import { onCalls } from "./ringing.js";
import { Trouble } from "./trouble.js";
import { VerificationView } from "./verification.js";

const MAX_ROWS = 200;

let bar = null;
let reported = null; // what reports the bar's ended calls, null where they are not stored
let stopWatching = () => {};
const card = newCard(part("customer-card"));
const verification = newVerification(part("verification"));
const otherLogin = newOtherLogin(part("other-login"));

/** Load the bar for *userAccount*. */
async function load(userAccount) {
  stopWatching();
  stopWatching = watchCloud();
  const token = async () => {
    const issued = await enterprise.agentToken(userAccount);
    otherLogin?.show(issued.otherLogin);
    return issued;
  };
  bar = await startAgentBar({ token, context, report });
  makeRoom(bar.frame);
  bar.on(EVERY_EVENT, show);
  bar.on(EVERY_EVENT, () => otherLogin?.check());
  onCalls(bar, (call) => {
    card?.show(call);
    verification?.show();
  });
  if ("reports" in part("call-out").dataset) reported = reportCalls(userAccount);
  part("call").disabled = false;
}

/** Report each ended call of *userAccount*. */
function reportCalls(userAccount) {
  return onEndedCalls(bar, (call) => postReport((report) => enterprise.reportCall(report), { userAccount, ...call }));
}

/** Return what says of other logins of the agent in *place*; null on a page where they mean nothing. */
function newOtherLogin(place) {
  if (place === null) return null;
  const session = "ends" in place.dataset ? () => enterprise.session() : null;
  return new OtherLogin(place, { language, session, onEnded: showTrouble });
}

/** Return the card in *place*; null on a page without one. */
function newCard(place) {
  if (place === null) return null;
  return new CustomerCard(place, {
    language,
    lookUp: (number, callid) => enterprise.lookUpCustomer(number, callid),
    unmask: (number, ref, field) => enterprise.unmask(number, ref, field),
    callOut: "callOut" in place.dataset ? (number) => callOut(number, "audio") : null,
  });
}

/** Return the view of verifications in *place*; null on a page without one. The bar's events do not name the call. */
function newVerification(place) {
  if (place === null) return null;
  return new VerificationView(place, {
    language,
    latest: (callid) => enterprise.latestVerification(callid),
    reset: (callid) => enterprise.resetVerification(callid),
  });
}

/** Hand a call to the bar, and say so. */
function callOut(number, mode) {
  attempt(() => {
    bar.callOut(number, mode);
    reported?.placed(number);
    tell("calling", number);
  });
}

/** Put an event on top of the table. */
function show({ eventType, workNo, content }) {
  part("no-events")?.remove();
  const time = new Date().toLocaleTimeString(document.documentElement.lang);
  const said = typeof content === "string" ? content : JSON.stringify(content);
  // Where there is little room a name is broken after an underscore, not within a word.
  const name = eventType.split(/(?<=_)/).flatMap((word) => [word, make("wbr")]);
  const cells = [[time], name, [workNo], [said]].map((content) => make("td", {}, ...content));
  part("events").prepend(make("tr", {}, ...cells));
  while (part("events").rows.length > MAX_ROWS) part("events").lastElementChild.remove();
}

/** Keep the page clear of a bar that lies across its top, also when it is scrolled to what has the focus. */
function makeRoom(frame) {
  const { top, bottom } = frame.getBoundingClientRect();
  const liesOnTop = getComputedStyle(frame).position === "fixed" && top <= 0 && bottom < innerHeight / 2;
  if (liesOnTop) document.documentElement.style.setProperty("--bar", `${bottom}px`);
}

/** Let a person with several accounts at the cloud choose one. */
function offer(userAccounts) {
  part("user-account").append(...userAccounts.map((value) => make("option", { value, textContent: value })));
  part("choice").hidden = false;
  part("user-account").focus();
}

/** Load the bar for the account that was chosen; without one the choice, and the focus, are there again. */
async function chosen() {
  part("choice").hidden = true;
  if (await attempt(() => load(part("user-account").value))) return;
  part("choice").hidden = false;
  part("user-account").focus();
}

part("choice").addEventListener("submit", (event) => {
  event.preventDefault();
  chosen();
});

part("call-out").addEventListener("submit", (event) => {
  event.preventDefault();
  callOut(part("number").value, part("mode").value);
});

attempt(async () => {
  const { userAccounts } = await knownPerson();
  if (userAccounts.length === 0) throw new Trouble("no_identity");
  await (userAccounts.length === 1 ? load(userAccounts[0]) : offer(userAccounts));
});
