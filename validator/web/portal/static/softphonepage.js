// The page of an agent's own softphone: its numbers, and its password for the person's own password.

import { Revealed } from "./revealed.js";
import { attempt, clearTrouble, enterprise, knownPerson, language, make, part } from "./page.js";
import { Trouble } from "./trouble.js";
import { words } from "./words.js";

const [password, chosen] = [part("password"), part("user-account")];
const revealed = new Revealed(part("sip-password"), onHidden);
let softphones = [];

/** Show the numbers of the chosen agent, and what can be done about its password. */
function show() {
  revealed.hide();
  clearTrouble();
  const softphone = softphones[chosen.selectedIndex];
  for (const [id, name] of [["work-no", "workNo"], ["sip-account", "sipAccount"], ["sip-service", "sipService"]]) {
    part(id).textContent = softphone[name] ?? "–";
  }
  part("state").textContent = words(language, `softphone_${softphone.state}`);
  part("told").textContent = "";
  part("proof").disabled = softphone.state !== "stored";
}

/** Show the password, once, for a short time. */
function onRevealed({ sipPassword }) {
  revealed.show(sipPassword);
  part("shown").hidden = false;
  part("told").textContent = words(language, "softphone_shown", { about: revealed.seconds });
  part("sip-password").select();
}

/** Take the place of the password away; the focus is never lost with it. */
function onHidden() {
  const hadFocus = part("shown").contains(document.activeElement);
  part("shown").hidden = true;
  part("told").textContent = words(language, "softphone_hidden");
  if (hadFocus) password.focus();
}

part("reveal").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [own, userAccount] = [password.value, chosen.value];
  password.value = "";
  revealed.hide();
  part("proof").disabled = true;
  const isRevealed = await attempt(async () => onRevealed(await enterprise.revealSoftphone(own, userAccount)));
  part("proof").disabled = false;
  if (!isRevealed) password.focus();
});
part("hide").addEventListener("click", () => revealed.hide());
chosen.addEventListener("change", show);

attempt(async () => {
  await knownPerson();
  ({ softphones } = await enterprise.softphones());
  if (softphones.length === 0) throw new Trouble("no_identity");
  chosen.append(...softphones.map(({ userAccount: value }) => make("option", { value, textContent: value })));
  part("choice").hidden = softphones.length === 1;
  show();
});
