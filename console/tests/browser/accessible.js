// What axe-core finds on a page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core finds, a line for each. */
export async function findings(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) =>
    globalThis.axe.run(document, { runOnly: { type: "tag", values: rules } }), RULES);
  assert.ok(found.passes.length > 10, "axe-core has looked");
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
}
