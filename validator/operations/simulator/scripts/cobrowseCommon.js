// The second script of co-browsing, in place of the cloud's: it needs the first one.
window.canCobrowse = typeof CoBrowse === "object";
