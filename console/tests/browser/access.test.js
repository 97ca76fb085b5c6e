// Every page for those who use a keyboard or a screen reader: axe-core finds nothing, and the
// tabulator key reaches everything that can be used.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { findings } from "./accessible.js";
import { PASSWORD, Place } from "./place.js";

const PAGES = ["/", "/account/alpha", "/fills", "/splits", "/splits/1", "/tracking", "/health", "/people", "/sessions", "/nowhere"];
// A field of a time has a stop for each of its parts.
const FIELDS_OF_TIMES = 20;
const place = new Place();
let browser;
let session;

before(async () => {
  place.addUser("anna", "admin");
  await place.serve();
  place.split("alpha=40,beta=35,gamma=25", 1);
  place.fills("fills-1", 400);
  await place.console();
  place.fills("fills-0", 100);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  const context = await browser.newContext({ baseURL: place.url });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByTestId("positions").waitFor();
  session = await context.storageState();
});

after(async () => {
  await browser?.close();
  await place.close();
});

async function open(options = {}) {
  const context = await browser.newContext({ baseURL: place.url, storageState: session, ...options });
  return context.newPage();
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe-core finds nothing on any page, ${colorScheme}`, async () => {
    const page = await open({ colorScheme });
    for (const path of PAGES) {
      await page.goto(path);
      if (path !== "/nowhere") await page.locator(".status.fresh").waitFor();
      assert.deepEqual(await findings(page), [], path);
    }
    await page.goto("/splits");
    await page.getByRole("textbox").fill("alpha 50\nbeta 50");
    await page.getByRole("button", { name: "Show what changes" }).click();
    await page.getByTestId("summary").waitFor();
    assert.deepEqual(await findings(page), [], "the preview of a split");
    const stranger = await open({ colorScheme, storageState: undefined });
    await stranger.goto("/login");
    assert.deepEqual(await findings(stranger), [], "/login");
  });
}

test("the tabulator key reaches everything that can be used, and shows where it is", async () => {
  const page = await open();
  for (const path of PAGES) {
    await page.goto(path);
    const usable = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']")];
      const seen = all.filter((one) => one.checkVisibility() && !one.disabled);
      // By the elements themselves: a page that renews itself keeps these, and not their attributes.
      globalThis.places = new Map(seen.map((one, at) => [one, at]));
      return seen.length;
    });
    const reached = new Set();
    for (let presses = 0; presses <= usable + FIELDS_OF_TIMES && reached.size < usable; presses += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const one = document.activeElement;
        const shows = getComputedStyle(one).outlineStyle !== "none";
        const place = globalThis.places.get(one);
        return place === undefined ? null : { place, shows, html: one.outerHTML.slice(0, 80) };
      });
      if (!at) continue;
      assert.ok(at.shows, `${path}: the focus shows on ${at.html}`);
      reached.add(at.place);
    }
    assert.equal(reached.size, usable, path);
  }
  await page.goto("/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "live", "the first link skips the head");
});
