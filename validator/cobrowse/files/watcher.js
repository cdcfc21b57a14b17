// In every page of the named sites, apart from the page's own scripts: asks on one that was opened with a share link.

const GIVEN = {};

async function watchPage() {
  const { cloud, places } = GIVEN;
  if (globalThis.top !== globalThis || !mayShare(location.href, places)) return;
  const sharing = { cloud: new URL(cloud).host, language: navigator.language };
  const share = presentedShare(location.href, cloud);
  if (share === "refused") showNotShared({ ...sharing, why: "refused" });
  if (share !== "given") return;
  const isWanted = await askToShare(sharing);
  rename((isWanted ? plainShare : withoutShare)(location.href));
  if (!isWanted || !mayShare(location.href, places)) return;
  const result = await chrome.runtime.sendMessage("share").catch(String);
  if (result === "shared") {
    showSharing({ ...sharing, state: "shared", stop: stopSharing });
    stopWherePrivate(places);
  } else {
    showNotShared({ ...sharing, why: "failed" });
  }
}

/** Stop when a script of the page changes its address to one that may not be shared. */
function stopWherePrivate(places) {
  const check = () => {
    if (!mayShare(location.href, places)) stopSharing();
  };
  if ("navigation" in globalThis) navigation.addEventListener("currententrychange", check);
  else setInterval(check, 250);
  check();
}

/** Load the page again, without the parameter: the cloud's script has no documented way to end. */
function stopSharing() {
  rename(withoutShare(location.href));
  location.reload();
}

function rename(address) {
  history.replaceState(history.state, "", address);
}

watchPage();
