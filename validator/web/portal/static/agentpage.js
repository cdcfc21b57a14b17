// The page of the agent bar.

import { startAgentBar } from "./agentbar.js";
import { EVERY_EVENT } from "./events.js";
import { attempt, context, enterprise, knownPerson, make, part, report, tell, watchCloud } from "./page.js";
import { Trouble } from "./trouble.js";

const MAX_ROWS = 200;

let bar = null;
let stopWatching = () => {};

/** Load the bar for *userAccount*. */
async function load(userAccount) {
  stopWatching();
  stopWatching = watchCloud();
  const token = () => enterprise.agentToken(userAccount);
  bar = await startAgentBar({ token, context, report });
  makeRoom(bar.frame);
  bar.on(EVERY_EVENT, show);
  part("call").disabled = false;
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
  const [number, mode] = [part("number").value, part("mode").value];
  attempt(() => {
    bar.callOut(number, mode);
    tell("calling", number);
  });
});

attempt(async () => {
  const { userAccounts } = await knownPerson();
  if (userAccounts.length === 0) throw new Trouble("no_identity");
  await (userAccounts.length === 1 ? load(userAccounts[0]) : offer(userAccounts));
});
