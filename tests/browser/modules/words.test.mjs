// The words: there are some for everything, in both languages.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { Trouble } from "../../../validator/web/portal/static/trouble.js";
import { KEYS, stepWords, troubleWords, words } from "../../../validator/web/portal/static/words.js";

const FOLDER = new URL("../../../validator/web/portal/static/", import.meta.url);
const LANGUAGES = ["en", "zh-CN"];
const STATES = ["begun", "done", "failed"];
const FACTS = { about: "A", status: 500, seconds: 9, words: "W", blocked: "B" };

/** Every text that stands in the modules between quotes after one of *beginnings*. */
function named(pattern) {
  const sources = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".js"))
    .map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
  return new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1])));
}

test("every trouble that a module throws has words", () => {
  const thrown = named(/new Trouble\(\s*"(\w+)"/g);
  const chosen = named(/(?:\? |: |\?\? |^\s+\d{3}: )"([a-z]+_[a-z_]+)"/gm);

  assert.ok(thrown.size > 5);
  assert.deepEqual([...thrown].filter((key) => !KEYS.troubles.includes(key)), []);
  assert.deepEqual([...chosen].filter((key) => !KEYS.troubles.includes(key)), []);
});

test("every step that a module reports has words", () => {
  const reported = named(/step\(report, "(\w+)"/g);

  assert.deepEqual([...reported].sort(), [...KEYS.steps].sort());
});

for (const language of LANGUAGES) {
  test(`every sentence is whole in ${language}: no fact is missing, none is left as a name`, () => {
    const sentences = [
      ...KEYS.steps.flatMap((name) => STATES.map((state) => stepWords(language, name, state, "A"))),
      ...KEYS.troubles.map((key) => troubleWords(language, new Trouble(key, FACTS))),
      ...KEYS.others.map((key) => words(language, key, FACTS)),
    ];

    assert.deepEqual(sentences.filter((text) => !text || /[{}]|undefined|–/.test(text)), []);
  });
}

test("the two languages are not the same", () => {
  for (const key of KEYS.troubles) {
    const [english, chinese] = LANGUAGES.map((language) => troubleWords(language, new Trouble(key, FACTS)));
    assert.match(chinese, /[\u4e00-\u9fff]/, key);
    assert.doesNotMatch(english, /[\u4e00-\u9fff]/, key);
  }
});

test("a fact that is not known is a dash, and an error of another kind says what it says", () => {
  assert.match(troubleWords("en", new Trouble("throttled")), /in – s/);
  assert.match(troubleWords("en", new Error("x is not a function")), /x is not a function/);
});

test("a fact is put in as it is, whatever it has in it", () => {
  assert.match(troubleWords("en", new Trouble("script_failed", { words: "$& {about} $1" })), /\$& \{about\} \$1$/);
});
