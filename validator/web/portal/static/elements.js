// New elements, with text as text.

/** Return a new element with properties, and with text and children in it. */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
