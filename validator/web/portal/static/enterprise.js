// The enterprise's own routes: log in, have tokens issued, have a guest signed in.

import { Trouble, troubleOfCentre, troubleOfEnterprise } from "./trouble.js";

const LOOK_UP_TIMEOUT = 5000; // milliseconds; the server gives a source of customers 1.5 seconds
const CENTRE_TIMEOUT = 20_000; // milliseconds; the server logs in at the other centre, and may do so twice

/** The enterprise's server; every method throws a Trouble when it refuses or cannot be reached. */
export class Enterprise {
  #base;

  /** @param {string} [base] its origin; a page of another one may only use `guest` and `authorization` */
  constructor(base = "") {
    this.#base = base;
  }

  /** Begin a session, kept in a cookie; return who it is: `account`, `userAccounts`, `userName`, … */
  logIn(account, password) {
    return this.#askJson("/api/v1/login", { account, password });
  }

  /** Return whose session it is. */
  session() {
    return this.#askJson("/api/v1/session");
  }

  /** End the session. */
  async logOut() {
    await this.#ask("/api/v1/logout", {});
  }

  /** Return a code with which a page in the cloud's frame logs in the person of this session: `popCode`. */
  async popCode() {
    return { popCode: (await this.#askJson("/api/v1/pop/codes", {})).code };
  }

  /** Exchange *code* for a cookie of the frame; return whose session it is: `account`, `userAccounts`, `workNos`. */
  beginPop(code) {
    return this.#askJson("/api/v1/pop/session", { code });
  }

  /** Return whose session it is, on a page in the cloud's frame or alone. */
  popSession() {
    return this.#askJson("/api/v1/pop/session");
  }

  /** End the session, from a page in the cloud's frame. */
  async endPop() {
    await this.#ask("/api/v1/pop/logout", {});
  }

  /** Return an agent's token with the fields the cloud wants; of a person with several accounts, for the one named. */
  agentToken(userAccount) {
    return this.#askJson("/api/v1/tokens/agent", userAccount === undefined ? {} : { userAccount });
  }

  /** Return a customer's token with the fields the cloud wants. */
  chatToken() {
    return this.#askJson("/api/v1/tokens/chat", {});
  }

  /** Return which customers have *number*: `found`, `more`, `customers`; the look-up is recorded, with *callid*. */
  lookUpCustomer(number, callid) {
    return this.#askJson("/api/v1/customers/lookup", { number, callid }, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Return the whole `value` of a masked *field* of the customer *ref* with *number*; that is recorded. */
  unmask(number, ref, field) {
    return this.#askJson("/api/v1/customers/unmask", { number, ref, field }, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Return `verification`: how that of the call *callid* ended, or null; without a call the last one. */
  latestVerification(callid) {
    return this.#askJson("/api/v1/verifications/latest", callid ? { callid } : {}, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Forget the attempts at the customer of the call *callid*. */
  async resetVerification(callid) {
    await this.#ask("/api/v1/verifications/reset", callid ? { callid } : {}, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Return `softphones`, one for each agent of the person: `userAccount`, `workNo`, `sipAccount`, `sipService`, `state`. */
  softphones() {
    return this.#askJson("/api/v1/softphone");
  }

  /** Return the `sipPassword` of the agent *userAccount*, for the person's own *password*; that is recorded. */
  async revealSoftphone(password, userAccount) {
    try {
      return await this.#askJson("/api/v1/softphone/reveal", { password, userAccount });
    } catch (error) {
      throw error.facts?.status === 404 ? new Trouble("softphone_gone", error.facts) : error;
    }
  }

  /**
   * Return how the bar of the other centre connects: `url`, `token`, `extNo`, `expiresAt` (seconds since 1970). With
   * the `expiresAt` of a token that was *refused*, another one.
   */
  async centreSession(refused = null) {
    try {
      const content = refused === null ? {} : { refused };
      return await this.#askJson("/api/v1/ctibar/session", content, AbortSignal.timeout(CENTRE_TIMEOUT));
    } catch (error) {
      throw troubleOfCentre(error, "centre_refused");
    }
  }

  /** Have the other centre call *number*, with the agent's telephone; return its `callId`. */
  async centreCall(number) {
    try {
      return await this.#askJson("/api/v1/calls", { callee: number }, AbortSignal.timeout(CENTRE_TIMEOUT));
    } catch (error) {
      throw troubleOfCentre(error, "callee_refused");
    }
  }

  /** Have the record of the call *callId* expected, which rings at the agent's bar. */
  async callSeen(callId) {
    await this.#ask("/api/v1/calls/seen", { callId }, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Have the ended call of *report* stored as a record: see `onEndedCalls`, and the agent's `userAccount`. */
  async reportCall(report) {
    await this.#ask("/api/v1/calls/own", report, AbortSignal.timeout(LOOK_UP_TIMEOUT));
  }

  /** Return this browser's guest: `thirdUserId`. */
  guest() {
    return this.#askJson("/webchat/guest", {});
  }

  /** Return the `line` that proves a guest to the cloud, for exactly the four values in *fields*. */
  async authorization(fields) {
    const answer = await this.#ask("/webchat/authorizationService", fields);
    return { line: (await answer.text()).trim(), requestId: requestIdOf(answer) };
  }

  async #askJson(path, content, signal) {
    const answer = await this.#ask(path, content, signal);
    return { ...(await answer.json()), requestId: requestIdOf(answer) };
  }

  async #ask(path, content, signal) {
    const options = { credentials: "include", cache: "no-store", redirect: "error", signal };
    if (content !== undefined) {
      Object.assign(options, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(content),
      });
    }
    const answer = await fetch(this.#base + path, options).catch((cause) => {
      throw new Trouble("network", { cause });
    });
    if (!answer.ok) throw troubleOfEnterprise(answer, await answer.json().catch(() => ({})));
    return answer;
  }
}

function requestIdOf(answer) {
  return answer.headers.get("X-Request-ID") ?? undefined;
}
