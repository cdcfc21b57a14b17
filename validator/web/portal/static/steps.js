// The steps on the way to a working bar or chat, reported as they happen.

/**
 * Do one step; report that it has begun, and then that it is done or has failed.
 *
 * @param {(name: string, state: "begun" | "done" | "failed", about?: string) => void} report
 * @param {string} name a key of the steps in words.js
 * @param {() => T | Promise<T>} work
 * @param {(result: T) => string} [about] what to say of the result
 * @returns {Promise<T>}
 * @template T
 */
export async function step(report, name, work, about = () => "") {
  report(name, "begun");
  try {
    const result = await work();
    report(name, "done", about(result));
    return result;
  } catch (error) {
    report(name, "failed");
    throw error;
  }
}

/** Return after *milliseconds*. */
export function pause(milliseconds) {
  return new Promise((proceed) => setTimeout(proceed, milliseconds));
}

/** Reports to nobody. */
export function silently() {}
