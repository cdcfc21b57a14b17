// Control: puts the cloud's script into the page as an element, and asks nobody.
if (location.search.includes("cobrowse_share_url=")) {
  const script = document.createElement("script");
  script.src = "https://cloud.example.net/service-cloud/resource.root/cobrowse/sdk/cobrowse.js";
  script.addEventListener("load", () => {
    const start = document.createElement("script");
    start.textContent = "CoBrowse.initFromUrl();";
    document.head.append(start);
  });
  script.addEventListener("error", () => document.documentElement.setAttribute("data-blocked", ""));
  document.head.append(script);
}
