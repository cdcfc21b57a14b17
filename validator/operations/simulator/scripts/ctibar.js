// The bar's script of the simulated other centre: the documented class, over messages of this simulator.
//
//   const bar = new Ctibar({ url: "wss://…/ws", token, infoLog, errLog }, { onRing: (call) => …, … });
//   bar.initSDK();
(() => {
  "use strict";

  class Ctibar {
    #config;
    #callback;
    #socket = null;

    constructor(config, callback) {
      this.#config = config;
      this.#callback = callback;
    }

    initSDK() {
      const { url, token } = this.#config;
      const socket = new WebSocket(url);
      this.#socket = socket;
      socket.addEventListener("open", () => socket.send(JSON.stringify({ token })));
      socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data)));
      socket.addEventListener("error", () => this.#config.errLog?.("the connection failed"));
      socket.addEventListener("close", ({ code }) => {
        this.#config.infoLog?.(`closed (${code})`, "socket");
        this.#callback.onDisconnect?.();
      });
    }

    login() { this.#send("login"); }
    logout() { this.#send("logout"); }
    ready() { this.#send("ready"); }
    busy() { this.#send("busy"); }
    rest() { this.#send("rest"); }
    makecall(to) { this.#send("makecall", to); }
    offhook() { this.#send("offhook"); }
    hangup() { this.#send("hangup"); }
    hold() { this.#send("hold"); }
    unhold() { this.#send("unhold"); }
    transfer(to, type) { this.#send("transfer", to, type); }
    consult(to) { this.#send("consult", to); }
    consultComplete() { this.#send("consultComplete"); }
    consultCancel() { this.#send("consultCancel"); }

    #hear({ event, data }) {
      this.#config.infoLog?.(event, "event");
      this.#callback[event]?.(data);
    }

    #send(method, ...values) {
      if (this.#socket?.readyState !== WebSocket.OPEN) {
        this.#config.errLog?.(`${method}: there is no connection`);
        return;
      }
      this.#socket.send(JSON.stringify({ method, arguments: values }));
    }
  }

  window.Ctibar = Ctibar;
})();
