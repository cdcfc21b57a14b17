// What the pages here share: their options, which stand in the address, and the calls that the cloud's
// scripts are fetched with. Each page leaves a promise of what came of it in window.outcome.

const options = new URLSearchParams(location.search);
const nonceOfPage = document.currentScript.nonce;

// The documents' way to name the cloud. As a whole address it is https://service-cloud, which is nobody.
const GLUED = `${location.protocol}/service-cloud`;

// The cloud, as this origin has it; a page of another origin is told where it is.
function cloud() {
  if (options.get("cloud") === "glued") return GLUED;
  return options.get("cloud") || `${location.origin}${options.get("prefix") || ""}/service-cloud`;
}

function loadLibrary() {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = `/lib/${options.get("library")}.js`;
    element.nonce = nonceOfPage;
    element.onload = resolve;
    element.onerror = reject;
    document.head.append(element);
  });
}

// Posts `fields` as JSON text with the cookies, and gives {status, text} whatever is answered; 0 is no answer.
function post(url, fields) {
  return options.get("library").startsWith("axios") ? postWithAxios(url, fields) : postWithJquery(url, fields);
}

function postWithJquery(url, fields) {
  const call = {
    type: "POST",
    url,
    data: JSON.stringify(fields),
    crossDomain: options.get("crossDomain") !== "none",
    xhrFields: { withCredentials: true },
  };
  if (options.get("dataType") !== "none") call.dataType = "text";
  if (options.get("contentType")) call.contentType = options.get("contentType");
  return new Promise((resolve) => {
    call.success = (text, _, answer) => resolve({ status: answer.status, text });
    call.error = (answer) => resolve({ status: answer.status, text: answer.responseText });
    window.jQuery.ajax(call);
  });
}

async function postWithAxios(url, fields) {
  const call = { method: "post", url, data: JSON.stringify(fields), withCredentials: true };
  if (options.get("contentType")) call.headers = { "Content-Type": options.get("contentType") };
  try {
    const answer = await window.axios(call);
    return { status: answer.status, text: answer.data };
  } catch (error) {
    return { status: error.response ? error.response.status : 0, text: String(error) };
  }
}

// Runs a script that was fetched as text. Without the nonce a content security policy may forbid it.
function runScript(text) {
  const element = document.createElement("script");
  if (options.get("nonce") !== "none") element.nonce = nonceOfPage;
  element.textContent = text;
  document.head.append(element);
}
