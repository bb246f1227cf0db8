// Compares the schema with the one of the last release. A change that breaks clients must be named in the changelog.

import { execFileSync } from "node:child_process";

import { buildSchema, findBreakingChanges } from "graphql";

/**
 * Returns the descriptions of the breaking changes that the changelog's section "Unreleased" does not name. A change is
 * named by its place in the schema, such as `LoginInput.challengeId`, in backticks.
 */
export function unnamedChanges(before, after, changelog) {
  const [old, current] = [buildSchema(before), buildSchema(after)];
  const named = unreleased(changelog);
  const isType = (name) => old.getType(name) || current.getType(name);

  return findBreakingChanges(old, current)
    .map((change) => change.description)
    .filter((description) => {
      const words = description.match(/[A-Z]\w*(\.\w+)*/g) ?? [];
      const places = words.filter((word) => isType(word.split(".")[0]));
      // The most specific place, which is a field or an enum value if the description has one.
      const place = places.find((word) => word.includes(".")) ?? places[0] ?? description;
      return !named.includes(`\`${place}\``);
    });
}

function unreleased(changelog) {
  return changelog.split(/^## /m).find((section) => section.startsWith("Unreleased")) ?? "";
}

/** Returns the last release's `schema.graphql`, or undefined if there is no release yet. */
export function releasedSchema(repository) {
  const git = (...args) => execFileSync("git", ["-C", repository, ...args], { encoding: "utf8", stdio: "pipe" });
  const tags = git("tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-version:refname").split("\n");
  return tags[0] ? git("show", `${tags[0]}:schema.graphql`) : undefined;
}
