// The schema is a contract with clients: a breaking change must be in the changelog.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { releasedSchema, unnamedChanges } from "../schema-changes.mjs";

const ROOT = new URL("../..", import.meta.url).pathname;

test("the changelog names every breaking change since the last release", (t) => {
  const before = releasedSchema(ROOT);
  if (before === undefined) {
    t.diagnostic("there is no release yet, so no change breaks a client");
    return;
  }
  const read = (name) => readFileSync(join(ROOT, name), "utf8");
  assert.deepEqual(unnamedChanges(before, read("schema.graphql"), read("CHANGELOG.md")), []);
});

test("a breaking change that the changelog does not name is reported", () => {
  const before = "type Query { a: Int b: Int } enum Color { RED BLUE }";
  const after = "type Query { a: String b: Int c: Int } enum Color { RED }";
  const log = (text) => `# Changelog\n\n## Unreleased\n\n- ${text}\n\n## 1.0.0\n\n- \`Color.BLUE\`\n`;

  assert.equal(unnamedChanges(before, after, log("nothing")).length, 2);
  assert.deepEqual(unnamedChanges(before, after, log("`Query.a` is a string.")), [
    "BLUE was removed from enum type Color.",
  ]);
  assert.deepEqual(unnamedChanges(before, after, log("`Query.a` is a string. `Color` has no blue.")), []);
  assert.deepEqual(unnamedChanges(before, before, log("nothing")), []);
});

test("the schema of the last release is found by its tag", () => {
  const folder = mkdtempSync(join(tmpdir(), "schema-"));
  const git = (...args) => execFileSync("git", ["-C", folder, ...args], { stdio: "pipe" });
  try {
    git("init", "-q");
    const commit = (schema) => {
      writeFileSync(join(folder, "schema.graphql"), schema);
      git("add", ".");
      git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "a version");
    };
    commit("type Query { a: Int }");
    assert.equal(releasedSchema(folder), undefined);
    git("tag", "v0.9.0");
    commit("type Query { b: Int }");
    git("tag", "v0.10.0");
    commit("type Query { c: Int }");
    assert.equal(releasedSchema(folder), "type Query { b: Int }");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
