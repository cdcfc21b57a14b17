// Runs the cloud's script in the page whose person has said yes: in that document, and in no later one of its tab.

const SCRIPT = "cobrowse.js";
const REMOTE = "";

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  if (message !== "share" || sender.frameId !== 0) return false;
  share(sender).then(answer, (error) => answer(String(error)));
  return true;
});

/** Return "shared", or what went wrong. */
async function share({ tab, documentId }) {
  if (!documentId) return "this browser does not name the document";
  const page = { target: { tabId: tab.id, documentIds: [documentId] }, world: "MAIN" };
  if (REMOTE === "") await chrome.scripting.executeScript({ ...page, files: [SCRIPT] });
  const [{ result }] = await chrome.scripting.executeScript({ ...page, func: beginSharing, args: [REMOTE] });
  return result;
}

/** In the page: have the cloud's script share it, loaded from *remote* unless that is empty. */
async function beginSharing(remote) {
  try {
    if (remote !== "") {
      const script = Object.assign(document.createElement("script"), { src: remote });
      await new Promise((proceed, fail) => {
        script.addEventListener("load", proceed);
        script.addEventListener("error", () => fail(new Error("blocked, or not found")));
        document.head.append(script);
      });
    }
    CoBrowse.initFromUrl();
    return "shared";
  } catch (error) {
    return String(error);
  }
}
