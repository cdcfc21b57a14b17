// Co-browsing of the simulated cloud, in place of its script: shares nothing but the page's title and address.
//
// It shows "shared" or "not shared" in a corner of the page. The cloud learns of the page's end by a beacon.
var CoBrowse = (() => {
  "use strict";
  const given = {};
  // In an extension's package the script has no address.
  const source = document.currentScript?.src || `${given.cloud}/service-cloud/resource.root/`;
  const base = `${source.split("/resource.root/")[0]}/resource.root/cobrowse/sessions/`;

  const show = (text) => {
    const mark = document.getElementById("simulated-cobrowse") ?? document.createElement("output");
    Object.assign(mark, { id: "simulated-cobrowse", textContent: text });
    mark.style.cssText = "position: fixed; inset: auto auto 16px 16px; padding: 8px; background: #10243e; color: #fff;";
    document.body.append(mark);
  };

  return {
    /** Share the page for the share in its address. */
    async initFromUrl() {
      const share = new URLSearchParams(location.search).get("cobrowse_share_url");
      if (!share) return;
      const page = { title: document.title, address: location.origin + location.pathname };
      try {
        const answer = await fetch(base + encodeURIComponent(share), { method: "POST", body: JSON.stringify(page) });
        show(answer.ok ? "shared" : "not shared");
        if (answer.ok) addEventListener("pagehide", () => navigator.sendBeacon(`${base}${encodeURIComponent(share)}/end`));
      } catch {
        show("not shared");
      }
    },
  };
})();
