// The share link of co-browsing: the parameter that a page is opened with, and the page's address without it.

const PARAMETER = "cobrowse_share_url";
const PARAMETERS = [PARAMETER, `amp;${PARAMETER}`]; // the second one where a link was escaped once too often
const MAX_SHARE = 2048; // characters

/**
 * Return what the page at *address* was opened with: "none", a share that is "given", or one that is "refused".
 *
 * It is refused if it is there twice, too long, or names another origin than the *cloud*'s and the page's. How a
 * share looks is not documented.
 *
 * @param {string} address
 * @param {string} cloud its origin
 */
export function presentedShare(address, cloud) {
  const page = new URL(address);
  const isShare = ([name]) => PARAMETERS.includes(name);
  const values = [...page.searchParams].filter(isShare).map(([, value]) => value);
  if (values.every((value) => value === "")) return "none";
  const [value] = values;
  const isRefused = values.length > 1 || value.length > MAX_SHARE || isForeign(value, [cloud, page.origin]);
  return isRefused ? "refused" : "given";
}

/** Return *address* without the parameter; everything else in it stays as it is. */
export function withoutShare(address) {
  return rewritten(address, () => []);
}

/** Return *address* with the parameter as the cloud's script reads it. */
export function plainShare(address) {
  return rewritten(address, (piece) => [piece.replace(/^[^=]*/, PARAMETER)]);
}

/** Return whether *value* is the URL of an origin that is not *known*, also after it is decoded again. */
function isForeign(value, known) {
  const url = parsed(value, known[0]);
  if (url !== null && !known.includes(url.origin)) return true;
  const decoded = decodedOnce(value);
  return decoded !== value && isForeign(decoded, known);
}

function parsed(value, base) {
  try {
    return new URL(value, base);
  } catch {
    return null; // no address of anything
  }
}

function decodedOnce(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function rewritten(address, change) {
  const url = new URL(address);
  const pieces = url.search.slice(1).split("&");
  url.search = pieces.flatMap((piece) => (PARAMETERS.includes(nameIn(piece)) ? change(piece) : [piece])).join("&");
  return url.href;
}

function nameIn(piece) {
  return [...new URLSearchParams(piece).keys()][0];
}
