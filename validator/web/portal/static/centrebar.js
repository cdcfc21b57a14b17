// The bar of the other call centre: its script, its connection, and what it does for the agent.
//
// The server logs in at the centre; the token goes from there to the centre's script, and nowhere else: it is in no
// address, element, log or storage. The connection is made again after it ends, and before the token expires.

import { Trouble } from "./trouble.js";

/** The callbacks of the centre's script. */
export const EVENTS = Object.freeze([
  ...["onConnect", "onDisconnect", "onLogin", "onLogout", "onReady", "onBusy", "onRest"],
  ...["onRing", "onAnswer", "onCalleeAnswer", "onHangup", "onAsrResult"],
]);
export const QUEUE = "to_queue";
export const PHONE = "to_phone";

const DIRECTIONS = ["INBOUND", "OUTBOUND", "INTERNAL"];
const CHOICES = ["ready", "busy", "rest"];
const STATES = { onReady: "ready", onBusy: "busy", onRest: "rest" };
const TARGET = /^[+0-9A-Za-z*#_-]{1,64}$/;
const MAX_TEXT = 2000; // characters of anything that the centre sends
const SECOND = 1000; // milliseconds
const PATIENCE = 15 * SECOND; // for the connection, and for "busy"
const MAX_DELAY = 30 * SECOND;
const BEFORE_EXPIRY = 300; // seconds; the server gets another token ten minutes before
const MIN_RENEWAL = 30; // seconds
const MAX_RENEWAL = 86_400; // seconds
const FOR_GOOD = ["session_ended", "centre_unlinked", "centre_refused", "not_allowed"];

/** The agent's bar. */
export class CentreBar {
  #session;
  #create;
  #tell;
  #fail;
  #timers;
  #bar = null;
  #live = null; // the present connection: an earlier one's events do not count
  #expiresAt = null;
  #attempt = 0;
  #failures = 0;
  #timer = null; // for the next attempt, or for one that takes long
  #renewal = null;
  #isRenewalDue = false;
  #isConnected = false;
  #isSignedIn = false; // or is to be, after a connection that was lost
  #state = null; // "ready", "busy" or "rest", as the centre said
  #wanted = null; // as the agent chose
  #isInCall = false;
  #waiting = []; // for "busy"

  /**
   * @param {object} options
   * @param {(refused: ?number) => Promise<{url, token, expiresAt}>} options.session see `Enterprise.centreSession`
   * @param {(config, callback) => object} options.create makes the centre's `Ctibar`
   * @param {(name: string, data: object) => void} options.tell gets each event: a name of EVENTS, or "retry"
   * @param {(error: Error) => void} options.fail gets what goes wrong
   * @param {object} [options.timers] setTimeout and clearTimeout
   */
  constructor({ session, create, tell, fail, timers = globalThis }) {
    this.#session = session;
    this.#create = create;
    this.#tell = tell;
    this.#fail = fail;
    this.#timers = timers;
  }

  /** Connect, and stay connected. */
  async start() {
    const attempt = ++this.#attempt;
    this.#stopTimer();
    try {
      // A connection that fails twice may have a token that another login ended.
      const session = await this.#session(this.#failures > 1 ? this.#expiresAt : null);
      if (attempt === this.#attempt) this.#begin(session);
    } catch (error) {
      this.#fail(error);
      if (attempt === this.#attempt && !FOR_GOOD.includes(error.key)) this.#retry(error.facts?.seconds);
    }
  }

  /** Call the method *name* of the centre's script, with text that names whom to call, if it takes some. */
  act(name, to, type) {
    if (!this.#isConnected) throw new Trouble("centre_offline");
    if (to !== undefined && !TARGET.test(to)) throw new Trouble("number_wrong");
    if (CHOICES.includes(name)) this.#wanted = name;
    if (name === "login") this.#wanted = null;
    this.#bar[name](...[to, type].filter((value) => value !== undefined));
  }

  /** Return once the agent is busy, so that no call comes in while one goes out; throws a Trouble when it takes long. */
  becomeBusy() {
    if (!this.#isConnected) throw new Trouble("centre_offline");
    if (!this.#isSignedIn) throw new Trouble("centre_signed_out");
    if (this.#state === "busy") return Promise.resolve();
    return new Promise((proceed, fail) => {
      const late = this.#timers.setTimeout(() => fail(new Trouble("centre_not_busy")), PATIENCE);
      this.#waiting.push(() => {
        this.#timers.clearTimeout(late);
        proceed();
      });
      this.act("busy");
    });
  }

  #begin({ url, token, expiresAt }) {
    const connection = { token };
    this.#live = connection;
    this.#isRenewalDue = this.#isConnected = false;
    const listen = (name) => (data) => {
      if (connection === this.#live) this.#hear(name, data);
    };
    const errLog = (error) => this.#fail(new Trouble("centre_failed", { words: withoutToken(error, token) }));
    const callback = Object.fromEntries(EVENTS.map((name) => [name, listen(name)]));
    this.#expiresAt = expiresAt;
    this.#renewAt(expiresAt);
    this.#timer = this.#timers.setTimeout(() => this.#retry(), PATIENCE);
    this.#bar = this.#create({ url, token, infoLog: () => {}, errLog }, callback);
    this.#bar.initSDK();
  }

  #hear(name, data) {
    if (name === "onConnect") this.#connected();
    if (name === "onLogin") this.#signedIn();
    if (name === "onLogout") this.#isSignedIn = false;
    if (name === "onRing") this.#isInCall = true;
    if (name in STATES) this.#state = STATES[name];
    if (name === "onBusy") this.#waiting.splice(0).forEach((proceed) => proceed());
    this.#tell(name, name === "onRing" ? callOf(data) : data);
    if (name === "onDisconnect") this.#retry();
    if (name === "onHangup") this.#ended();
  }

  #connected() {
    this.#stopTimer();
    this.#isConnected = true;
    this.#failures = 0;
    if (this.#isSignedIn) this.#bar.login();
  }

  /** The state is unknown after a login; after a connection that was lost the agent's choice is made again. */
  #signedIn() {
    const choice = this.#isSignedIn ? this.#wanted : null;
    this.#isSignedIn = true;
    this.#state = null;
    if (choice !== null) this.#bar[choice]();
  }

  #ended() {
    this.#isInCall = false;
    if (this.#isRenewalDue) this.#renew();
  }

  /** Connect again, later each time that it fails. */
  #retry(seconds = 0) {
    this.#stopTimer();
    this.#live = this.#state = null;
    this.#isConnected = this.#isInCall = false;
    const delay = Math.min(MAX_DELAY, SECOND * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    const wait = Math.max(delay, seconds * SECOND);
    this.#tell("retry", { seconds: Math.ceil(wait / SECOND) });
    this.#timer = this.#timers.setTimeout(() => this.start(), wait);
  }

  /** Get another token in time. */
  #renewAt(expiresAt) {
    this.#timers.clearTimeout(this.#renewal);
    const left = expiresAt - Date.now() / SECOND;
    const seconds = left > 2 * BEFORE_EXPIRY ? left - BEFORE_EXPIRY : left / 2;
    const wait = Math.max(MIN_RENEWAL, Math.min(MAX_RENEWAL, seconds || 0));
    this.#renewal = this.#timers.setTimeout(() => this.#renew(), wait * SECOND);
  }

  /** Connect with another token, but not during a call; without one the present connection stays. */
  async #renew() {
    this.#isRenewalDue = this.#isInCall;
    if (this.#isInCall || !this.#isConnected) return;
    const { token } = this.#live;
    try {
      const session = await this.#session(null);
      if (this.#live?.token !== token) return;
      if (session.token === token || this.#isInCall) this.#renewAt(session.expiresAt);
      else this.#begin(session);
    } catch (error) {
      if (FOR_GOOD.includes(error.key)) this.#fail(error);
      else this.#renewAt(0);
    }
  }

  #stopTimer() {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Return what `onRing` says of a call: texts, whatever came. */
export function callOf(data) {
  const direction = DIRECTIONS.find((one) => one === data?.direction) ?? "";
  return { callId: word(data?.callId), number: word(data?.popScreenNo), direction, hasSpeech: data?.enableAsr === true };
}

/** Return the text of a result of the speech recognition; its form is not documented. */
export function speechOf(data) {
  return textOf(data?.text ?? data);
}

/** Return the centre's class when its script has loaded from *url*. */
export async function loadScript(url, page = globalThis) {
  await loaded(url, page.document);
  if (typeof page.Ctibar !== "function") throw new Trouble("centre_script_missing");
  return page.Ctibar;
}

function withoutToken(error, token) {
  return textOf(error?.message ?? error).replaceAll(token, "…");
}

function word(value) {
  return ["string", "number"].includes(typeof value) ? String(value).trim().slice(0, MAX_TEXT) : "";
}

function textOf(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.slice(0, MAX_TEXT);
}

function loaded(url, document) {
  const script = document.createElement("script");
  script.src = url; // without the nonce: the policy allows its origin by name
  return new Promise((proceed, fail) => {
    script.addEventListener("load", proceed);
    script.addEventListener("error", () => fail(new Trouble("centre_script_missing")));
    document.head.append(script);
  });
}
