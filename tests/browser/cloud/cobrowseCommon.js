// What a page loads with a script element, without any Origin.
window.canCobrowse = true;
