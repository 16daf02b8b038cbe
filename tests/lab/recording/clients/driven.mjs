// A browser that Puppeteer drives: `driven.mjs JSON`, with the keys of driven.py.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";

const require = createRequire(process.env.LAB_NODE + "/");
const job = JSON.parse(process.argv[2]);
const SPEED = 20, LONGEST_WAIT_S = 6; // as in pauses.py

let state = job.seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
function drawn() {
  if (!job.spread) return job.pause_s;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(Math.log(job.pause_s) - job.spread ** 2 / 2 + job.spread * normal);
}
async function pause(meant) {
  const started = Date.now();
  await new Promise((done) => setTimeout(done, Math.min(meant / SPEED, LONGEST_WAIT_S) * 1000));
  appendFileSync(process.env.LAB_PAUSES, `${started * 1000} ${Date.now() * 1000} ${Math.round(meant * 1e6)}\n`);
}
// Wait until the page asks for nothing more: what came during a pause would be stretched with it.
async function settle(page) {
  for (let before = "", tries = 0; tries < 40; tries++) {
    await new Promise((done) => setTimeout(done, 250));
    const now = await page.evaluate("document.readyState + performance.getEntriesByType('resource').length");
    if (now === before && now.startsWith("complete")) return;
    before = now;
  }
}
const slugs = ["garden", "kitchen", "lamps", "shoes", "bikes", "books", "tools", "toys", "tea", "paper", "maps"];
function address(number) {
  const slug = slugs[number % slugs.length];
  const paths = { "shop.test": `/product/${number}`, "blog.test": `/posts/${number}-on-${slug}`,
    "news.test": `/article/${number}-${slug}` };
  return `https://${job.host}${paths[job.host] ?? `/sets/${number}`}`;
}
let launcher = require("puppeteer-core");
if (job.stealth) {
  const { addExtra } = require("puppeteer-extra");
  launcher = addExtra(launcher);
  launcher.use(require("puppeteer-extra-plugin-stealth")());
}
for (const [visit, pages] of job.visits.entries()) {
  if (visit) await pause(job.gap_s * (0.5 + random()));
  const options = { executablePath: "/usr/bin/chromium", headless: !job.window, args: ["--no-sandbox"] };
  if (job.keeps_profile) options.userDataDir = process.env.HOME + "/profile";
  const browser = await launcher.launch(options);
  const page = await browser.newPage();
  if (job.blocks_images) {
    await page.setRequestInterception(true);
    page.on("request", (one) => (one.resourceType() === "image" ? one.abort() : one.continue()));
  }
  const first = 1 + Math.floor(random() * 300);
  for (let number = 0; number < pages; number++) {
    if (number) await pause(drawn());
    try {
      const links = job.errand === "click" ? await page.$$("main a.go") : [];
      if (number && links.length) {
        await Promise.all([page.waitForNavigation({ timeout: 15000 }),
          links[Math.floor(random() * links.length)].click()]);
      } else {
        const where = job.errand === "click" ? `https://${job.host}/` : address(first + number);
        await page.goto(where);
      }
      await settle(page);
    } catch (error) {
      console.error(`puppeteer: ${error}`.slice(0, 200));
    }
  }
  await browser.close();
}
