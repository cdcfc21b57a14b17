// The web chat: a round blue button in the corner, and behind it a window to write in. What is written goes to
// the cloud with the cookie ccmessaging-token and comes back, so that a blocked cookie is seen.
(() => {
  "use strict";
  const given = {};

  const WORDS = {
    en: ["Chat with us", "Message", "Send", "Close", "Connected as"],
    zh: ["在线客服", "消息", "发送", "关闭", "已接入："],
    ar: ["تحدث معنا", "رسالة", "إرسال", "إغلاق", "متصل باسم"],
    es: ["Chatee con nosotros", "Mensaje", "Enviar", "Cerrar", "Conectado como"],
    pt: ["Converse conosco", "Mensagem", "Enviar", "Fechar", "Conectado como"],
    fr: ["Discutez avec nous", "Message", "Envoyer", "Fermer", "Connecté en tant que"],
  };
  const language = given.locale in WORDS ? given.locale : "en";
  const [title, message, send, close, connected] = WORDS[language];
  const context = () => {
    if (typeof $ContextPath === "string") return $ContextPath;
    if (typeof $aicc_ContextPath === "string") return $aicc_ContextPath;
    return `${location.origin}/service-cloud`;
  };
  const url = `${context().replace(/\/*$/, "")}/webclient/chat_client/rest/messages`;
  const BLUE = "#0a58ca";

  const make = (name, properties, style, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    Object.assign(element.style, style);
    element.append(...children);
    return element;
  };
  const button = (text, style, act) => {
    const element = make("button", { type: "button", textContent: text }, { font: "inherit", ...style });
    element.addEventListener("click", act);
    return element;
  };

  const log = make("div", {}, { flex: "1", overflowY: "auto", padding: "8px" });
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "polite");
  const add = (text) => log.append(make("p", { textContent: text }, { margin: "0 0 6px" }));

  const input = make("input", { type: "text", maxLength: 1000, required: true }, { flex: "1", font: "inherit" });
  input.setAttribute("aria-label", message);
  const submit = make("button", { type: "submit", textContent: send }, { font: "inherit" });
  const form = make("form", {}, { display: "flex", gap: "6px", padding: "8px" }, input, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const content = input.value;
    input.value = "";
    try {
      const answer = await fetch(url, { method: "POST", credentials: "include", body: JSON.stringify({ content }) });
      // Read in any case: of an answer that nobody reads, a page is not told the status (Resource Timing).
      const text = await answer.text();
      add(answer.ok ? `${given.thirdUserName}: ${JSON.parse(text).content}` : `HTTP ${answer.status}`);
    } catch {
      add(`${content} …`);
    }
  });

  const heading = make("h2", { textContent: title, id: "ccmessaging-title" }, { font: "inherit", margin: "0" });
  const bar = make(
    "div",
    {},
    { display: "flex", justifyContent: "space-between", padding: "8px", background: BLUE, color: "#fff" },
    heading,
    button(close, {}, () => toggle(false)),
  );
  const panel = make("div", { hidden: true, id: "ccmessaging-window" }, {}, bar, log, form);
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-labelledby", "ccmessaging-title");
  const drawn = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  };
  const shape = drawn("path", { d: "M3 4h18v13H10l-5 4v-4H3z", fill: "currentColor" });
  const bubble = button("", {}, () => toggle(panel.hidden));
  bubble.append(drawn("svg", { viewBox: "0 0 24 24", width: "28", height: "28", "aria-hidden": "true" }, shape));
  bubble.id = "ccmessaging-bubble";
  bubble.setAttribute("aria-label", title);
  bubble.setAttribute("aria-expanded", "false");
  bubble.setAttribute("aria-controls", "ccmessaging-window");

  const toggle = (isOpen) => {
    panel.hidden = !isOpen;
    panel.style.display = isOpen ? "flex" : "none";
    bubble.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? input : bubble).focus();
  };
  const corner = { position: "fixed", insetInlineEnd: "24px", zIndex: "2147483000", font: "15px/1.4 system-ui, sans-serif" };
  Object.assign(bubble.style, corner, {
    insetBlockEnd: "24px",
    width: "56px",
    height: "56px",
    border: "0",
    borderRadius: "50%",
    background: BLUE,
    color: "#fff",
    cursor: "pointer",
  });
  Object.assign(panel.style, corner, {
    insetBlockEnd: "92px",
    width: "min(320px, calc(100vw - 48px))",
    height: "380px",
    flexDirection: "column",
    display: "none",
    background: "#fff",
    color: "#10243e",
    border: `1px solid ${BLUE}`,
    borderRadius: "8px",
    overflow: "hidden",
  });

  const older = document.getElementById("ccmessaging");
  if (older) older.remove();
  const root = make("div", { id: "ccmessaging", lang: language, dir: language === "ar" ? "rtl" : "ltr" }, { colorScheme: "light" }, panel, bubble);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) toggle(false);
  });
  (document.body || document.documentElement).append(root);
  add(`${connected} ${given.thirdUserName}`);
})();
