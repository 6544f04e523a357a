// The page in a real browser, over queries that run: node page.mjs BIN FOLDER, with BIN the folder of the tools and FOLDER an
// empty one for the queries. `make test-ui` installs playwright-core and calls it. Leaves FOLDER/../page.png and others.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [bin, folder] = process.argv.slice(2).map((path) => resolve(path));
const pictures = resolve(folder, "..");
const { chromium } = createRequire(join(pictures, "package.json"))("playwright-core");
const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}`, ST_RUNTIME_DIR: join(folder, "registry"), LC_ALL: "C.UTF-8" };
const PATIENCE = 60_000;
const HOSTILE = `<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>`;
const children = [];

function start(line) {
  const child = spawn("bash", ["-c", `set -o pipefail; ${line}`], { cwd: folder, env: environment, stdio: ["ignore", "ignore", "pipe"], detached: true });
  child.said = "";
  child.stderr.on("data", (bytes) => (child.said += bytes));
  child.ended = new Promise((done) => child.on("close", done));
  children.push(child);
  return child;
}

/** A file of shop events; each file is a minute later. */
let files = 0;
function shop() {
  const categories = ["books", "garden", "kitchen", "music", HOSTILE];
  const rows = [];
  for (let n = 0; n < 500; n += 1) {
    const time = new Date(Date.now() - 30 * 60_000 + files * 60_000 + n * 120);
    // Once in a while an event of two hours ago, and a line that is no JSON.
    const late = files > 3 && n % 100 === 7;
    const timestamp = new Date(time.getTime() - (late ? 72e5 : 0)).toISOString();
    rows.push(n === 250 && files % 4 === 2 ? "{not JSON" : JSON.stringify({
      timestamp, category: categories[(n * 7 + files) % 5], event_type: n % 3 === 0 ? "purchase" : "view", price: 5 + ((n * 13 + files * 7) % 90), quantity: 1 + (n % 3),
    }));
  }
  const name = `events/${String(files).padStart(4, "0")}.json`;
  writeFileSync(join(folder, "part"), rows.join("\n") + "\n");
  renameSync(join(folder, "part"), join(folder, name));
  files += 1;
}

/** Waits until `get` gives something, and returns it. */
async function until(what, get) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const found = await get();
    if (found) return found;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error(`${what}: not within ${PATIENCE / 1000} seconds`);
}

async function main() {
  for (const name of ["events", "bad", "registry", "ck"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "bad/a.json"), '{"price":1}\n{"price":"<b>much</b>"}\n{not JSON\n');
  shop();
  start(`
    revenue() {
      st-watermark timestamp '10 minutes' -q | st-map --where "event_type = 'purchase'" -q |
        st-agg --by 'window(timestamp, "5 minutes") as window, category' --agg 'sum(price * quantity) as revenue, count(*) as purchases' -q |
        st-sink sqlite shop.db --table revenue -q
    }
    all() { st-map --select 'event_type, category' -q | st-sink json out -q; }
    export -f revenue all
    st-tail events --max-files-per-trigger 1 --trigger 300ms --checkpoint ck/shop -q \
      --schema 'timestamp TIMESTAMP, category STRING, event_type STRING, price DOUBLE, quantity INT' |
      st-tee revenue=revenue all=all -q`);
  const broken = start(`st-tail bad --strict --checkpoint ck/broken --available-now -q | st-map --select 'price' -q | st-sink null -q`);
  start("st-rate --rows-per-second 5 -q | st-union <(st-rate --rows-per-second 5 --name other -q | st-map --rename 'value = v' -q) -q | st-sink null -q");
  const ui = start("exec st-ui ck --port 0");
  const address = await until("st-ui's address", () => /http:\S+/.exec(ui.said)?.[0]);
  const pace = setInterval(shop, 500);
  await broken.ended;

  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
    page.setDefaultTimeout(PATIENCE);
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("console", (said) => said.type() === "error" && wrong.push(said.text()));
    await page.goto(address);

    // A failed query comes first, and shows its error.
    await page.locator("main .error").waitFor();
    const error = await page.locator("main .error").innerText();
    assert.match(error, /st-tail/);
    assert.match(error, /a\.json/);
    await page.screenshot({ path: join(pictures, "failed.png"), fullPage: true });

    // The running one: numbers move, by themselves.
    await page.locator("nav .item", { hasText: "shop" }).click();
    const rows = page.locator(".tile", { hasText: "rows in" }).locator("b");
    await rows.waitFor();
    const count = async () => Number((await rows.innerText()).replace(/[,k]/g, "")) * ((await rows.innerText()).endsWith("k") ? 1000 : 1);
    const before = await count();
    await until("more rows", async () => (await count()) > before);
    // Its pipeline, with both sinks behind st-tee.
    await page.locator(".stage", { hasText: "st-tee" }).waitFor();
    const stages = await page.locator(".stage header b").allInnerTexts();
    assert.equal(stages.filter((name) => name.endsWith("st-tail")).length, 1, stages.join());
    assert.equal(stages.filter((name) => name.endsWith("st-sink")).length, 2, stages.join());
    // All of it is seen, side by side.
    const cut = () => page.locator(".pipeline").evaluateAll((found) => found.filter((one) => one.scrollWidth > one.clientWidth).length);
    assert.equal(await cut(), 0, "the pipeline is cut");
    assert.equal(await page.locator(".pipeline.tall").count(), 0);
    await page.getByRole("button", { name: /revenue/ }).click();
    await page.locator(".chip", { hasText: "keys" }).first().waitFor();
    await until("late and rejected rows in the drawing", async () => (await page.locator(".chip.warn", { hasText: "late" }).count()) > 0);

    // Charts are drawn.
    await until("a line with ten points", async () => {
      const paths = await page.locator(".charts path.line").evaluateAll((found) => found.map((path) => path.getAttribute("d").split("L").length));
      return paths.length >= 8 && paths[0] >= 10;
    });

    // SQL gives rows, and what a stranger wrote into a row is text.
    const box = page.getByLabel("SQL", { exact: true }).and(page.locator("textarea"));
    assert.equal(await box.inputValue(), "SELECT * FROM revenue LIMIT 100");
    await page.getByRole("button", { name: "Run" }).click();
    await page.locator(".result tbody tr").first().waitFor();
    assert.ok((await page.locator(".result tbody tr").count()) >= 5);
    await box.fill("SELECT category, sum(revenue) AS revenue FROM revenue GROUP BY category ORDER BY category");
    await box.press("Control+Enter");
    await until("five rows", async () => (await page.locator(".result tbody tr").count()) === 5);
    assert.equal(await page.locator(".result tbody td").first().innerText(), HOSTILE);
    assert.equal(await page.locator(".result rect.column").count(), 5);
    assert.equal(await page.evaluate(() => window.harmed), undefined);
    assert.equal(await page.locator(".result img, .result script").count(), 0);
    await page.screenshot({ path: join(pictures, "page.png"), fullPage: true });
    // Of many labels as many as fit.
    for (const [label, shown] of [["n || ' is the number of it'", /^1 is the number…$/], ["datetime(1736935200 + n * 300, 'unixepoch')", /^1\d:\d[05]$/], ["n % 7", /^\d$/]]) {
      await box.fill(`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 60) SELECT ${label} AS label, n AS value FROM r`);
      await box.press("Control+Enter");
      const ticks = page.locator(".answer text.middle");
      await until(`the labels ${label}`, async () => (await ticks.count()) > 0 && shown.test(await ticks.first().textContent()));
      const sides = await ticks.evaluateAll((found) => found.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right]));
      assert.ok(sides.length >= 4, label);
      sides.slice(1).forEach(([left], at) => assert.ok(left > sides[at][1], `${label}: labels overlap`));
    }
    await page.locator(".result").screenshot({ path: join(pictures, "labels.png") });
    await box.fill("DELETE FROM revenue");
    await box.press("Control+Enter");
    await page.locator(".result .error", { hasText: "readonly" }).or(page.locator(".result .error", { hasText: "only SELECT" })).waitFor();

    // A query with two sources and no checkpoint is one, and the second source stands beside the pipeline.
    await page.locator("nav .item", { hasText: "st-rate[" }).click();
    await page.locator(".into", { hasText: "into st-union" }).waitFor();
    assert.equal(await page.locator("nav .item").count(), 3);
    assert.equal(await page.locator(".pipeline").count(), 2);
    assert.deepEqual(await page.locator(".stage header b").allInnerTexts(), ["st-rate", "st-union", "st-sink", "other", "st-map"]);
    await page.locator("section[aria-label=Pipeline]").screenshot({ path: join(pictures, "union.png") });
    await page.locator("nav .item", { hasText: "shop" }).click();
    await page.locator(".stage", { hasText: "st-tee" }).waitFor();

    // Dark, and on a telephone: nothing is wider than the screen.
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: join(pictures, "dark.png"), fullPage: true });
    await page.setViewportSize({ width: 390, height: 800 });
    await until("the pipeline goes downwards", async () => (await page.locator(".pipeline.tall").count()) === 1);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than a small screen");
    assert.equal(await cut(), 0);
    await page.screenshot({ path: join(pictures, "small.png"), fullPage: true });

    // The server goes, and the page says so.
    process.kill(-ui.pid, "SIGTERM");
    await page.locator(".connection.off").waitFor();
    const told = wrong.filter((text) => !/ERR_|Failed to load resource/.test(text));
    assert.deepEqual(told, []);
  } finally {
    clearInterval(pace);
    await browser.close();
  }
}

let status = 0;
try {
  await main();
} catch (error) {
  status = 1;
  process.stderr.write(`${error.stack}\n${children.map((child) => child.said).join("")}`);
}
for (const child of children) {
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // It has ended.
  }
}
await Promise.all(children.map((child) => child.ended));
process.exit(status);
