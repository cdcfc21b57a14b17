// The question before a page is shared, and the notice while it is.
//
// Both are in a closed shadow root and in the browser's top layer: styles and scripts of the page do not reach
// them, and nothing lies above them by its z-index. Only a click of the person decides, on a question that has been
// seen for a second and is not covered: a click meant for something else (clickjacking) and a script's click do not.

const QUESTION_WORDS = {
  en: {
    title: "Share this page with {cloud}?",
    text: "An agent there will see this page as you see it, and may act in it. Share it only if you are in contact with an agent now.",
    yes: "Share this page",
    no: "Do not share",
    covered: "Something covers this question, or changes how it looks.",
    shared: "This page is shared with {cloud}.",
    ready: "An agent of {cloud} can now ask to see this page.",
    stop: "Stop sharing",
    refused: "Nothing is shared: the link of the agent is malformed, or names another site.",
    failed: "Nothing is shared: the script of {cloud} did not run.",
    close: "Close",
  },
  zh: {
    title: "与 {cloud} 共享此页面？",
    text: "对方座席将看到与您所见相同的页面，并可能在其中操作。请仅在您正与座席沟通时共享。",
    yes: "共享此页面",
    no: "不共享",
    covered: "此提示被遮挡，或其外观被更改。",
    shared: "此页面正与 {cloud} 共享。",
    ready: "{cloud} 的座席现在可以请求查看此页面。",
    stop: "停止共享",
    refused: "未共享任何内容：座席的链接格式有误，或指向其他网站。",
    failed: "未共享任何内容：{cloud} 的脚本未能运行。",
    close: "关闭",
  },
};
const SEEN = 1000; // milliseconds that a person must have seen the question before a click counts
const COLOURS = "color-scheme: light dark; color: CanvasText; background: Canvas; border: 2px solid #0b57d0;";
const FONT = "font: 16px/1.5 system-ui, sans-serif; text-align: start;";
const BUTTON = "font: inherit; margin: 4px 8px 4px 0; padding: 8px 16px; cursor: pointer;";
const STYLES = {
  dialog: `all: revert; ${COLOURS} ${FONT} max-width: 32em; padding: 24px; border-radius: 12px;`,
  notice: `all: revert; ${COLOURS} ${FONT} position: fixed; inset: auto 16px 16px auto; margin: 0; padding: 8px 16px; border-radius: 8px;`,
};

/**
 * Ask whether to share this page with *cloud*, a name; return whether the person clicked on yes.
 *
 * @param {{cloud: string, language: string}} options
 * @returns {Promise<boolean>}
 */
export function askToShare({ cloud, language }) {
  const say = wordsFor(cloud, language);
  const [yes, no] = [newButton(say("yes")), newButton(say("no"))];
  const trouble = element("p", "", { role: "alert" });
  const dialog = element("dialog", STYLES.dialog, { "aria-label": say("title") });
  dialog.append(heading(say("title")), element("p", "", {}, say("text")), trouble, no, yes);
  const host = shown(dialog);
  dialog.showModal();
  no.focus();
  const disarm = arm(yes, (isCovered) => (trouble.textContent = isCovered ? say("covered") : ""));
  return new Promise((decide) => {
    const end = (isYes) => {
      disarm();
      host.remove();
      decide(isYes);
    };
    no.addEventListener("click", () => end(false));
    dialog.addEventListener("cancel", () => end(false));
    yes.addEventListener("click", (event) => {
      if (event.isTrusted) end(true);
    });
  });
}

/** Show that the page is "shared", or "ready" to be, with a button that calls *stop*. */
export function showSharing({ cloud, language, state, stop }) {
  const say = wordsFor(cloud, language);
  notice(say(state), say("stop"), stop);
}

/** Show why the page is not shared: "refused" or "failed". */
export function showNotShared({ cloud, language, why }) {
  const say = wordsFor(cloud, language);
  const host = notice(say(why), say("close"), () => host.remove());
}

function notice(text, action, act) {
  const bar = element("div", STYLES.notice, { popover: "manual", role: "status" });
  const button = newButton(action);
  bar.append(element("p", "margin: 0;", {}, text), button);
  const host = shown(bar);
  bar.showPopover();
  button.addEventListener("click", act);
  return host;
}

/**
 * Let *button* be clicked once it has been seen for `SEEN`, in a window in front; *tell* whether something covers it.
 * Return what ends that.
 */
function arm(button, tell) {
  const ending = new AbortController();
  let [timer, isSeen] = [0, false];
  const again = () => {
    clearTimeout(timer);
    button.disabled = true;
    if (isSeen && document.hasFocus()) timer = setTimeout(() => (button.disabled = false), SEEN);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      const { intersectionRatio, isVisible = true } = entries.at(-1); // not every browser knows what covers it
      isSeen = intersectionRatio === 1 && isVisible;
      tell(!isSeen);
      again();
    },
    { threshold: [0, 1], trackVisibility: true, delay: 100 },
  );
  observer.observe(button);
  for (const name of ["focus", "blur"]) globalThis.addEventListener(name, again, { signal: ending.signal });
  document.addEventListener("visibilitychange", again, { signal: ending.signal });
  again();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    ending.abort();
  };
}

/** Put *part* into a shadow root that the page cannot open; return the root's element. */
function shown(part) {
  const host = document.createElement("div");
  host.attachShadow({ mode: "closed" }).append(part);
  document.documentElement.append(host);
  return host;
}

function heading(text) {
  return element("h2", "margin: 0; font-size: 1.25em;", {}, text);
}

function newButton(text) {
  return element("button", BUTTON, { type: "button" }, text);
}

/** Return a new element; its style is set by script, which no policy of a page forbids. */
function element(name, style, attributes = {}, text = "") {
  const made = document.createElement(name);
  made.style.cssText = style;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function wordsFor(cloud, language) {
  const words = QUESTION_WORDS[language.toLowerCase().startsWith("zh") ? "zh" : "en"];
  return (key) => words[key].replace("{cloud}", cloud);
}
