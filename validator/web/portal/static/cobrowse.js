// Co-browsing: this page is shared with an agent of the cloud after its person has said so.
//
//   offerSharing({ button: document.getElementById("share"), context: contextPath() });
//
// The cloud's two scripts can do what the page can, and so are not loaded before that. They share the frame that
// they are in, and only that: in a frame of another page nothing is asked.

import { askToShare, showNotShared, showSharing } from "./cobrowsequestion.js";
import { plainShare, presentedShare, withoutShare } from "./cobrowseshare.js";

const COBROWSE_SCRIPTS = ["/resource.root/cobrowse/sdk/cobrowse.js", "/webclient/chat_client/js/cobrowseCommon.js"];

/**
 * Ask at once on a page that was opened with a share link, and whenever *button* is clicked.
 *
 * @param {object} options
 * @param {HTMLElement | null} options.button has the cloud's origin, which the question names, as `data-cloud`, and is
 *   hidden until it works; null on a page that cannot be shared
 * @param {string} options.context where the cloud's paths are for this page: an origin, and /service-cloud
 * @param {string} [options.language]
 */
export function offerSharing({ button, context, language = document.documentElement.lang }) {
  if (button === null || globalThis.top !== globalThis) return;
  const cloud = new URL(button.dataset.cloud);
  const sharing = { cloud: cloud.host, context, language };
  const share = presentedShare(location.href, cloud.origin);
  if (share === "refused") showNotShared({ ...sharing, why: "refused" });
  if (share === "given") begin(sharing, true);
  button.addEventListener("click", () => begin(sharing, false));
  button.hidden = share === "given";
}

/** Ask, load the cloud's scripts, and with *isInvited* have them share the page with the agent of the link. */
async function begin(sharing, isInvited) {
  if (!(await askToShare(sharing))) {
    rename(withoutShare(location.href));
    return;
  }
  try {
    if (isInvited) rename(plainShare(location.href));
    for (const path of COBROWSE_SCRIPTS) await loadCobrowse(sharing.context + path);
    if (isInvited) globalThis.CoBrowse.initFromUrl();
    showSharing({ ...sharing, state: isInvited ? "shared" : "ready", stop: stopSharing });
  } catch {
    showNotShared({ ...sharing, why: "failed" });
  }
}

/** Load the page again, without the parameter: the cloud's scripts have no documented way to end. */
function stopSharing() {
  rename(withoutShare(location.href));
  location.reload();
}

function rename(address) {
  history.replaceState(history.state, "", address);
}

function loadCobrowse(url) {
  const script = document.createElement("script");
  script.nonce = document.querySelector("script[nonce]")?.nonce ?? "";
  script.src = url;
  return new Promise((proceed, fail) => {
    script.addEventListener("load", proceed);
    script.addEventListener("error", () => fail(new Error(url)));
    document.head.append(script);
  });
}
