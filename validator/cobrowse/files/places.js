// Which pages may be shared: those of the named sites, except the private ones.

/**
 * Return whether the page at *address* may be shared.
 *
 * A server may take other spellings of a path for the same page: capitals, escapes, parameters after a semicolon,
 * double and final slashes. A private page is private in each of them; one that cannot be read is private, too.
 *
 * @param {string} address
 * @param {{sites: string[], private: string[]}} places as patterns, such as "https://shop.example.com/help/*"
 */
export function mayShare(address, places) {
  const { protocol, hostname, pathname } = new URL(address);
  const path = plainPath(pathname);
  if (protocol !== "https:" || path === null) return false;
  const isPrivate = ({ host, path: wanted }) =>
    isHost(host, hostname) && [path, `${path}/`].some((spelling) => isPath(plainPath(wanted), spelling));
  if (places.private.map(partsOf).some(isPrivate)) return false;
  return places.sites.map(partsOf).some(({ host, path: wanted }) => isHost(host, hostname) && isPath(wanted, pathname));
}

function partsOf(pattern) {
  const [, host, path] = /^https:\/\/([^/]+)(\/.*)$/.exec(pattern);
  return { host, path };
}

function isHost(wanted, host) {
  if (!wanted.startsWith("*.")) return host === wanted;
  return host === wanted.slice(2) || host.endsWith(wanted.slice(1));
}

function isPath(wanted, path) {
  const escaped = wanted.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`, "s").test(path);
}

/** Return *path* in its plainest spelling, without a final slash; null if it cannot be decoded. */
function plainPath(path) {
  try {
    let [plain, before] = [path, null];
    while (plain !== before) {
      before = plain;
      plain = decodeURI(new URL(`https://host${decodeURIComponent(plain).replace(/[?#]/g, "-")}`).pathname);
    }
    return plain.toLowerCase().replace(/;[^/]*/g, "").replace(/\/{2,}/g, "/").replace(/\/$/, "");
  } catch {
    return null;
  }
}
